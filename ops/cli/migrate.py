"""`mailstream migrate`: the newest tables, and a price for every product that has none."""

from ops.cli.apps import new_app
from ops.cli.installation import check_database_url
from ops.cli.output import Json, print_json, say
from ops.migrations import is_current, upgrade
from pipeline.repository.database import Database
from pipeline.repository.prices import seed_prices
from pipeline.worker.settings import read_settings

app = new_app()


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database of MAILSTREAM_DATABASE_URL up to date; does nothing where it is.

    Safe when several processes start at once. Products that have no price get their first one.
    """
    url = read_settings().database_url
    check_database_url(url)
    changed = not is_current(url)
    upgrade(url)
    db = Database(url, pool_size=1)
    try:
        with db.write() as tx:
            seed_prices(tx)
    finally:
        db.dispose()
    if as_json:
        print_json({"changed": changed})
    else:
        say("the database is up to date now" if changed else "the database was up to date")

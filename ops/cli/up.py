"""`mailstream up`: the whole service in the foreground, on embedded defaults unless the settings say otherwise."""

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.apps import new_app
from ops.cli.output import say
from ops.services.supervisor import Died

if TYPE_CHECKING:
    from pipeline.worker.settings import Settings

_KEYS_FILE = "developer-keys.json"

app = new_app()


@app.command()
def up(
    port: Annotated[int, typer.Option(help="where the API listens")] = 8000,
    host: Annotated[str, typer.Option(help="the address it listens on")] = "127.0.0.1",
    home: Annotated[Path | None, typer.Option(help="folder for the database, files, keys and logs")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="worker processes")] = 2,
) -> None:
    """Run API, workers and scheduler in the foreground. Prints its URL and the keys of a developer's account."""
    from ops.services.installation import install
    from ops.services.supervisor import Supervisor

    installation = install(home=home, host=host, port=port)
    keys = developer_keys(installation.settings)

    def greet() -> None:
        typer.echo(f"URL       {installation.url}   (docs at /docs)")
        typer.echo(f"test key  {keys['test']}")
        typer.echo(f"operator  {keys['op']}")
        say(f"home      {installation.settings.home}   (logs in logs/)")
        say(f'try       export MAILSTREAM_KEY={keys["test"]}   then the curl of README.md, and "mailstream listen"')
        say("stop      Ctrl-C")

    say("Starting …")
    Supervisor(installation.children(workers=workers), notify=_tell).run(when_started=greet)


def developer_keys(settings: "Settings") -> dict[str, str]:
    """A test key and an operator's, made once and kept in `home`, readable by its owner only."""
    from pipeline.clock import machine_clock
    from pipeline.models.types import system_ids
    from pipeline.repository.accounts import account_named, create_account, create_key, find_key
    from pipeline.repository.database import Database

    path, db, ids, now = settings.home / _KEYS_FILE, Database(settings.database_url), system_ids(), machine_clock()
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    with db.write() as tx:
        # A database that was started anew knows none of the keys that lie here.
        if not all(find_key(tx, secret, pepper=settings.pepper) for secret in kept.values()):
            kept = {}
        if not kept:
            account = account_named(tx, "developer") or create_account(
                tx,
                "developer",
                ids=ids,
                now=now,
                sandbox_rate=settings.sandbox_rate,
                test_mailer_id=settings.test_mailer_id,
            )
            for mode, account_id in (("test", account.id), ("op", None)):
                _, kept[mode] = create_key(
                    tx, mode, account_id=account_id, pepper=settings.pepper, ids=ids, random_bits=secrets.randbits,
                    now=now, name="made by mailstream up",
                )  # fmt: skip
    db.dispose()
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file)
    return kept


def _tell(died: Died) -> None:
    say(f"{died.name} ended with {died.how}; it starts again in {died.wait_s:g} s")

"""`mailstream doctor`: looks at every setting and service, and says of each what to do where it is wrong."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.exc import SQLAlchemyError

from ops.cli.apps import new_app
from ops.cli.checks import Check, tell
from ops.cli.failure import explain
from ops.cli.installation import DATABASE_KINDS, DATABASE_URLS, sqlite_path
from ops.cli.output import Json
from ops.cli.probe import key_check
from ops.cli.profiles import fault_lines
from ops.migrations import at_head
from ops.services.process import ServiceError
from ops.services.redis import find_redis
from pipeline.clock import machine_clock
from pipeline.errors import Permanent, PortError
from pipeline.lifecycle import PROMISE_OPEN
from pipeline.models.profile import Floor, PrinterProfile
from pipeline.models.profile_check import as_line
from pipeline.models.profile_sense import sense_faults
from pipeline.press.process import child
from pipeline.press.sheets.layout import lay_out
from pipeline.products import PRODUCTS
from pipeline.repository.board import tick_until
from pipeline.repository.database import Database
from pipeline.repository.prices import read_prices
from pipeline.repository.printers import others_at_outbox
from pipeline.repository.tables import accounts, pieces, printers
from pipeline.sla.pickups import times_without_pickup
from pipeline.stages.watched_printers import ALARMS
from pipeline.worker.settings import Settings, read_settings

app = new_app()

Kind = tuple[str, str]
"""A product as a class of mail."""

_QUIET = timedelta(minutes=1)
"""A leader renews its lease at every tick: after this long nobody leads."""
_SBIN = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/sbin"))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Check settings, folders, database, Redis, programs, printers and the promise. Exits 1 where something is wrong."""
    settings = read_settings()
    checks = [
        _folder("home", settings.home, "MAILSTREAM_HOME"),
        _storage(settings),
        _redis(settings),
        _sshd(),
        _html(),
        _carrier(settings),
        *_database(settings),
    ]
    tell(checks, as_json)


def _folder(name: str, folder: Path, variable: str) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-"):
            return Check(name, True, str(folder))
    except OSError as error:
        return Check(
            name, False, f"{folder} cannot be written to ({error.strerror}): set {variable} to a folder that can"
        )


def _storage(settings: Settings) -> Check:
    if not settings.storage_url.startswith("file://"):
        return Check(
            "storage", False, f"{settings.storage_url} is not understood: set MAILSTREAM_STORAGE_URL to file:///path"
        )
    return _folder("storage", settings.storage_root, "MAILSTREAM_STORAGE_URL")


def _redis(settings: Settings) -> Check:
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
        return Check("redis", True, f"answers at {_without_password(settings.redis_url)}")
    except ValueError as error:
        return Check("redis", False, f"MAILSTREAM_REDIS_URL is not understood ({error}): give redis://HOST:6379/0")
    except (RedisError, OSError):
        return _embedded_redis(settings)


def _embedded_redis(settings: Settings) -> Check:
    """Nothing answers: that is as it should be where `up` is to start a Redis of its own."""
    if os.fspath(settings.home) not in settings.redis_url:
        where = _without_password(settings.redis_url)
        return Check("redis", False, f"nothing answers at {where}: start it, or unset MAILSTREAM_REDIS_URL")
    try:
        return Check("redis", True, f"not running; `mailstream up` starts {find_redis()}")
    except ServiceError as error:
        return Check("redis", False, str(error))


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _sshd() -> Check:
    found = shutil.which("sshd", path=os.environ.get("PATH", "") + os.pathsep + _SBIN)
    remedy = "sshd is missing: install openssh-server; the demo's printer needs it"
    return Check("sshd", found is not None, found or remedy)


def _html() -> Check:
    """Whether HTML can be made artwork: looked at where it is done, in a press process."""
    try:
        report = child.try_html()
    except PortError as error:
        return Check("html", False, str(error))
    return Check("html", report.ok, "can be made artwork" if report.ok else report.findings[0].detail)


def _carrier(settings: Settings) -> Check:
    if bool(settings.ivmtr_username) != bool(settings.ivmtr_password):
        return Check("carrier", False, "set both MAILSTREAM_IVMTR_USERNAME and MAILSTREAM_IVMTR_PASSWORD")
    if not settings.ivmtr_username:
        return Check("carrier", True, "no USPS account is set: live mail is not followed past the printer's word")
    return Check("carrier", True, f"{settings.ivmtr_url} as {settings.ivmtr_username}")


def _database(settings: Settings) -> Iterator[Check]:
    if not settings.database_url.startswith(DATABASE_KINDS):
        yield Check("database", False, f"MAILSTREAM_DATABASE_URL is not understood: give {DATABASE_URLS}")
        return
    path = sqlite_path(settings.database_url)
    if path is not None and not path.exists():
        yield Check("database", False, f"there is none at {path}: run `mailstream migrate`")
        return
    try:
        db = Database(settings.database_url, pool_size=1)
    except SQLAlchemyError as error:
        yield Check("database", False, str(explain(error) or error))
        return
    try:
        with db.read() as tx:
            yield from _tables(tx, settings)
    except SQLAlchemyError as error:
        yield Check("database", False, str(explain(error) or type(error).__name__))
    finally:
        db.dispose()


def _tables(tx: Connection, settings: Settings) -> Iterator[Check]:
    if not at_head(tx):
        yield Check("database", False, "its tables are not those of this version: run `mailstream migrate`")
        return
    yield Check("database", True, f"{tx.dialect.name}, up to date")
    priced = {product for product, _ in read_prices(tx)}
    unpriced = [name for name in PRODUCTS if name not in priced]
    yield Check(
        "prices", not unpriced, f"{', '.join(unpriced)} has none: run `mailstream migrate`" if unpriced else "all"
    )
    yield _clockwork(tx)
    yield from _printers(tx, settings)


def _clockwork(tx: Connection) -> Check:
    """Whether anything ticks, once something ever did and mail waits for it."""
    until = {mode: tick_until(tx, mode) for mode in ("live", "test")}
    begun = [one for one in until.values() if one is not None]
    if not begun:
        return Check("scheduler", True, "has not been started yet")
    now = machine_clock()
    quiet = [mode for mode, one in until.items() if one is None or one + _QUIET <= now]
    open_ = pieces.c.mode.in_(quiet), pieces.c.status.in_(sorted(PROMISE_OPEN))
    waiting = tx.execute(select(func.count()).where(*open_)).scalar_one() if quiet else 0
    if not waiting and len(quiet) < len(until):
        return Check("scheduler", True, "ticks")
    last = min((one for mode in quiet if (one := until[mode]) is not None), default=None)
    since = f"no {' or '.join(quiet)} mail was looked after " + (
        f"since {last:%Y-%m-%d %H:%M:%S} UTC" if last else "ever"
    )
    if not waiting:
        return Check("scheduler", True, f"{since}, and no mail waits")
    return Check(
        "scheduler",
        False,
        f"{since}, and {waiting:,} pieces wait: start `mailstream up`, or see ops/runbooks/tick-hangs.md",
    )


def _printers(tx: Connection, settings: Settings) -> Iterator[Check]:
    rows = tx.execute(select(printers).where(printers.c.mode == "live").order_by(printers.c.name)).all()
    if not rows:
        yield Check("printers", True, "none of live mail: add one by `mailstream printers add`")
        return
    makers: dict[Kind, frozenset[Floor]] = {}
    for row in rows:
        wrong = [*_faults(row, settings), *_shared_outbox(tx, row)]
        yield Check(f"printer {row.name}", not wrong, "; ".join(wrong) or "profile and key are in order")
        for kind, floor in _made(row):
            usable = not wrong and row.suspended_at is None and row.quarantined_at is None
            makers[kind] = makers.get(kind, frozenset()) | ({floor} if usable else frozenset())
    yield _promise(tx, makers)


def _made(row: Row[Any]) -> Iterator[tuple[Kind, Floor]]:
    """What a printer makes, and when; nothing where its profile cannot be read."""
    try:
        profile = PrinterProfile.model_validate(row.profile)
    except ValidationError:
        return
    for name in profile.products:
        if name in PRODUCTS and PRODUCTS[name].stock in profile.stocks:
            yield from (((name, mail_class), profile.floor) for mail_class in profile.classes)


def _faults(row: Row[Any], settings: Settings) -> Iterator[str]:
    if row.trouble is not None:
        yield _trouble(row)
    try:
        profile = PrinterProfile.model_validate(row.profile)
    except ValidationError as error:
        yield from fault_lines(error)
        return
    yield from map(as_line, sense_faults(profile))
    for name in profile.products:
        try:
            lay_out(PRODUCTS[name], profile.imposition)
        except KeyError:
            yield f"products: there is no product {name}"
        except Permanent as error:
            yield str(error)
    key = key_check(profile, settings.home)
    if not key.ok:
        yield key.detail


def _shared_outbox(tx: Connection, row: Row[Any]) -> Iterator[str]:
    for other in others_at_outbox(tx, row.id, row.profile.get("transport")):
        yield (
            f"{other} has the same outbox, and each refuses the other's acknowledgements: agree with the shop on a folder "
            "for each, then `mailstream printers edit NAME --set transport.outbox=…`"
        )


def _trouble(row: Row[Any]) -> str:
    """What keeps us out of a printer, and whom to ask after so long."""
    since = f"{row.trouble} since {row.trouble_since:%Y-%m-%d %H:%M} UTC: see ops/runbooks/{ALARMS[row.trouble][1]}.md"
    try:
        waited = machine_clock() - row.trouble_since
        asked = PrinterProfile.model_validate(row.profile).to_ask(waited.total_seconds() / 60)
    except ValidationError:
        asked = ""
    return f"{since}, and ask {asked}" if asked else since


def _promise(tx: Connection, makers: Mapping[Kind, frozenset[Floor]]) -> Check:
    """Whether in some quarter of the coming week no truck keeps the promise of some mail, for the accounts there are."""
    if not any(makers.values()):
        return Check("promise", False, "no printer takes live mail: put one in order, or end a suspension")
    start = machine_clock().replace(minute=0, second=0, microsecond=0)
    terms = tx.execute(select(accounts.c.zone, accounts.c.promise, accounts.c.cancel_window_s).distinct()).all()
    told = []
    for floors in dict.fromkeys(makers.values()):
        unkept: dict[str, None] = {}  # in the order of the week
        for name, promise, window_s in terms:
            zone, window = ZoneInfo(name), timedelta(seconds=window_s)
            times = times_without_pickup(floors, zone, start=start, window=window, promise=promise)
            unkept |= dict.fromkeys(f"{at.astimezone(zone):%a %H:%M}" for at in times)
        if unkept:
            kinds = ", ".join(
                f"{product} as {mail_class}" for (product, mail_class), by in makers.items() if by == floors
            )
            some = ", ".join(list(unkept)[:6])
            told.append(f"{kinds} accepted at {some} ({len(unkept)} quarters of an hour)")
    if told:
        remedy = "add a truck to floor.trucks, shorten floor.lead_minutes, or let another printer take it"
        return Check("promise", False, f"no truck keeps it for {'; for '.join(told)}: {remedy}")
    return Check(
        "promise", True, "every quarter of an hour of the coming week has a truck that keeps it, for all that is made"
    )

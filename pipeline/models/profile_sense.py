"""What is well-formed in a printer's profile and still makes no sense: no printer could be reached, or given anything, by it.

Told when a profile is saved, and by `doctor`. A stored one that is like this is still read: its printer's acknowledgements count.
"""

import re
from collections.abc import Iterator
from posixpath import normpath

from pipeline.errors import Fault
from pipeline.models.profile import Floor, PrinterProfile, Sftp, Sheet
from pipeline.products import PRODUCTS, STOCKS

_HOST = re.compile(r"[\w.:%-]{1,253}")
KEYS = "keys"
"""The folder of the installation's home in which private keys lie. Whoever changes printers by the API must not be able to name
any other file of the machine."""
_KEY_FILE = re.compile(KEYS + r"/[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_LEAST_TIMEOUT_S = 1.0
"""A server across a continent needs a tenth of it for each of the dozen answers with which a connection begins."""


def sense_faults(profile: PrinterProfile) -> Iterator[Fault]:
    """Each with its pointer into the profile and a remedy."""
    if isinstance(profile.transport, Sftp):
        yield from _transport(profile.transport)
    yield from _work(profile)
    yield from _floor(profile.floor)
    yield from _sheet(profile.imposition.sheet)


def _transport(transport: Sftp) -> Iterator[Fault]:
    if not _HOST.fullmatch(transport.host):
        remedy = "give a name or an address alone, such as sftp.example.com"
        yield Fault("invalid_value", "/transport/host", "is no host", remedy)
    if not transport.username.strip():
        yield Fault("too_short", "/transport/username", "is empty", "give the account's name")
    if not _KEY_FILE.fullmatch(transport.key_file):
        detail = "is no file in the folder of keys"
        remedy = (
            f"put the private key into {KEYS}/ in the service's MAILSTREAM_HOME, and give it as {KEYS}/ and its name, such as "
            f"{KEYS}/north; on that machine, `mailstream printers add` and `edit` copy one there that an absolute path names"
        )
        yield Fault("invalid_value", "/transport/key_file", detail, remedy)
    for name in ("inbox", "outbox"):
        if not _is_folder(getattr(transport, name)):
            detail = "is no folder within the account"
            yield Fault(
                "invalid_value", f"/transport/{name}", detail, "give a folder of its own, such as in or out, without .."
            )
    if normpath(transport.inbox).strip("/") == normpath(transport.outbox).strip("/"):
        detail = "is the inbox too"
        yield Fault(
            "invalid_value", "/transport/outbox", detail, "agree with the shop on another folder for what it says"
        )
    if transport.timeout_s < _LEAST_TIMEOUT_S:
        detail = "is shorter than any server needs to answer"
        yield Fault(
            "out_of_range", "/transport/timeout_s", detail, f"give {_LEAST_TIMEOUT_S:g} or more seconds, 30 as a rule"
        )


def _is_folder(path: str) -> bool:
    return bool(path.strip()) and ".." not in path.split("/") and normpath(path).strip("/") not in ("", ".")


def _work(profile: PrinterProfile) -> Iterator[Fault]:
    """What a printer makes: something, and on a stock that there is."""
    for name in ("products", "stocks", "classes"):
        if not getattr(profile, name):
            yield Fault(
                "too_short", f"/{name}", "is empty, so that it is given nothing", "name one, or suspend the printer"
            )
    unknown = [name for name in profile.stocks if name not in STOCKS]
    for at, name in enumerate(profile.stocks):
        if name in unknown:
            yield Fault("invalid_value", f"/stocks/{at}", f"there is no stock {name}", f"choose of {', '.join(STOCKS)}")
    needed = dict.fromkeys(PRODUCTS[name].stock for name in profile.products if name in PRODUCTS)
    if needed and profile.stocks and not unknown and not set(needed).intersection(profile.stocks):
        detail = "none of its products is made on these"
        yield Fault("invalid_value", "/stocks", detail, f"add {' or '.join(needed)}, or change its products")


def _floor(floor: Floor) -> Iterator[Fault]:
    if not floor.trucks:
        detail = "is empty, so that nothing is ever mailed"
        yield Fault("too_short", "/floor/trucks", detail, "give the times of the pick-ups, such as 17:00")
    if len(set(floor.closed_weekdays)) == 7:
        detail = "closes it on all days"
        yield Fault(
            "invalid_value", "/floor/closed_weekdays", detail, "leave the days out on which it works, or suspend it"
        )


def _sheet(sheet: Sheet) -> Iterator[Fault]:
    for side in ("width", "height"):
        whole, imageable = getattr(sheet, f"{side}_in"), getattr(sheet, f"imageable_{side}_in")
        if imageable > whole:
            detail = f"{imageable:g} in is more than the sheet's {whole:g} in"
            remedy = "give what the press images of this sheet"
            yield Fault("out_of_range", f"/imposition/sheet/imageable_{side}_in", detail, remedy)
    whole = sheet.width_in if sheet.gripper_edge in ("left", "right") else sheet.height_in
    if sheet.gripper_in > whole / 2:
        detail = f"{sheet.gripper_in:g} in is more than half of the sheet's {whole:g} in"
        yield Fault("out_of_range", "/imposition/sheet/gripper_in", detail, "give what the gripper holds, about 0.4")

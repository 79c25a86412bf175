"""What can be seen of a printer's account without a connection: its profile and its key file."""

from dataclasses import dataclass
from pathlib import Path

from ops.cli.checks import Check, tell
from ops.cli.installation import installation
from ops.cli.printer_rows import printer_row
from ops.cli.profiles import checked
from pipeline.models.profile import PrinterProfile, Sftp


@dataclass(frozen=True)
class Account:
    """How a live printer is reached: its profile, its key file, and what that was found to be, which is well."""

    profile: PrinterProfile
    transport: Sftp
    key_file: Path
    key: Check


def account_of(name: str, as_json: bool) -> Account:
    """The account of the printer of that name. Where its key file will not do, the command ends with that."""
    with installation() as here, here.db.read() as tx:
        row = printer_row(tx, name)
        home = here.settings.home
    profile = checked(row.profile, outcome="correct it by `mailstream printers edit`")
    key = key_check(profile, home)
    if not key.ok:
        tell([key], as_json)
    transport = sftp_of(profile)
    return Account(profile, transport, home / transport.key_file, key)


def sftp_of(profile: PrinterProfile) -> Sftp:
    """The transport of a live printer, whose profile was checked."""
    assert isinstance(profile.transport, Sftp)  # noqa: S101  # a live printer's always is: `profiles.checked`
    return profile.transport


def key_check(profile: PrinterProfile, home: Path) -> Check:
    """The private key: there, and nobody else's to read."""
    path = home / sftp_of(profile).key_file
    if not path.is_file():
        return Check("key file", False, f"{path} is missing: put the private key there, or set transport.key_file")
    if path.stat().st_mode & 0o077:
        return Check("key file", False, f"{path} can be read by others: chmod 600 {path}")
    return Check("key file", True, str(path))

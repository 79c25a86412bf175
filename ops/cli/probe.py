"""The key file of a printer: what can be seen of its transport without a connection."""

from pathlib import Path

from ops.cli.checks import Check
from pipeline.models.profile import PrinterProfile, Sftp


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

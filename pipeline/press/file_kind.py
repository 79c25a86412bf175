"""What a file is, by its first bytes and not by its name."""

from pathlib import Path


def sniff(source: Path) -> str:
    """ "pdf", "png", "jpeg" or "unknown". Up to a kilobyte may stand before a PDF's header."""
    with source.open("rb") as file:
        start = file.read(1024)
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if start.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    return "pdf" if b"%PDF-" in start else "unknown"

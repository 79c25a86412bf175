"""The fonts that HTML is set in: those that lie beside this file, and none of the machine's."""

import os
from html import escape
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
FONT_FILES = frozenset(FONTS.glob("*.ttf"))

# Our family for names that pages use, and last for all others.
_STAND_INS = {
    "Liberation Sans": ("sans-serif", "system-ui", "ui-sans-serif", "Arial", "Helvetica", "Helvetica Neue", "Verdana"),
    "Liberation Serif": ("serif", "ui-serif", "Times", "Times New Roman", "Georgia"),
    "Liberation Mono": ("monospace", "ui-monospace", "Courier", "Courier New"),
}


def use_own_fonts(folder: Path) -> None:
    """For this process, from now on. `folder` keeps fontconfig's file for as long as pages are made."""
    aliases = "".join(
        f'<alias binding="same"><family>{escape(name)}</family><prefer><family>{ours}</family></prefer></alias>'
        for ours, names in _STAND_INS.items()
        for name in names
    )
    last = '<edit name="family" mode="append_last"><string>Liberation Sans</string></edit>'
    file = folder / "fonts.conf"
    file.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">'
        f"<fontconfig><dir>{escape(str(FONTS))}</dir>{aliases}"
        f'<match target="pattern">{last}</match></fontconfig>',
        encoding="utf-8",
    )
    os.environ["FONTCONFIG_FILE"] = str(file)

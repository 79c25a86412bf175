"""The printing condition that a file's device colours are meant for, with its profile embedded (ISO 15930-7, 6.2.2).

The profiles lie in `icc/`, whose README says from which data they were made and why they may be given away.
"""

import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from pipeline.press.writer import PdfWriter, literal

IntentName = Literal["TR006"]


@dataclass(frozen=True)
class OutputIntent:
    """`identifier` is the condition's name in the ICC's registry of characterization data."""

    identifier: str
    condition: str
    profile: Path
    channels: int = 4


INTENTS: dict[str, OutputIntent] = {
    "TR006": OutputIntent(
        identifier="CGATS TR 006",
        condition="GRACoL 2006, ISO 12647-2 paper type 1, coated",
        profile=Path(__file__).parent / "icc" / "GRACoL2006_TR006.icc",
    )
}


def embed_intent(writer: PdfWriter, name: str) -> bytes:
    """Write intent and profile; gives the catalog's entry."""
    intent = INTENTS[name]
    profile = writer.stream(
        b"/N %d/Alternate/DeviceCMYK/Filter/FlateDecode" % intent.channels, packed_profile(name), compress=False
    )
    number = writer.add(
        b"<</Type/OutputIntent/S/GTS_PDFX/OutputConditionIdentifier%b/OutputCondition%b/RegistryName%b/Info%b"
        b"/DestOutputProfile %d 0 R>>"
        % (
            literal(intent.identifier),
            literal(intent.condition),
            literal("http://www.color.org"),
            literal(intent.condition),
            profile,
        )
    )
    return b"/OutputIntents[%d 0 R]" % number


@cache
def packed_profile(name: str) -> bytes:
    """Compressed once a process: the same 212 KB are in every file."""
    return zlib.compress(INTENTS[name].profile.read_bytes(), 6)

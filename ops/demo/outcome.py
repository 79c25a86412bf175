"""Whether a request came to what its fixture declares, and when its piece reached each step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ops.demo.senders import Ordered

STEPS = ("ready", "batched", "sent", "printed", "mailed", "in_transit", "out_for_delivery", "delivered")
_TOLD = ("mail.created", "mail.delivered")
# A carrier's first scan may be there before the printer's word: then it is what tells that a piece was mailed.
_MAILED = ("mail.mailed", "mail.in_transit", "mail.out_for_delivery")


@dataclass(frozen=True)
class Result:
    """`reached` is the outcome as the script writes it; `seconds` from acceptance to each step that was reached."""

    ordered: Ordered
    reached: str
    wrong: str
    printer: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def as_declared(self) -> bool:
        return not self.wrong


def judge(
    ordered: Ordered, piece: Mapping[str, Any] | None, events: Sequence[Mapping[str, Any]], told: set[str]
) -> Result:
    """`told` holds what the webhook receiver was told: the id of a piece followed by the type of the event."""
    declared = ordered.wanted.outcome
    if piece is None or ordered.mail_id is None:
        codes = ordered.refused_with
        reached = f"refused:{','.join(codes)}"
        right = declared.startswith("refused:") and declared.removeprefix("refused:") in codes
        return Result(ordered, reached, "" if right else f"declared {declared}")
    return Result(ordered, piece["status"], _wrong(declared, piece, events, told), seconds=_seconds(events))


def _wrong(declared: str, piece: Mapping[str, Any], events: Sequence[Mapping[str, Any]], told: set[str]) -> str:
    if piece["status"] != declared:
        return f"declared {declared}"
    if [event["sequence"] for event in events] != list(range(1, len(events) + 1)):
        return "its events are not in sequence"
    if declared != "delivered":
        return ""
    missing = [kind for kind in _TOLD if piece["id"] + kind not in told]
    if missing or not any(piece["id"] + kind in told for kind in _MAILED):
        return f"no webhook told of {', '.join(missing or _MAILED)}"
    return "" if piece["sla"]["state"] == "kept" else f"its promise is {piece['sla']['state']}"


def _seconds(events: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    first: dict[str, datetime] = {}
    for event in events:
        first.setdefault(event["type"].removeprefix("mail."), datetime.fromisoformat(event["at"]))
    start = first["created"]
    return {step: (first[step] - start).total_seconds() for step in STEPS if step in first}

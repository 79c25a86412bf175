"""What preflight says of one artwork file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipeline.errors import Fault
from pipeline.products import Box

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding(Fault):
    """A fault of artwork, with where it is and by how much.

    `page` counts from 1. `box_in` is x, y, width and height in inches from the top left of the trim. `measured` and
    `required` are for people, with their units.
    """

    severity: Severity = "error"
    page: int | None = None
    box_in: tuple[float, float, float, float] | None = None
    measured: str | None = None
    required: str | None = None

    @property
    def box(self) -> Box | None:
        return Box(*self.box_in) if self.box_in else None


@dataclass(frozen=True)
class Report:
    """`findings` stop the artwork; `warnings` let it pass and are shown to the sender.

    `address_side` is what would be said of it on the address side; empty where the side is known, since then the other
    two say it. `kind` is "pdf", "png", "jpeg" or "unknown". `size_in` is the artwork's width and height in inches, for
    images at the product's lowest resolution; `ppi` the lowest effective resolution of any image. None where it could not
    be measured.
    """

    kind: str
    findings: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()
    pages: int = 0
    size_in: tuple[float, float] | None = None
    ppi: float | None = None
    address_side: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings

    def with_more(self, found: Iterable[Finding], *, address_side: Iterable[Finding] = ()) -> "Report":
        """What else was found, each where its severity puts it."""
        more = tuple(found)
        return replace(
            self,
            findings=(*self.findings, *(one for one in more if one.severity == "error")),
            warnings=(*self.warnings, *(one for one in more if one.severity == "warning")),
            address_side=(*self.address_side, *address_side),
        )

    def on_address_side(self) -> "Report":
        """The same artwork, now that it is known to be for the address side."""
        return replace(self, address_side=()).with_more(self.address_side)

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; `from_dict` reads it back."""
        return {
            "ok": self.ok,
            "kind": self.kind,
            "findings": [found.as_dict() for found in self.findings],
            "warnings": [found.as_dict() for found in self.warnings],
            "address_side": [found.as_dict() for found in self.address_side],
            "pages": self.pages,
            "size_in": list(self.size_in) if self.size_in else None,
            "ppi": self.ppi,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Report":
        size = data["size_in"]
        return cls(
            kind=data["kind"],
            findings=_findings(data["findings"]),
            warnings=_findings(data["warnings"]),
            pages=data["pages"],
            size_in=(size[0], size[1]) if size else None,
            ppi=data["ppi"],
            address_side=_findings(data.get("address_side", ())),
        )


def unfit_for_address(report: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Of a report as `as_dict` gives it: what stops artwork that passed from being an address side."""
    return tuple(found for found in _findings(report.get("address_side", ())) if found.severity == "error")


def _findings(data: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    return tuple(Finding(**{**one, "box_in": tuple(one["box_in"]) if one.get("box_in") else None}) for one in data)


def finding(code: str, detail: str, remedy: str, **where: Any) -> Finding:
    """An error of the file itself; the caller knows which field of the request it came in."""
    return Finding(code=code, pointer="", detail=detail, remedy=remedy, **where)


def warning(code: str, detail: str, remedy: str, **where: Any) -> Finding:
    return finding(code, detail, remedy, severity="warning", **where)

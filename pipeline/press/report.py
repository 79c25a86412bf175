"""What preflight says of one artwork file."""

from dataclasses import dataclass
from typing import Any

from pipeline.errors import Fault


@dataclass(frozen=True)
class Report:
    """`findings` stop the artwork; `warnings` let it pass and are shown to the sender.

    `kind` is "pdf", "png", "jpeg" or "unknown". `size_in` is the artwork's width and height in inches, for images at
    the product's lowest resolution; `ppi` the lowest effective resolution of any image. None where it could not be
    measured.
    """

    kind: str
    findings: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    pages: int = 0
    size_in: tuple[float, float] | None = None
    ppi: float | None = None

    @property
    def ok(self) -> bool:
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it; `from_dict` reads it back."""
        return {
            "ok": self.ok,
            "kind": self.kind,
            "findings": [fault.as_dict() for fault in self.findings],
            "warnings": [fault.as_dict() for fault in self.warnings],
            "pages": self.pages,
            "size_in": list(self.size_in) if self.size_in else None,
            "ppi": self.ppi,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Report":
        size = data["size_in"]
        return cls(
            kind=data["kind"],
            findings=tuple(Fault(**fault) for fault in data["findings"]),
            warnings=tuple(Fault(**fault) for fault in data["warnings"]),
            pages=data["pages"],
            size_in=(size[0], size[1]) if size else None,
            ppi=data["ppi"],
        )


def finding(code: str, detail: str, remedy: str) -> Fault:
    """A fault of the file itself; the caller knows which field of the request it came in."""
    return Fault(code=code, pointer="", detail=detail, remedy=remedy)

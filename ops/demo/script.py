"""What the demo sends, as `fixtures/demo/mail.csv` declares it: one row a request, with the outcome that it must reach."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FIXTURES = Path("fixtures")
ACCOUNTS: Mapping[str, str] = {"harbor-books": "Harbor Books", "cedar-dental": "Cedar Dental"}
_ADDRESS = ("name", "company", "line1", "line2", "city", "state", "zip")


@dataclass(frozen=True)
class Wanted:
    """One request. `outcome` is the status that its piece ends in, or `refused:CODE` where the API must refuse it."""

    number: int
    account: str
    mail_class: str
    front: Path
    back: Path | None
    to: Mapping[str, str]
    outcome: str

    @property
    def body(self) -> dict[str, object]:
        """The request's JSON, but for the artwork."""
        return {
            "product": "postcard_4x6",
            "class": self.mail_class,
            "to": self.to,
            "external_id": f"demo-{self.number:03d}",
            "metadata": {"fixture": f"mail.csv row {self.number}"},
        }


def read_script(fixtures: Path = FIXTURES) -> list[Wanted]:
    with (fixtures / "demo" / "mail.csv").open(newline="") as file:
        return [
            _wanted(number, row, fixtures / "creatives") for number, row in enumerate(csv.DictReader(file), start=1)
        ]


def _wanted(number: int, row: Mapping[str, str], artwork: Path) -> Wanted:
    return Wanted(
        number=number,
        account=row["account"],
        mail_class=row["class"],
        front=artwork / row["front"],
        back=artwork / row["back"] if row["back"] else None,
        to={name: row[name] for name in _ADDRESS if row[name]},
        outcome=row["outcome"],
    )

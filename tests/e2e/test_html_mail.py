"""HTML with a piece's own values, from POST to the press sheet: each name is there once, and in no log."""

from pathlib import Path

import pypdfium2
import pytest

from tests.e2e.service import ADDRESS, service, wait_for
from tests.unit.press.html_pages import GREETING

NAMES = ("Xanthippe", "Zebulon")


@pytest.mark.long
def test_two_pieces_of_one_template_come_out_each_with_its_own_name(tmp_path: Path) -> None:
    with service(tmp_path / "home") as running, running.client() as client:
        template = client.post("/v1/creatives", json={"product": "postcard_4x6", "html": GREETING}).json()
        assert template["merge_fields"] == ["first_name", "order"]
        pieces = []
        for name in NAMES:
            merge = {"first_name": name, "order": "1001"}
            body = {"product": "postcard_4x6", "to": ADDRESS, "front": {"creative": template["id"]}, "merge": merge}
            answer = client.post("/v1/mail", json=body)
            assert answer.status_code == 201, answer.text
            pieces.append(answer.json()["id"])

        def delivered() -> bool:
            return all(client.get(f"/v1/mail/{one}").json()["status"] == "delivered" for one in pieces)

        wait_for(delivered, within_s=90)
        proofs = [client.get(f"/v1/mail/{one}/proof").content for one in pieces]
    assert [_text(proof).count(f"Hello {name}") for proof, name in zip(proofs, NAMES, strict=True)] == [1, 1]
    sheets = "".join(_text(file.read_bytes()) for file in _imposed(tmp_path / "home"))
    assert [sheets.count(f"Hello {name}") for name in NAMES] == [1, 1]
    logs = [file.read_text() for file in (tmp_path / "home").rglob("*.log")]
    assert logs
    assert not any(name in log for log in logs for name in NAMES)


def _imposed(home: Path) -> list[Path]:
    """The sheets as they lie in storage."""
    found = [file for file in home.rglob("*_r00.pdf") if "batches" in file.parts]
    assert found
    return found


def _text(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        said = []
        for page in document:
            words = page.get_textpage()
            said.append(" ".join(words.get_text_range().split()))
            words.close()
    finally:
        document.close()
    return " ".join(said)

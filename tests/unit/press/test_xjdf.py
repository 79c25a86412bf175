"""The ticket for machines: what it says, and that it is XJDF.

`MAILSTREAM_XJDF_SCHEMA` may name CIP4's xjdf.xsd, to validate with lxml against; without it, the order and names of elements
that the schema fixes are checked here.
"""

import os
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from pipeline.models.profile import Imposition
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import lay_out, trims
from pipeline.products import POSTCARD_4X6
from tests.unit.press.jobs import make_job, make_pieces

SCHEMA = os.environ.get("MAILSTREAM_XJDF_SCHEMA")
SPACE = "{http://www.CIP4.org/JDFSchema_2_0}"
# The sequence of the children of XJDF and of a resource, in the schema.
ROOT_ORDER = ["AuditPool", "Comment", "GeneralID", "ProductList", "ResourceSet"]
RESOURCE_ORDER = ["AmountPool", "Comment", "GeneralID", "Part", None]
STYLES: dict[str, dict[str, object]] = {
    "sheetwise": {"stack_depth": 2, "marks": {"barcode": True, "finisher_program": "07"}},
    "work and turn": {"work_style": "work_and_turn"},
    "work and tumble": {"work_style": "work_and_tumble", "order": "across"},
    "one-up": {"mode": "one_up"},
    "split": {"max_sheets_per_file": 1},
}


def _ticket(artwork: dict[str, Path], out: Path, style: str) -> Path:
    imposition = Imposition.model_validate(STYLES[style])
    impose(make_job(artwork, make_pieces(20, imposition), imposition=imposition), out)
    return out / "bt_01harbor_r00.xjdf"


@pytest.mark.parametrize("style", STYLES)
def test_it_is_xjdf(artwork: dict[str, Path], tmp_path: Path, style: str) -> None:
    file = _ticket(artwork, tmp_path, style)
    if SCHEMA:
        from lxml import etree

        schema = etree.XMLSchema(etree.parse(SCHEMA))
        assert schema.validate(etree.parse(file)), schema.error_log
    root = ElementTree.parse(file).getroot()
    assert (root.tag, root.get("Version")) == (f"{SPACE}XJDF", "2.1")
    assert {element.tag.startswith(SPACE) for element in root.iter()} == {True}
    _assert_in_order([_name(child) for child in root], ROOT_ORDER)
    for held in root.iter(f"{SPACE}ResourceSet"):
        assert held.get("Usage") in {"Input", "Output"}
        for resource in held:
            names = [_name(child) for child in resource]
            assert names[-1] == held.get("Name")
            _assert_in_order([name if name in RESOURCE_ORDER else None for name in names], RESOURCE_ORDER)
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(ids) == len(set(ids))
    references = {value for element in root.iter() for key, value in element.items() if key.endswith("Ref")}
    assert references <= set(ids)


def test_it_says_what_the_sheets_are(artwork: dict[str, Path], tmp_path: Path) -> None:
    root = ElementTree.parse(_ticket(artwork, tmp_path, "sheetwise")).getroot()
    layout = lay_out(POSTCARD_4X6, Imposition.model_validate(STYLES["sheetwise"]))
    assert root.get("Types") == "DigitalPrinting Cutting"
    assert _one(root, "Product").get("Amount") == "20"
    assert _one(root, "NodeInfo", at=-1).get("LastEnd") == "2026-03-03T22:00:00Z"
    assert _one(root, "Layout", at=-1).get("WorkStyle") == "WorkAndBack"
    positions = list(root.iter(f"{SPACE}Position"))
    assert [position.get("StackOrd") for position in positions] == [str(at) for at in range(8)]
    assert {position.get("StackDepth") for position in positions} == {"2"}
    boxes = [[float(value) for value in str(position.get("AbsoluteBox")).split()] for position in positions]
    for box, trim in zip(boxes, trims(layout.front, POSTCARD_4X6), strict=True):
        assert box == pytest.approx([trim.x_pt, trim.y_pt, trim.right_pt, trim.top_pt], abs=1e-3)
    assert _one(root, "IdentificationField").get("Value") == "07"
    assert _one(root, "SignatureCell").get("TrimSize") == "432 288"


def test_a_coating_is_on_the_side_without_the_address(artwork: dict[str, Path], tmp_path: Path) -> None:
    imposition = Imposition(coating="gloss_varnish")
    impose(make_job(artwork, make_pieces(8, imposition), imposition=imposition), tmp_path)
    root = ElementTree.parse(tmp_path / "bt_01harbor_r00.xjdf").getroot()
    [surface] = root.iter(f"{SPACE}SurfaceColor")
    assert surface.attrib == {"Surface": "Front", "Coatings": "GlossVarnish"}
    plain = ElementTree.parse(_ticket(artwork, tmp_path / "plain", "sheetwise")).getroot()
    assert list(plain.iter(f"{SPACE}ColorIntent")) == []


def test_its_files_are_those_of_the_drop(artwork: dict[str, Path], tmp_path: Path) -> None:
    root = ElementTree.parse(_ticket(artwork, tmp_path, "split")).getroot()
    files = list(root.iter(f"{SPACE}FileSpec"))
    assert [file.get("URL") for file in files] == [f"bt_01harbor_r00-00{part}.pdf" for part in (1, 2, 3)]
    assert [int(str(file.get("FileSize"))) for file in files] == [
        (tmp_path / str(file.get("URL"))).stat().st_size for file in files
    ]
    assert [run.get("NPage") for run in root.iter(f"{SPACE}RunList")] == ["2", "2", "2"]


def _one(root: Element, name: str, *, at: int = 0) -> Element:
    return list(root.iter(f"{SPACE}{name}"))[at]


def _name(element: Element) -> str:
    return element.tag.removeprefix(SPACE)


def _assert_in_order(names: list[str | None], order: list[str | None]) -> None:
    places = [order.index(name) for name in names]
    assert places == sorted(places)

"""Letters on the line: batched by sheets, placed as sets, imposed by the real press, and reprinted whole."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from pipeline.models.profile import Imposition, Postage, PrinterProfile, Sandbox
from pipeline.ports import Address, Standardized
from pipeline.press.creative.normalize import normalize
from pipeline.press.sheets.address_lines import printed_lines
from pipeline.press.sheets.impose import impose
from pipeline.products import LETTER
from pipeline.repository.backlog import unprinted_batches
from pipeline.repository.batches import reprint
from pipeline.repository.tables import batches, drops, pieces, placements, printers
from pipeline.stages.impose import load_job
from tests.integration.line.world import MAILER_ID, START, World, profile
from tests.unit.press.letters import CUT_SHEET, document, read_mark
from tests.unit.press.seeing import render

Files = Callable[[int], bytes]


@pytest.fixture
def normalized(tmp_path: Path) -> Files:
    """A document of so many pages, as the prepare stage leaves it."""

    def make(pages: int) -> bytes:
        given, made = tmp_path / f"{pages}.pdf", tmp_path / f"{pages}-normal.pdf"
        normalize(document(given, pages), LETTER, made)
        return made.read_bytes()

    return make


def _add_press(world: World, imposition: dict[str, Any], **floor: Any) -> str:
    made = PrinterProfile(
        products=("letter",),
        stocks=(LETTER.stock,),
        transport=Sandbox(),
        postage=Postage(mailer_id=MAILER_ID, method="meter"),
        imposition=Imposition.model_validate(imposition),
        floor=profile(**floor).floor,
    )
    row = {"id": world.ids.new("pr"), "name": "letters", "mode": "live", "profile": made.model_dump(mode="json")}
    return world.insert(printers, {**row, "created_at": world.clock()})


def _add(world: World, count: int, sheets: int, *, body: bytes = b"art", sides: str = "duplex") -> list[str]:
    creative = world.add_creative(product="letter", body=body)
    return world.add_ready(
        count, product="letter", stock=LETTER.stock, creative=creative, sheets=sheets, print_sides=sides
    )


def test_pieces_of_a_batch_have_equal_sets_and_its_sheets_are_those_of_the_press(world: World) -> None:
    printer = _add_press(world, {}, sheets_per_hour=600)
    one, three, simplex = _add(world, 4, 1), _add(world, 5, 3), _add(world, 1, 3, sides="simplex")
    world.tick()
    found = {batch.sheets_per_piece: batch for batch in world.rows(batches)}
    assert {each: (batch.pieces, batch.sheets) for each, batch in found.items()} == {1: (4, 2), 3: (6, 9)}
    assert {world.piece(piece).batch_id for piece in (*three, *simplex)} == {found[3].id}
    assert {world.piece(piece).batch_id for piece in one} == {found[1].id}
    assert {drop.batch_id: drop.sheets for drop in world.rows(drops)} == {found[1].id: 2, found[3].id: 9}
    with world.db.read() as tx:
        waiting = {row.sheets for row in unprinted_batches(tx, {printer})}
    assert waiting == {2, 9}, "what is on the press takes as long as its sheets"
    places = sorted((row.sheet, row.slot) for row in world.rows(placements, placements.c.batch_id == found[3].id))
    assert places == [(0, 0), (0, 1), (3, 0), (3, 1), (6, 0), (6, 1)]


def test_a_printers_caps_count_sheets_and_not_pieces(world: World) -> None:
    _add_press(world, {}, max_sheets_per_batch=7)
    _add(world, 9, 3)
    world.run_until_quiet()
    assert sorted((batch.pieces, batch.sheets) for batch in world.rows(batches)) == [(1, 3), (4, 6), (4, 6)]


@pytest.mark.parametrize(("imposition", "n_up"), [(CUT_SHEET, 1), ({}, 2)], ids=["cut sheets", "13x19"])
def test_a_drop_of_letters_is_imposed_from_what_the_line_keeps(
    world: World, tmp_path: Path, normalized: Files, imposition: dict[str, Any], n_up: int
) -> None:
    _add_press(world, imposition)
    duplex, simplex = _add(world, 2, 3, body=normalized(5)), _add(world, 1, 3, body=normalized(3), sides="simplex")
    world.tick()
    with world.db.read() as tx:
        job = load_job(tx, world.drop(), world.storage)
    assert job.sheets_per_piece == 3
    assert {piece.piece_id: piece.back is None for piece in job.pieces} == {
        **dict.fromkeys(duplex, False), simplex[0]: True,
    }  # fmt: skip
    drop = impose(job, tmp_path / "drop")
    assert drop.sheets == world.drop().sheets == world.batch().sheets == 3 * -(-3 // n_up)
    with pikepdf.open(drop.files[0]) as pdf:
        assert len(pdf.pages) == 2 * drop.sheets
    if n_up == 1:
        seen = [read_mark(render(drop.files[0], page, ppi=200), ppi=200) for page in range(0, 18, 2)]
        wanted = [f"{piece.piece_id} {nth}/3 {job.stem}" for piece in job.pieces for nth in (1, 2, 3)]
        assert seen == wanted


def test_a_spoiled_letter_is_printed_again_with_all_its_sheets(world: World) -> None:
    _add_press(world, CUT_SHEET)
    ids = _add(world, 4, 2)
    world.run_until_quiet()
    drop = world.drop()
    world.clock.advance(timedelta(minutes=5))
    with world.db.write() as tx:
        again = reprint(tx, drop, [ids[1], ids[3]], outcome="spoiled", at=START, ids=world.ids)
    assert sorted(again) == sorted([ids[1], ids[3]])
    assert world.drop(1).sheets == 4
    live = world.rows(placements, placements.c.revision == 1)
    assert sorted((row.sheet, row.stack_position) for row in live) == [(0, 0), (2, 2)]
    assert {row.imb for row in live} == {world.piece(piece).imb for piece in again}


def test_street_and_unit_share_a_line_only_where_there_would_be_a_fifth() -> None:
    full = {
        "name": "Ada Lovelace", "company": "Engines", "line1": "185 Berry St", "line2": "Ste 6100",
        "city": "San Francisco", "state": "CA", "zip5": "94107", "zip4": "1234",
    }  # fmt: skip
    last = "SAN FRANCISCO CA 94107-1234"
    assert printed_lines(full, LETTER) == ("ADA LOVELACE", "ENGINES", "185 BERRY ST STE 6100", last)
    alone = {**full, "company": ""}
    assert printed_lines(alone, LETTER) == ("ADA LOVELACE", "185 BERRY ST", "STE 6100", last)


def test_pieces_keep_how_they_are_printed(world: World) -> None:
    [piece] = _add(world, 1, 2, sides="simplex")
    [row] = world.rows(pieces, pieces.c.id == piece)
    assert (row.sheets, row.print_sides) == (2, "simplex")


@pytest.mark.parametrize("line1", ["山田通り 1", "X" * 64])
def test_an_address_that_cannot_be_printed_ends_its_piece_and_not_its_batch(world: World, line1: str) -> None:
    """The door asks of the address as given; what the standardizer makes of it may be longer, or in other letters."""
    _add_press(world, CUT_SHEET)
    creative = world.add_creative(product="letter")
    bad, good = world.add_pieces(2, product="letter", stock=LETTER.stock, creative=creative, names=("Bo", "Ada"))
    original = world.standardizer.standardize

    def standardize(addresses: Sequence[Address]) -> list[Standardized]:
        return [
            replace(answer, line1=line1) if answer.name.upper().startswith("BO") else answer
            for answer in original(addresses)
        ]

    world.standardizer.standardize = standardize  # type: ignore[method-assign]
    world.run_until_quiet()
    assert world.piece(bad).status == "rejected"
    [error] = world.piece(bad).errors
    assert (error["code"], error["pointer"]) == ("address_unprintable", "/to")
    assert line1 not in error["detail"]
    assert world.piece(good).status == "sent"

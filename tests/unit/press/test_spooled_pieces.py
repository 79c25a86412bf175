"""Pieces on disk come back as they were, in any order, whatever stands in them; artwork is made fit for PDF/X-4."""

from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest

from pipeline.models.profile import Imposition
from pipeline.press.creative.conform import conform
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.pieces import SpooledPieces, spool
from tests.unit.press.jobs import make_job, make_pieces

ODD = ("山田\\n", 'quote " and \\ and \u2028', "")


def test_pieces_come_back_as_they_were(tmp_path: Path) -> None:
    first, *others = make_pieces(7, Imposition(), back=None)
    pieces = [first._replace(address=ODD, return_address=()), *others]
    spool(pieces, tmp_path / "pieces")
    read = SpooledPieces(tmp_path / "pieces")
    assert len(read) == 7
    assert list(read) == pieces
    assert [read[at] for at in (6, 0, 3, -1)] == [pieces[at] for at in (6, 0, 3, -1)]
    assert read[1:3] == tuple(pieces[1:3])
    with pytest.raises(IndexError):
        read[7]
    read.close()


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 200])
@pytest.mark.parametrize("kept", [1, 128])
def test_any_number_of_pieces_is_read_in_any_order(tmp_path: Path, count: int, kept: int) -> None:
    pieces = list(make_pieces(count, Imposition())) if count else []
    spool(pieces, tmp_path / "pieces")
    read = SpooledPieces(tmp_path / "pieces", kept=kept)
    assert (len(read), list(read), list(read[::-1])) == (count, pieces, pieces[::-1])
    places = [at for first in range(70) for at in range(first, count, 70)]
    assert [read[at] for at in places] == [pieces[at] for at in places]
    with pytest.raises(IndexError):
        read[count]
    with pytest.raises(IndexError):
        read[-count - 1]
    read.close()


def test_one_reading_may_run_inside_another(tmp_path: Path) -> None:
    pieces = make_pieces(4, Imposition())
    spool(pieces, tmp_path / "pieces")
    read = SpooledPieces(tmp_path / "pieces")
    assert [(one, len(list(read)), read[2]) for one in read] == [(piece, 4, pieces[2]) for piece in pieces]
    read.close()


def test_a_job_on_disk_gives_the_same_bytes(artwork: dict[str, Path], tmp_path: Path) -> None:
    pieces = make_pieces(20, Imposition())
    spool(pieces, tmp_path / "pieces")
    read = SpooledPieces(tmp_path / "pieces")
    here = impose(make_job(artwork, pieces), tmp_path / "here")
    there = impose(replace(make_job(artwork, pieces), pieces=read), tmp_path / "there")
    read.close()
    assert [file.read_bytes() for file in here.files] == [file.read_bytes() for file in there.files]


def test_screening_postscript_and_plain_groups_do_not_reach_the_sheet() -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        page = pdf.pages[0].obj
        state = pikepdf.Dictionary(TR=pikepdf.Dictionary(FunctionType=2), TR2=pikepdf.Name.Default, HTP=[1, 1], ca=0.5)
        form = pdf.make_stream(b"", Subtype=pikepdf.Name.Form, BBox=[0, 0, 9, 9])
        form.Group = pikepdf.Dictionary(S=pikepdf.Name.Transparency, CS=pikepdf.Name.DeviceRGB)
        script = pdf.make_stream(b"showpage", Subtype=pikepdf.Name.PS)
        page.Resources = pikepdf.Dictionary(
            ExtGState=pikepdf.Dictionary(S=state), XObject=pikepdf.Dictionary(F=form, P=script)
        )
        conform(pdf)
        assert set(page.Resources.ExtGState.S.keys()) == {"/TR2", "/ca"}
        assert str(page.Resources.XObject.F.Group.CS[0]) == "/ICCBased"
        assert (str(page.Resources.XObject.P.Subtype), page.Resources.XObject.P.read_bytes()) == ("/Form", b"")

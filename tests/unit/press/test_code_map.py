"""Maps from codes to CIDs that stand in artwork: shown bytes become the CIDs that readers show, and hostile maps cost nothing."""

from time import process_time

import pikepdf
import pytest
from pikepdf import Name

from pipeline.press.fonts.code_map import MOST_BYTES, read_code_map

TWO_BYTES = b"1 begincodespacerange <0000> <ffff> endcodespacerange\n"
UTF_8 = b"""
    %!PS-Adobe-3.0 Resource-CMap (1 begincidchar <61> 9 endcidchar)
    /CIDInit /ProcSet findresource begin 12 dict begin begincmap
    /CIDSystemInfo 3 dict dup begin /Registry (Adobe) def /Ordering (CNS) def /Supplement 7 def end def
    /CMapName /Uni-Utf8-H def /CMapVersion 1.000 def /CMapType 1 def /WMode 0 def
    3 begincodespacerange <00> <7F> <C280> <DFBF> <E08080> <EFBFBF> endcodespacerange
    2 begincidchar <20> 1 <e2 82 ac> 7 endcidchar % the euro
    1 begincidrange <61> <7a> 10 endcidrange
    1 beginnotdefrange <00> <1f> 1 endnotdefrange
    endcmap CMapName currentdict /CMap defineresource pop end end"""


def cids(data: bytes, text: bytes, base: object = None) -> list[int] | None:
    with pikepdf.new() as pdf:
        given = pdf.make_stream(data)
        if base is not None:
            given.UseCMap = pdf.make_stream(base) if isinstance(base, bytes) else base
        found = read_code_map(given)
        return None if found is None else list(found.cids(text))


def test_codes_of_several_lengths_are_told_apart() -> None:
    assert cids(UTF_8, "ab €z".encode()) == [10, 11, 1, 7, 35]


def test_what_is_not_defined_has_cid_0_unless_the_map_says_otherwise() -> None:
    assert cids(UTF_8, "A\té\x00a".encode()) == [0, 1, 0, 1, 10]


@pytest.mark.parametrize(
    ("text", "shown"),
    [(b"\xc2a", [0]), (b"\xe0\x80a", [0]), (b"\xe0aa", [0]), (b"\xffa", [0, 10]), (b"\x80", [0])],
)
def test_bytes_that_are_no_code_are_passed_over_as_readers_do(text: bytes, shown: list[int]) -> None:
    """So many of them as the run has into which most of them fit, or as the shortest codes have."""
    assert cids(UTF_8, text + b"b") == [*shown, 11]


def test_a_code_that_is_cut_off_shows_nothing() -> None:
    assert cids(TWO_BYTES + b"begincidrange <0000> <ffff> 0 endcidrange", b"\0\1\0\2\0") == [1, 2]


def test_what_is_defined_later_counts() -> None:
    assert cids(
        TWO_BYTES + b"begincidrange <0000> <00ff> 5 endcidrange begincidchar <0001> 9 endcidchar", b"\0\0\0\1"
    ) == [5, 9]


@pytest.mark.parametrize("name", ["Identity-H", "Identity-V"])
def test_a_map_may_build_on_the_identity(name: str) -> None:
    change = b"begincidchar <0001> 9 endcidchar"
    assert cids(b"/%s usecmap " % name.encode() + change, b"\0\0\0\1\1\1") == [0, 9, 257]
    assert cids(change, b"\0\0\0\1\1\1", Name("/" + name)) == [0, 9, 257]


def test_a_map_may_build_on_another_of_the_file() -> None:
    assert cids(b"/Uni-Utf8-H usecmap begincidchar <61> 3 endcidchar", b"ab", UTF_8) == [3, 11]


def test_the_identity_is_followed_and_other_predefined_maps_are_not() -> None:
    vertical = read_code_map(Name("/Identity-V"))
    assert vertical is not None
    assert list(vertical.cids(b"\1\0\0\1")) == [256, 1]
    assert read_code_map(Name("/UniJIS-UCS2-H")) is None
    assert cids(b"/UniJIS-UCS2-H usecmap begincidchar <0001> 9 endcidchar", b"\0\1") is None


LINE = b"<0000> <ffff> 1\n"
HOSTILE = {
    "empty": b"",
    "no codes": TWO_BYTES,
    "no runs": b"begincidchar <00> 1 endcidchar",
    "a million ranges": TWO_BYTES + b"begincidrange\n" + LINE * 1_000_000 + b"endcidrange",
    "ranges of all codes": TWO_BYTES + b"begincidrange\n" + LINE * (MOST_BYTES // len(LINE) - 9) + b"endcidrange",
    "codes of four bytes": TWO_BYTES + b"begincidrange <00000000> <ffffffff> 0 endcidrange",
    "many runs": TWO_BYTES * 15_000 + b"begincidchar <00> 1 endcidchar",
    "a number for a code": TWO_BYTES + b"begincidchar 1 1 endcidchar",
    "half a row": TWO_BYTES + b"begincidrange <0000> <0001> 1 <0002> endcidrange",
    "a long number": TWO_BYTES + b"begincidchar <0000> " + b"9" * 100_000 + b" endcidchar",
    "brackets": b"(" * 500_000 + b"<" * 500_000,
    "bases without end": b"/Identity-H " + b"usecmap " * 130_000,
    "a second base": b"/Identity-H usecmap /Identity-V usecmap",
    "sections without end": b"begincidrange " * 70_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_map_is_not_followed(name: str) -> None:
    before = process_time()
    assert cids(HOSTILE[name], b"\0\0") is None
    assert process_time() - before < 5


def test_a_map_that_builds_on_itself_is_not_followed() -> None:
    with pikepdf.new() as pdf:
        given = pdf.make_indirect(pdf.make_stream(TWO_BYTES + b"begincidchar <0000> 1 endcidchar"))
        given.UseCMap = given
        assert read_code_map(given) is None

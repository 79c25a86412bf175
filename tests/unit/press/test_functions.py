"""Functions of a PDF give what pdfium paints with them; what is malformed or without end is refused."""

import math
import struct
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from pikepdf import Array, Dictionary, Name

from pipeline.press.colours.calculator import MOST_WORDS, read_calculator
from pipeline.press.colours.functions import UnknownFunctionError, read_function

SIDE = 4


def packed(values: Iterable[int], bits: int) -> bytes:
    text = "".join(f"{value:0{bits}b}" for value in values)
    return bytes(int(text[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(text), 8))


def table(sizes: list[int], bits: int) -> bytes:
    """Samples of three outputs, wild over one input. Over several they lie in a plane: there pdfium takes a short cut otherwise."""
    if len(sizes) == 1:
        return packed([(7 * at * at + 3 * at) % 2**bits for at in range(3 * sizes[0])], bits)
    places = [place[::-1] for place in product(*(range(size) for size in reversed(sizes)))]
    return packed(
        [
            (10 + 20 * output + sum((5 + at) * n for at, n in enumerate(place)))
            for place in places
            for output in range(3)
        ],
        bits,
    )


def sampled(inputs: int, bits: int, **more: Any) -> Any:
    def build(pdf: pikepdf.Pdf) -> pikepdf.Object:
        sizes = [3 + at for at in range(inputs)]
        return pdf.make_stream(
            table(sizes, bits), FunctionType=0, Domain=[0, 1] * inputs, Range=[0, 1] * 3, Size=sizes, BitsPerSample=bits, **more,
        )  # fmt: skip

    return build


def exponential(low: list[float], high: list[float], n: float = 1) -> Dictionary:
    return Dictionary(FunctionType=2, Domain=[0, 1], C0=low, C1=high, N=n)


def stitched(pdf: pikepdf.Pdf) -> Dictionary:
    parts = [
        exponential([0, 0.2, 1], [1, 0.8, 0]),
        exponential([1, 1, 0], [0, 0.5, 0.5], 2),
        exponential([0.3] * 3, [0.9] * 3),
    ]
    return Dictionary(
        FunctionType=3, Domain=[0, 1], Functions=Array(parts), Bounds=[0.3, 0.6], Encode=[0, 1, 1, 0, 0.2, 0.4]
    )


def calculated(source: bytes, inputs: int = 1) -> Any:
    return lambda pdf: pdf.make_stream(source, FunctionType=4, Domain=[0, 1] * inputs, Range=[0, 1] * 3)


FUNCTIONS: dict[str, tuple[int, Any]] = {
    "straight": (1, lambda _: exponential([0, 0.5, 1], [1, 0.25, 0])),
    "curved": (1, lambda _: exponential([0, 0.5, 1], [1, 0.25, 0], 2.5)),
    "stitched": (1, stitched),
    **{f"table of {bits} bits": (1, sampled(1, bits)) for bits in (1, 2, 4, 8, 12, 16, 24, 32)},
    "table of two inputs": (2, sampled(2, 8)),
    "table of three inputs": (3, sampled(3, 8)),
    "table turned round": (1, sampled(1, 8, Encode=[2, 0], Decode=[0.2, 0.8, 1, 0, 0, 1])),
    "arithmetic": (1, calculated(b"{ dup 0.5 mul exch dup 1 exch sub exch dup mul }")),
    "trigonometry": (1, calculated(b"{ 90 mul dup sin abs exch cos abs 0.5 sqrt }")),
    "branches": (
        1,
        calculated(b"{ dup 0.5 gt { pop 1 0 0 } { dup 0.25 le { 0 exch 1 } { 0 1 3 -1 roll } ifelse } ifelse }"),
    ),
    "whole numbers": (1, calculated(b"{ 10 mul cvi dup 3 mod 3 div exch dup 4 idiv 4 div exch 10 div }")),
    "powers": (1, calculated(b"{ dup 2 exp exch 1 add dup ln exch log }")),
    "a moved stack": (2, calculated(b"{ 2 copy add 2 div 3 1 roll exch } % swapped", 2)),
    "rounding": (1, calculated(b"{ 4 mul dup round 4 div exch dup floor 4 div exch ceiling 4 div }")),
    "bits": (1, calculated(b"{ 7 mul cvi dup 5 and 7 div exch dup 2 xor 7 div exch 1 bitshift 14 div }")),
}


def painted(folder: Path, inputs: int, build: Any, values: list[float]) -> tuple[int, int, int]:
    """The colour that pdfium fills with, where the function mixes red, green and blue from inks of these tints."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(SIDE, SIDE))
        page = pdf.pages[0].obj
        names = Array([Name(f"/Ink{at}") for at in range(inputs)])
        page.Resources = Dictionary(ColorSpace=Dictionary(S=Array([Name.DeviceN, names, Name.DeviceRGB, build(pdf)])))
        tints = " ".join(map(str, values)).encode()
        page.Contents = pdf.make_stream(b"/S cs %b scn 0 0 %d %d re f" % (tints, SIDE, SIDE))
        pdf.save(folder / "page.pdf")
    document = pypdfium2.PdfDocument(folder / "page.pdf")
    red, green, blue = document[0].render(scale=1).to_pil().convert("RGB").getpixel((1, 1))
    document.close()
    return red, green, blue


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gives_what_is_painted_with_it(tmp_path: Path, name: str) -> None:
    inputs, build = FUNCTIONS[name]
    with pikepdf.new() as pdf:
        function = read_function(build(pdf))
        for at in range(12):
            values = [(at * (1 + 2 * one) % 12) / 11 for one in range(inputs)]
            shown = painted(tmp_path, inputs, build, values)
            assert [255 * value for value in function(values)] == pytest.approx(shown, abs=1.6), (values, shown)


def test_an_array_is_of_one_function_each() -> None:
    with pikepdf.new():
        both = read_function(Array([exponential([0], [1]), exponential([1], [0])]))
    assert both([0.25]) == (0.25, 0.75)


FAILING_FUNCTIONS: dict[str, Any] = {
    "too few pairs of a stitch": lambda: Dictionary(
        FunctionType=3, Domain=[0, 1], Functions=[exponential([0], [1])] * 2, Bounds=[0.5], Encode=[0, 1]
    ),
    "a root of what is below zero": lambda: Dictionary(FunctionType=2, Domain=[-1, 1], N=0.5),
    "nothing to start from": lambda: Dictionary(FunctionType=2, Domain=[0, 1], N=-1),
    "too few starts": lambda: Dictionary(FunctionType=2, Domain=[0, 1], C0=[0], C1=[1, 1], N=1),
}


@pytest.mark.parametrize("name", FAILING_FUNCTIONS)
def test_a_function_that_fails_somewhere_says_so_there(name: str) -> None:
    function = read_function(FAILING_FUNCTIONS[name]())
    with pytest.raises((ValueError, ArithmeticError)):
        [function([value]) for value in (-1, 0, 1)]


def test_whole_numbers_grow_no_longer_than_32_bits() -> None:
    assert read_calculator(b"{ cvi " + b"dup mul " * 900 + b"}")([9.0]) == (math.inf,)


def test_values_are_kept_in_their_ranges() -> None:
    with pikepdf.new() as pdf:
        function = read_function(
            pdf.make_stream(b"{ 3 mul dup neg }", FunctionType=4, Domain=[0, 0.5], Range=[0, 1, -1, 0])
        )
    assert function([7]) == (1, -1)


FAILING = ["add", "1 0 div", "-1 sqrt", "5 index", "9 copy", "3 0 roll", "1 if", "dup " * 500, "0 ln"]


@pytest.mark.parametrize("source", FAILING)
def test_a_program_that_fails_says_so(source: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        read_calculator(b"{ %b }" % source.encode())([0.5])


@pytest.mark.parametrize(
    "source",
    [b"", b"{", b"dup", b"{ { }", b"{ forall }", b"{ 1 2", b"{ " + b"1 " * MOST_WORDS + b"}"],
)
def test_what_is_no_program_is_refused(source: bytes) -> None:
    with pytest.raises(ValueError):
        read_calculator(source)


def endless(pdf: pikepdf.Pdf) -> pikepdf.Object:
    loop = pdf.make_indirect(Dictionary(FunctionType=3, Domain=[0, 1], Bounds=[], Encode=[0, 1]))
    loop.Functions = Array([loop])
    return loop


def stitched_of_thousands(pdf: pikepdf.Pdf) -> pikepdf.Object:
    part: Any = exponential([0], [1])
    for _ in range(6):
        many = Array([part] * 1_000)
        bounds, encode = [at / 1_000 for at in range(1, 1_000)], [0, 1] * 1_000
        part = pdf.make_indirect(
            Dictionary(FunctionType=3, Domain=[0, 1], Functions=many, Bounds=bounds, Encode=encode)
        )
    return part


MALFORMED: dict[str, Any] = {
    "endless": endless,
    "stitched of thousands": stitched_of_thousands,
    "of no type": lambda _: Dictionary(Domain=[0, 1]),
    "of an unknown type": lambda _: Dictionary(FunctionType=9, Domain=[0, 1]),
    "too few samples": lambda pdf: pdf.make_stream(
        b"\0", FunctionType=0, Domain=[0, 1], Range=[0, 1], Size=[4_000], BitsPerSample=32
    ),
    "too many inputs": lambda pdf: pdf.make_stream(
        b"\0" * 4_096, FunctionType=0, Domain=[0, 1] * 7, Range=[0, 1], Size=[2] * 7, BitsPerSample=8
    ),
    "a number": lambda _: 7,
    "samples of no such size": lambda pdf: pdf.make_stream(
        b"\0" * 4_096, FunctionType=0, Domain=[0, 1], Range=[0, 1], Size=[2], BitsPerSample=4_096
    ),
    "an array of a program, many times": lambda pdf: Array([calculated(b"{ " + b"1 pop " * 900 + b"}")(pdf)] * 30),
    "an array without end": lambda _: Array([exponential([0], [1])] * 33),
    "no domain": lambda _: Dictionary(FunctionType=2, N=1),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_function_is_refused(name: str) -> None:
    with pikepdf.new() as pdf, pytest.raises(UnknownFunctionError):
        read_function(MALFORMED[name](pdf))


def test_the_samples_of_a_table_are_big_endian() -> None:
    with pikepdf.new() as pdf:
        data = struct.pack(">2H", 0, 65_535)
        half = pdf.make_stream(data, FunctionType=0, Domain=[0, 1], Range=[0, 1], Size=[2], BitsPerSample=16)
        assert read_function(half)([0.5]) == pytest.approx((0.5,))


def test_between_samples_of_two_inputs_all_four_count() -> None:
    with pikepdf.new() as pdf:
        square = pdf.make_stream(
            bytes([0, 0, 0, 255]), FunctionType=0, Domain=[0, 1] * 2, Range=[0, 1], Size=[2, 2], BitsPerSample=8
        )
        assert read_function(square)([0.5, 0.5]) == pytest.approx((0.25,))

"""Every way in which a file can break what PDF/VT-1 asks for beyond PDF/X-4, by what `vt_checker` says of it."""

from collections.abc import Callable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from tests.unit.press.x4_mutations import Mutation, drop, first_page, set_keys, xmp


def _leaf(change: Callable[[pikepdf.Pdf, pikepdf.Object], None], number: int = 1) -> Mutation:
    """Change one record's part."""
    return lambda pdf: change(pdf, pdf.Root.DPartRoot.DPartRootNode.DParts[0][number])


def _leaves(change: Callable[[list[pikepdf.Object]], list[pikepdf.Object]]) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        leaves = list(pdf.Root.DPartRoot.DPartRootNode.DParts[0])
        pdf.Root.DPartRoot.DPartRootNode.DParts[0] = Array(change(leaves))

    return mutate


def _direct(pdf: pikepdf.Pdf) -> None:
    pdf.Root.DPartRoot = Dictionary(dict(pdf.Root.DPartRoot.items()))


def _flat(pdf: pikepdf.Pdf) -> None:
    pdf.Root.DPartRoot.DPartRootNode.DParts = pdf.Root.DPartRoot.DPartRootNode.DParts[0]


def _said(**values: Any) -> Mutation:
    """Set metadata of a record; what is a function makes the value."""

    def change(pdf: pikepdf.Pdf, leaf: pikepdf.Object) -> None:
        for key, value in values.items():
            leaf.DPM[f"/{key}"] = value(pdf) if callable(value) else value

    return _leaf(change)


def _both_kinds(_: pikepdf.Pdf, leaf: pikepdf.Object) -> None:
    leaf.DParts = Array([Array([])])


def _no_start(_: pikepdf.Pdf, leaf: pikepdf.Object) -> None:
    del leaf.Start


def _backwards(_: pikepdf.Pdf, leaf: pikepdf.Object) -> None:
    leaf.Start, leaf.End = leaf.End, leaf.Start


def _overlap(pdf: pikepdf.Pdf, leaf: pikepdf.Object) -> None:
    leaf.Start = pdf.pages[1].obj


def _own_parent(pdf: pikepdf.Pdf, leaf: pikepdf.Object) -> None:
    leaf.Parent = pdf.Root.DPartRoot


def _hint(**values: Any) -> Mutation:
    """Set hints on a form that the first page places, and no others."""

    def mutate(pdf: pikepdf.Pdf) -> None:
        form = first_page(pdf).Resources.XObject.Z
        for key, value in values.items():
            form[f"/{key}"] = value

    return mutate


def _image_hint(pdf: pikepdf.Pdf) -> None:
    image = pdf.make_stream(b"a", Subtype=Name.Image, Width=1, Height=1, BitsPerComponent=8, ColorSpace=Name.DeviceGray)
    image.GTS_Encapsulated = True
    first_page(pdf).Resources.XObject.New = image


def _unpoint(pdf: pikepdf.Pdf) -> None:
    del pdf.pages[3].obj.DPart


def _point_elsewhere(pdf: pikepdf.Pdf) -> None:
    pdf.pages[3].obj.DPart = pdf.pages[0].obj.DPart


_HINT = "a hint with a value that it may not have"
VT_MUTATIONS: dict[str, tuple[str, Mutation]] = {
    "version": ("version", xmp(b">PDF/VT-1<", b">PDF/VT-2<")),
    "no version": ("version", xmp(b"pdfvtid:GTS_PDFVTVersion>", b"pdfvtid:Other>")),
    "namespace": ("version", xmp(b"http://www.npes.org/pdfvt/ns/id/", b"http://www.npes.org/pdfvt/ns/no/")),
    "date": ("modification date", xmp(b"15:30:00Z</pdfvtid", b"15:31:00Z</pdfvtid")),
    "no date": ("modification date", xmp(b"pdfvtid:GTS_PDFVTModDate>", b"pdfvtid:Other>")),
    "no parts": ("no document parts", drop("DPartRoot")),
    "parts in the catalog itself": ("no document parts", _direct),
    "no root node": ("no document parts", drop("DPartRoot", "DPartRootNode")),
    "level": ("node names or record level", set_keys("DPartRoot", RecordLevel=2)),
    "no level": ("node names or record level", drop("DPartRoot", "RecordLevel")),
    "no names": ("node names or record level", drop("DPartRoot", "NodeNameList")),
    "a name too many": (
        "node names or record level",
        set_keys("DPartRoot", NodeNameList=Array([Name("/a"), Name("/b"), Name("/c")])),
    ),
    "names as text": (
        "node names or record level",
        set_keys("DPartRoot", NodeNameList=Array([pikepdf.String("job"), pikepdf.String("record")])),
    ),
    "root's parent": ("parent of the root node", set_keys("DPartRoot", "DPartRootNode", Parent=Dictionary())),
    "no parent": ("parent of a part", _leaf(lambda _, leaf: leaf.__delitem__("/Parent"))),
    "another parent": ("parent of a part", _leaf(_own_parent)),
    "no pages": ("a part with both or neither of parts and pages", _leaf(_no_start)),
    "pages and parts": ("a part with both or neither of parts and pages", _leaf(_both_kinds)),
    "flat": ("parts are not an array of arrays", _flat),
    "order": ("parts out of page order", _leaves(lambda found: [found[1], found[0], *found[2:]])),
    "backwards": ("parts out of page order", _leaf(_backwards)),
    "a page in two parts": ("parts out of page order", _leaf(_overlap)),
    "a page in none": ("parts out of page order", _leaves(lambda found: [found[0], *found[2:]])),
    "last pages in none": ("pages without a part", _leaves(lambda found: found[:-1])),
    "no pointer": ("a page that does not point to its part", _unpoint),
    "pointer elsewhere": ("a page that does not point to its part", _point_elsewhere),
    "name in metadata": ("metadata of a type that is not allowed", _said(RecordID=Name("/x"))),
    "name deep in metadata": ("metadata of a type that is not allowed", _said(Deep=Dictionary(A=Array([Name("/x")])))),
    "stream in metadata": ("metadata of a type that is not allowed", _said(RecordID=lambda pdf: pdf.make_stream(b"x"))),
    "scope without environment": ("a scope without its environment", _hint(GTS_Scope=Name.Global)),
    "stream's scope without environment": ("a scope without its environment", _hint(GTS_Scope=Name.Stream)),
    "unheard-of scope": (_HINT, _hint(GTS_Scope=Name.Galaxy)),
    "id of no text": (_HINT, _hint(GTS_XID=1)),
    "environment of no text": (_HINT, _hint(GTS_Env=Name.Here)),
    "encapsulated perhaps": (_HINT, _hint(GTS_Encapsulated=1)),
    "encapsulated without a group": (
        "a form or image that is not encapsulated, and says so",
        _hint(GTS_Encapsulated=True),
    ),
    "encapsulated image without an intent": ("a form or image that is not encapsulated, and says so", _image_hint),
}

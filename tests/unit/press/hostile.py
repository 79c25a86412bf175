"""Artwork that is wrong in one way each, or made to do harm. Every function writes one file, named after what is wrong with it."""

import zlib
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageDraw
from reportlab.pdfgen.canvas import Canvas

BLEED = (450.0, 306.0)
PLAIN = b"0.2 0.5 0.7 rg 0 0 450 306 re f 1 1 1 rg 40 40 120 60 re f"


def page_pdf(out: Path, *, content: bytes = PLAIN, resources: Dictionary | None = None, **entries: Any) -> Path:
    """One page of the bleed size; `entries` are set on the page, None takes one away."""
    with pikepdf.new() as pdf:
        _add_page(pdf, content, resources)
        for key, value in entries.items():
            if value is None:
                del pdf.pages[0].obj[f"/{key}"]
            else:
                pdf.pages[0].obj[f"/{key}"] = value
        pdf.save(out)
    return out


def _add_page(pdf: pikepdf.Pdf, content: bytes = PLAIN, resources: Dictionary | None = None) -> pikepdf.Object:
    pdf.add_blank_page(page_size=BLEED)
    page = pdf.pages[-1].obj
    page.Contents = pdf.make_stream(content)
    page.Resources = resources if resources is not None else Dictionary()
    return page


def pdf_with(out: Path, change: Callable[[pikepdf.Pdf, pikepdf.Object], None], content: bytes = PLAIN) -> Path:
    """One good page, and what `change` makes of the file."""
    with pikepdf.new() as pdf:
        page = _add_page(pdf, content)
        change(pdf, page)
        pdf.save(out)
    return out


def image_of(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A picture whose corners and halves are told apart, whatever is done to it."""
    image = Image.new("RGB", (width, height), (40, 120, 180))
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2, height // 3), fill=(240, 200, 60))
    draw.ellipse((width // 2, height // 2, width - width // 8, height - height // 8), fill=(180, 40, 60))
    return image if mode == "RGB" else image.convert(mode)


def image_pdf(out: Path, ppi: float, *, one_bit: bool = False) -> Path:
    """A page filled by one image of that resolution, drawn through a form that scales it twice."""
    size = (round(6.25 * ppi), round(4.25 * ppi))

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        data = b"\x55" * ((size[0] + 7) // 8 * size[1]) if one_bit else b"\x70" * (size[0] * size[1])
        image = image_xobject(pdf, data, size, 1 if one_bit else 8)
        form = _form(pdf, b"2 0 0 2 0 0 cm /Im Do", {"Im": image})
        page.Resources = Dictionary(XObject=Dictionary(Fm=form))

    return pdf_with(out, change, b"q 225 0 0 153 0 0 cm /Fm Do Q")


def inline_image_pdf(out: Path) -> Path:
    data = b"\x80" * (32 * 32)
    return page_pdf(out, content=b"q 450 0 0 306 0 0 cm BI /W 32 /H 32 /BPC 8 /CS /G ID " + data + b" EI Q")


def image_xobject(pdf: pikepdf.Pdf, data: bytes, size: tuple[int, int], bits: int = 8) -> pikepdf.Stream:
    return pdf.make_stream(
        data, Type=Name.XObject, Subtype=Name.Image, Width=size[0], Height=size[1], BitsPerComponent=bits,
        ColorSpace=Name.DeviceGray,
    )  # fmt: skip


def one_bit_pdf(
    out: Path, data: bytes, size: tuple[int, int], filter_: Name, parameters: Dictionary | None = None
) -> Path:
    """A picture of one bit a pixel of a tenth of a point, under a filter that alone can read it."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        image = image_xobject(pdf, data, size, bits=1)
        image.Filter = filter_
        if parameters is not None:
            image.DecodeParms = parameters
        page.Resources = Dictionary(XObject=Dictionary(I=image))
        page.Contents = pdf.make_stream(
            b"0.9 0.9 0.6 rg 0 0 450 306 re f q %d 0 0 %d 50 50 cm /I Do Q" % (size[0] // 10, size[1] // 10)
        )

    return pdf_with(out, change)


def _form(pdf: pikepdf.Pdf, content: bytes, placed: Mapping[str, pikepdf.Object]) -> pikepdf.Stream:
    return pdf.make_stream(
        content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 450, 306]),
        Resources=Dictionary(XObject=Dictionary(**placed)),
    )  # fmt: skip


def two_pages(out: Path) -> Path:
    with pikepdf.new() as pdf:
        _add_page(pdf)
        _add_page(pdf)
        pdf.save(out)
    return out


def no_pages(out: Path) -> Path:
    with pikepdf.new() as pdf:
        pdf.save(out)
    return out


def encrypted(out: Path, *, user: str = "", owner: str = "owner") -> Path:
    with pikepdf.new() as pdf:
        _add_page(pdf)
        pdf.save(out, encryption=pikepdf.Encryption(user=user, owner=owner))
    return out


def truncated_pdf(out: Path) -> Path:
    page_pdf(out)
    body = out.read_bytes()
    out.write_bytes(body[: len(body) * 2 // 3])
    return out


def unembedded_font(out: Path, *, shown: bool = True, inside: str = "page") -> Path:
    """Text in Helvetica, which no file has to carry; in a form or a pattern if asked."""
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    text = b"BT /F 20 Tf 60 60 Td (Hello) Tj ET" if shown else b"BT /F 20 Tf ET"

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
        if inside == "page":
            page.Resources, page.Contents = resources, pdf.make_stream(PLAIN + b" " + text)
        elif inside == "form":
            form = _form(pdf, text, {})
            form.Resources = resources
            page.Resources = Dictionary(XObject=Dictionary(Fm=form))
            page.Contents = pdf.make_stream(b"/Fm Do")
        else:
            pattern = pdf.make_stream(
                text, Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1, BBox=Array([0, 0, 100, 100]),
                XStep=100, YStep=100, Resources=resources,
            )  # fmt: skip
            page.Resources = Dictionary(Pattern=Dictionary(P=pattern))
            page.Contents = pdf.make_stream(b"/Pattern cs /P scn 0 0 450 306 re f")

    return pdf_with(out, change)


def flate_bomb(out: Path) -> Path:
    """Two stages of Flate: 1 KB in the file, 300 MB in memory."""
    zeros, packer = b"0 " * (1 << 19), zlib.compressobj(1)
    once = b"".join([packer.compress(zeros) for _ in range(300)]) + packer.flush()

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        stream = pdf.make_stream(b"")
        stream.write(zlib.compress(once, 9), filter=Array([Name.FlateDecode, Name.FlateDecode]))
        page.Contents = stream

    return _unpacked(out, change)


def image_bomb(out: Path) -> Path:
    """60,000 by 60,000 pixels of white, of which the first rows are there."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        row, packer = b"\xff" * 7500, zlib.compressobj(9)
        image = image_xobject(pdf, b"", (60_000, 60_000), 1)
        image.write(b"".join([packer.compress(row) for _ in range(600)]) + packer.flush(), filter=Name.FlateDecode)
        page.Resources = Dictionary(XObject=Dictionary(Im=image))
        page.Contents = pdf.make_stream(b"q 450 0 0 306 0 0 cm /Im Do Q")

    return _unpacked(out, change)


def _unpacked(out: Path, change: Callable[[pikepdf.Pdf, pikepdf.Object], None]) -> Path:
    """Saved without unpacking what was packed on purpose."""
    with pikepdf.new() as pdf:
        change(pdf, _add_page(pdf))
        pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out


def form_bomb(out: Path, *, levels: int = 11, each: int = 10) -> Path:
    """Forms that place one another ten times each: 10^11 images."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        placed: pikepdf.Object = image_xobject(pdf, b"\0" * 400, (20, 20))
        for _ in range(levels):
            placed = _form(pdf, b"/X Do " * each, {"X": placed})
        page.Resources = Dictionary(XObject=Dictionary(X=placed))
        page.Contents = pdf.make_stream(b"/X Do")

    return pdf_with(out, change)


def nested_forms(out: Path, *, depth: int) -> Path:
    return form_bomb(out, levels=depth, each=1)


def form_calling_itself(out: Path) -> Path:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        form = _form(pdf, PLAIN + b" /X Do", {})
        form.Resources.XObject.X = form
        page.Resources = Dictionary(XObject=Dictionary(X=form))
        page.Contents = pdf.make_stream(b"/X Do")

    return pdf_with(out, change)


def many_steps(out: Path, *, count: int) -> Path:
    return page_pdf(out, content=PLAIN + b" q Q" * count)


def deep_arrays(out: Path) -> Path:
    return page_pdf(out, content=PLAIN + b" " + b"[" * 100_000 + b"]" * 100_000 + b" TJ")


def huge_side(out: Path) -> Path:
    return page_pdf(out, MediaBox=Array([0, 0, 10**9, 10**9]))


def wrong_types(out: Path) -> Path:
    """Everything a reader would look at is of another type than it has to be."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        page.Resources = Dictionary(Font=Dictionary(F=5), XObject=Dictionary(Im=image_xobject(pdf, b"", (1, 1)), Fm=7))
        page.Resources.XObject.Im.Width = Name.Wide
        page.Contents = pdf.make_stream(b"BT /F 9 Tf (x) Tj ET /Fm Do /Im Do")

    return pdf_with(out, change)


def hidden_layer(out: Path) -> Path:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="Draft"))
        pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer]), Order=Array([layer])))
        page.Resources = Dictionary(Properties=Dictionary(L=layer))
        page.Contents = pdf.make_stream(PLAIN + b" /OC /L BDC 1 0 0 rg 0 0 200 200 re f EMC")

    return pdf_with(out, change)


def shown_when_another_is_not(out: Path) -> Path:
    """Content of a membership that hides it while a layer, which is on, is on."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="Art"))
        other = Dictionary(Type=Name.OCMD, OCGs=Array([layer]), P=Name.AllOff)
        pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(Order=Array([layer]), ON=Array([layer])))
        page.Resources = Dictionary(Properties=Dictionary(M=pdf.make_indirect(other)))
        page.Contents = pdf.make_stream(PLAIN + b" /OC /M BDC 1 0 0 rg 100 100 200 150 re f EMC")

    return pdf_with(out, change)


def screen_layer(out: Path) -> Path:
    """A layer that is on, and never prints."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        usage = Dictionary(Print=Dictionary(PrintState=Name.OFF))
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="Guides", Usage=usage))
        automatic = Dictionary(Event=Name.Print, Category=Array([Name.Print]), OCGs=Array([layer]))
        pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(AS=Array([automatic])))
        page.Resources = Dictionary(Properties=Dictionary(L=layer))
        page.Contents = pdf.make_stream(PLAIN + b" /OC /L BDC 1 0 0 rg 0 0 200 200 re f EMC")

    return pdf_with(out, change)


def shown_layer(out: Path) -> Path:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="Art"))
        pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(Order=Array([layer]), ON=Array([layer])))
        page.Resources = Dictionary(Properties=Dictionary(L=layer))
        page.Contents = pdf.make_stream(b"/OC /L BDC " + PLAIN + b" EMC")

    return pdf_with(out, change)


def active(out: Path) -> Path:
    """Scripts, an action on opening, a form field, a link, an attachment, private data and a file elsewhere."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        script = Dictionary(S=Name.JavaScript, JS="app.alert('MARKER_SCRIPT')")
        pdf.Root.OpenAction = script
        pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array(["run", script])))
        pdf.Root.AcroForm = Dictionary(Fields=Array([]))
        page.AA = Dictionary(O=script)
        page.Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=script)])
        page.PieceInfo = Dictionary(Maker=Dictionary(Private="MARKER_PRIVATE"))
        page.Metadata = pdf.make_stream(b"<x>MARKER_METADATA</x>")
        image = image_xobject(pdf, b"\x70" * (1250 * 850), (1250, 850))
        image.Metadata = pdf.make_stream(b"<x>MARKER_IMAGE</x>")
        image.Alternates = Array([Dictionary(Image=image_xobject(pdf, b"MARKER_ALTERNATE", (4, 4)))])
        image.OPI = Dictionary(F="MARKER_OPI")
        page.Resources = Dictionary(XObject=Dictionary(Im=image))
        page.Contents = pdf.make_stream(b"q 450 0 0 306 0 0 cm /Im Do Q")
        pdf.attachments["notes.txt"] = b"MARKER_ATTACHMENT"

    return pdf_with(out, change)


def external_stream(out: Path, target: str) -> Path:
    """An image whose data is said to lie in a file of the reader's machine."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        image = image_xobject(pdf, b"\x70" * (1250 * 850), (1250, 850))
        image.F = Dictionary(Type=Name.Filespec, F=target)
        page.Resources = Dictionary(XObject=Dictionary(Im=image))
        page.Contents = pdf.make_stream(b"q 450 0 0 306 0 0 cm /Im Do Q")

    return pdf_with(out, change)


def turned_page(out: Path, turn: int) -> Path:
    """Upright for a reader, stored turned; its origin is not at zero."""
    shown = {90: b"0 -1 1 0 0 450 cm ", 180: b"-1 0 0 -1 450 306 cm ", 270: b"0 1 -1 0 306 0 cm "}
    # The page's own axes, so that what `_corners_drawn` draws is upright after the reader's turn.
    back = {90: b"0 1 -1 0 306 0 cm ", 180: shown[180], 270: b"0 -1 1 0 0 450 cm "}[turn]
    width, height = BLEED if turn == 180 else BLEED[::-1]
    return page_pdf(
        out,
        content=b"q 1 0 0 1 100 50 cm " + back + CORNERS + b" Q",
        MediaBox=Array([100, 50, 100 + width, 50 + height]),
        Rotate=turn,
    )


# A picture in vectors whose four corners differ.
CORNERS = (
    b"0.9 0.9 0.8 rg 0 0 450 306 re f 1 0 0 rg 0 0 150 60 re f 0 0.6 0 rg 400 0 50 150 re f "
    b"0 0 1 rg 0 206 100 100 re f 0 0 0 rg 300 286 150 20 re f"
)


def larger_page_with_marks(out: Path, *, say: str) -> Path:
    """The piece in the middle of a larger page, crop marks around it; `say` is the box that tells where."""
    content = (
        b"q 1 0 0 1 50 50 cm "
        + CORNERS
        + b" Q 0.5 w 59 20 m 59 45 l S 491 20 m 491 45 l S 20 59 m 45 59 l S 20 347 m 45 347 l S"
    )
    boxes = {
        "TrimBox": {"TrimBox": Array([59, 59, 491, 347])},
        "BleedBox": {"BleedBox": Array([50, 50, 500, 356])},
        "CropBox": {"CropBox": Array([50, 50, 500, 356])},
    }
    return page_pdf(out, content=content, MediaBox=Array([0, 0, 550, 406]), **boxes[say])


def user_unit(out: Path, unit: float) -> Path:
    scale = b"%f 0 0 %f 0 0 cm " % (1 / unit, 1 / unit)
    return page_pdf(
        out, content=scale + CORNERS, MediaBox=Array([0, 0, BLEED[0] / unit, BLEED[1] / unit]), UserUnit=unit
    )


def vectors(out: Path, content: bytes = CORNERS) -> Path:
    return page_pdf(out, content=content)


def png_header_bomb(out: Path) -> Path:
    """A PNG that says it has 60,000 by 60,000 pixels, in a few bytes."""
    small = BytesIO()
    Image.new("1", (1, 1)).save(small, "PNG")
    body = bytearray(small.getvalue())
    body[16:24] = (60_000).to_bytes(4) * 2
    body[29:33] = zlib.crc32(bytes(body[12:29])).to_bytes(4)
    out.write_bytes(body)
    return out


def reportlab_image(out: Path, source: Path) -> Path:
    """The picture as reportlab embeds it: what another program thinks that it looks like."""
    page = Canvas(str(out), pagesize=BLEED)
    page.drawImage(str(source), 0, 0, *BLEED)
    page.save()
    return out


def page_tree_loop(out: Path) -> Path:
    """A page tree whose second branch is the tree itself."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        pdf.Root.Pages.Kids.append(pdf.Root.Pages)
        pdf.Root.Pages.Count = 1_000_000

    return pdf_with(out, change)


def many_pages(out: Path, *, count: int = 10_000) -> Path:
    """One page, so many times, in one flat list."""
    with pikepdf.new() as pdf:
        page = pdf.make_indirect(_add_page(pdf))
        kids = [page, *(pdf.make_indirect(Dictionary(page)) for _ in range(count - 1))]
        pdf.Root.Pages.Kids, pdf.Root.Pages.Count = Array(kids), count
        pdf.save(out)
    return out


def damaged_table(out: Path) -> Path:
    """Every offset of the cross-reference table points somewhere else."""
    page_pdf(out)
    with pikepdf.open(out, allow_overwriting_input=True) as pdf:
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    data = bytearray(out.read_bytes())
    start = data.rindex(b"xref\n", 0, data.rindex(b"startxref"))
    out.write_bytes(bytes(data[:start]) + bytes(data[start:]).replace(b"00000 n", b"00007 n"))
    return out


def fine_tiles(out: Path) -> Path:
    """A pattern that would be painted a hundred thousand million times."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        pattern = pdf.make_stream(
            b"0 0 1 rg 0 0 0.0005 0.0005 re f", Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1,
            BBox=Array([0, 0, 0.001, 0.001]), XStep=0.001, YStep=0.001, Resources=Dictionary(),
        )  # fmt: skip
        page.Resources = Dictionary(Pattern=Dictionary(P=pattern))
        page.Contents = pdf.make_stream(b"/Pattern cs /P scn 0 0 450 306 re f")

    return pdf_with(out, change)


def masks_in_masks(out: Path, *, depth: int = 40) -> Path:
    """A soft mask whose own group is drawn through a soft mask, and so on down."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        group = Dictionary(S=Name.Transparency, CS=Name.DeviceGray)
        form = _form(pdf, b"1 g 0 0 450 306 re f", {})
        form.Group = group
        for _ in range(depth):
            state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=form))
            outer = _form(pdf, b"/M gs 1 g 0 0 450 306 re f " * 3, {})
            outer.Group, outer.Resources = group, Dictionary(ExtGState=Dictionary(M=state))
            form = outer
        page.Resources = Dictionary(ExtGState=Dictionary(M=Dictionary(SMask=Dictionary(S=Name.Luminosity, G=form))))
        page.Contents = pdf.make_stream(PLAIN + b" /M gs 1 0 0 rg 0 0 450 306 re f")

    return pdf_with(out, change)


def numbers_as_objects(out: Path) -> Path:
    """The dashes of a line, a truth and nothing at all, as objects of their own."""
    values = (b"7", b"2.5", b"0", b"true", b"null")

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        on, off, phase, *odd = (pdf.make_indirect(pikepdf.String(f"OBJECT_{at}")) for at in range(len(values)))
        state = Dictionary(D=Array([Array([on, off]), phase]), Odd=Array(odd))
        page.Resources = Dictionary(ExtGState=Dictionary(G=state))
        page.Contents = pdf.make_stream(PLAIN + b" /G gs 1 G 4 w 60 60 m 300 200 l S")

    data = pdf_with(out, change).read_bytes()
    for at, value in enumerate(values):
        assert data.count(b"(OBJECT_%d)" % at) == 1
        data = data.replace(b"(OBJECT_%d)" % at, value.ljust(10))
    out.write_bytes(data)
    return out


def damaged_font(out: Path, source: Path) -> Path:
    """`source` with a font program that ends in the middle of its compressed data."""
    with pikepdf.open(source) as pdf:
        [program] = [obj.FontFile2 for obj in pdf.objects if isinstance(obj, Dictionary) and "/FontFile2" in obj]
        data = program.read_bytes()
        program.write(zlib.compress(data)[:99] + b"\xff" * 99, filter=Name.FlateDecode)
        pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out


def names_of_another_machine(out: Path, source: Path) -> Path:
    """`source` with a font whose name, and whose name on the page, are in the letters of an old Macintosh."""
    with pikepdf.open(source) as pdf:
        page = pdf.pages[0].obj
        (name,) = page.Resources.Font.keys()
        font = page.Resources.Font[name]
        font.BaseFont = pikepdf.Object.parse(b"/Caf#8e-Roman")
        font.FontDescriptor.FontName = font.BaseFont
        page.Resources.Font = pikepdf.Object.parse(b"<< /F#8e null /G null >>")
        page.Resources.Font[pikepdf.Object.parse(b"/F#8e")] = font
        # A string has the dictionary taken apart where it is carried on.
        page.Resources.Font.G = Dictionary(Note=pikepdf.String("(not drawn 1 0 R)"))
        drawn = page.Contents.read_bytes().replace(name.encode() + b" ", b"/F#8e ")
        page.Contents = pdf.make_stream(drawn)
        pdf.save(out)
    return out

"""The job ticket for machines: XJDF 2.1 (CIP4), the same facts as the printed ticket.

Lengths are in points and paper thickness in micrometres, as the standard has them; boxes are from the sheet's lower left. Same job,
same bytes: the ticket's own time is the freeze time.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pipeline.press.geometry import numbers, on_piece, pt
from pipeline.press.sheets.endorsement import endorsement_text
from pipeline.press.sheets.indicia import indicia_lines
from pipeline.press.sheets.layout import sets_in_lift, trims
from pipeline.press.sheets.tally import Tally
from pipeline.products import STOCKS, Product

NAMESPACE = "http://www.CIP4.org/JDFSchema_2_0"
VERSION = "2.1"
AGENT = "MailStream"

_MICROMETRES_PER_INCH = 25_400
_WORK_STYLES = {"sheetwise": "WorkAndBack", "work_and_turn": "WorkAndTurn", "work_and_tumble": "WorkAndTumble"}
_PAPER, _RUN, _OUTPUT = "paper", "run", "pieces"


def write_xjdf(tally: Tally, product: Product, files: Sequence[Path], out: Path) -> None:
    """`files` are the drop's sheets in their order, whole by now: their sizes and digests are told."""
    job = tally.job
    steps = ["DigitalPrinting", *(["Cutting"] if tally.layout.marked else []), *(["Folding"] if product.folds else [])]
    root = Element(
        "XJDF", xmlns=NAMESPACE, Version=VERSION, JobID=job.stem, JobPartID=f"r{job.revision:02}", Types=" ".join(steps),
        DescriptiveName=f"{product.title}, {len(job.pieces)} pieces",
    )  # fmt: skip
    created = SubElement(SubElement(root, "AuditPool"), "AuditCreated")
    SubElement(created, "Header", AgentName=AGENT, DeviceID=AGENT, Time=_time(job.frozen_at))
    for about, text in _comments(tally):
        SubElement(root, "Comment", Type=about).text = text
    told = [("BatchID", job.batch_id), ("MailClass", job.mail_class), ("Postage", job.postage.method)]
    if product.envelope:
        told += [("SheetsPerPiece", str(job.sheets_per_piece)), ("Envelope", product.envelope.name)]
    for usage, value in told:
        SubElement(root, "GeneralID", IDUsage=usage, IDValue=value)
    _product(root, tally, product)
    _node_info(root, tally)
    _media(root, tally, product)
    _run_list(root, tally, files)
    _layout(root, tally, product)
    printing = _resource(root, "DigitalPrintingParams", "Input")
    sides = "TwoSided" if tally.two_sided else "OneSidedFront"
    SubElement(printing, "DigitalPrintingParams", Sides=sides, Collate="Sheet", PageDelivery="SameOrderFaceUp")
    if tally.layout.marked:
        _cutting(root, tally, product)
    if product.folds:
        _folding(root, product)
    _component(root, tally, product)
    indent(root)
    out.write_bytes(b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8") + b"\n")


def _comments(tally: Tally) -> list[tuple[str, str]]:
    job, wanted = tally.job, tally.job.imposition
    turned = f"backs {wanted.backs.replace('_', ' ')}, turn on the {wanted.back_turn.replace('_', ' ')}"
    said = [
        (
            "Instruction",
            f"{turned}; back offset {wanted.back_offset_x_in:g}, {wanted.back_offset_y_in:g} in is in the file",
        )
    ]
    said.append(
        (
            "Spoilage",
            "report spoiled pieces by id; they come again in the next revision; never reprint from these files",
        )
    )
    imprint = " / ".join(indicia_lines(job.postage, job.mail_class))
    endorsement = endorsement_text(job.postage, job.mail_class)
    printed = (("Imprint", imprint), ("Endorsement", endorsement))
    return [*said, *((about, text) for about, text in printed if text)]


def _product(root: Element, tally: Tally, product: Product) -> None:
    made = SubElement(
        SubElement(root, "ProductList"), "Product", ID="product", Amount=str(len(tally.job.pieces)), IsRoot="true",
        DescriptiveName=product.title, ExternalID=product.name, ProductType=_product_type(product),
    )  # fmt: skip
    layout = SubElement(made, "Intent", Name="LayoutIntent")
    trim = numbers(pt(product.trim_width_in), pt(product.trim_height_in), 0)
    SubElement(layout, "LayoutIntent", FinishedDimensions=trim, Sides=_sides(tally, product))
    coating = tally.job.imposition.coating
    if coating != "none" and not product.is_document:
        color = SubElement(SubElement(made, "Intent", Name="ColorIntent"), "ColorIntent")
        plain = "Back" if product.address_side == "front" else "Front"
        SubElement(color, "SurfaceColor", Surface=plain, Coatings=_COATINGS[coating])


_COATINGS = {"aqueous": "Aqueous", "dull_varnish": "DullVarnish", "gloss_varnish": "GlossVarnish", "uv": "UV"}


def _product_type(product: Product) -> str:
    if product.envelope:
        return "Letter"
    return "SelfMailer" if product.folds else "Postcard"


def _sides(tally: Tally, product: Product) -> str:
    if not tally.two_sided:
        return "OneSided"
    foot = (tally.job.imposition.backs == "head_to_foot") != product.head_to_foot
    return "TwoSidedHeadToFoot" if foot else "TwoSidedHeadToHead"


def _node_info(root: Element, tally: Tally) -> None:
    job = tally.job
    info = _resource(root, "NodeInfo", "Input")
    SubElement(info, "NodeInfo", LastEnd=_time(job.mail_by), DueLevel="Penalty")


def _media(root: Element, tally: Tally, product: Product) -> None:
    stock, sheet = STOCKS[product.stock], tally.layout.sheet
    media = _resource(root, "Media", "Input", ID=_PAPER, DescriptiveName=product.stock.replace("_", " "))
    SubElement(
        media, "Media", MediaType="Paper", MediaUnit="Sheet", Dimension=numbers(sheet.width_pt, sheet.height_pt),
        Weight=numbers(stock.grams_per_m2), Thickness=numbers(stock.caliper_in * _MICROMETRES_PER_INCH),
        # The address side takes ink and postmark, and is left uncoated.
        BackCoating="None",
    )  # fmt: skip


def _run_list(root: Element, tally: Tally, files: Sequence[Path]) -> None:
    runs = SubElement(root, "ResourceSet", Name="RunList", Usage="Input")
    most, left = tally.sheets_in_file, tally.sheets
    for number, file in enumerate(files, start=1):
        pages = (2 if tally.two_sided else 1) * min(most, left)
        left -= most
        resource = SubElement(runs, "Resource", ID=f"{_RUN}{number}")
        SubElement(resource, "Part", Run=f"{_RUN}{number}")
        run = SubElement(resource, "RunList", NPage=str(pages))
        with file.open("rb") as data:
            digest = file_digest(data, "sha256").hexdigest().upper()
        SubElement(
            run,
            "FileSpec",
            URL=file.name,
            MimeType="application/pdf",
            FileSize=str(file.stat().st_size),
            CheckSum=digest,
        )


def _layout(root: Element, tally: Tally, product: Product) -> None:
    wanted, layout = tally.job.imposition, tally.layout
    bindery = _resource(root, "BinderySignature", "Input")
    signature = SubElement(bindery, "BinderySignature", BinderySignatureType="Grid", NumberUp="1 1")
    bleed = numbers(pt(product.bleed_in))
    pages = {"FrontPages": "0"} | ({"BackPages": "1"} if tally.two_sided else {})
    SubElement(
        signature, "SignatureCell", pages, Sides=_sides(tally, product),
        TrimSize=numbers(pt(product.trim_width_in), pt(product.trim_height_in)),
        BleedFace=bleed, BleedFoot=bleed, BleedHead=bleed, BleedSpine=bleed,
    )  # fmt: skip
    made = SubElement(
        _resource(root, "Layout", "Input"), "Layout", Automated="true", PaperRef=_PAPER,
        WorkStyle=_WORK_STYLES[wanted.work_style] if tally.two_sided else "Simplex",
        SurfaceContentsBox=numbers(0, 0, layout.sheet.width_pt, layout.sheet.height_pt),
    )  # fmt: skip
    each = tally.job.sheets_per_piece
    depth = str(min((sets_in_lift(wanted, each) or tally.sheets) * each, tally.sheets))
    for number, (slot, trim) in enumerate(zip(layout.front.slots, trims(layout.front, product), strict=True)):
        place = {
            "AbsoluteBox": numbers(trim.x_pt, trim.y_pt, trim.right_pt, trim.top_pt),
            "Orientation": f"Rotate{slot.turn}",
        }
        stack = {"StackOrd": str(number), "StackDepth": depth} if wanted.order == "cut_and_stack" else {}
        SubElement(made, "Position", place | stack)


def _cutting(root: Element, tally: Tally, product: Product) -> None:
    params = SubElement(_resource(root, "CuttingParams", "Input"), "CuttingParams")
    for number, trim in enumerate(trims(tally.layout.front, product), start=1):
        box = numbers(trim.x_pt, trim.y_pt, trim.right_pt, trim.top_pt)
        SubElement(params, "CutBlock", BlockName=f"slot{number}", Box=box)


def _folding(root: Element, product: Product) -> None:
    """The front faces up. Each fold turns the part that is nearer to the foot, or to the left, over the rest."""
    params = SubElement(_resource(root, "FoldingParams", "Input"), "FoldingParams", FoldingDetails=product.name)
    left_in = product.trim_height_in
    for fold in sorted((fold for fold in product.folds if fold.side == "front"), key=lambda fold: -fold.at_in):
        # What was folded before ends at its own fold.
        travel_in = fold.at_in if fold.direction == "upright" else left_in - fold.at_in
        left_in = fold.at_in
        SubElement(
            params, "Fold", From="Left" if fold.direction == "upright" else "Front",
            To="Down" if product.address_side == "front" else "Up", Travel=numbers(pt(travel_in)),
        )  # fmt: skip


def _component(root: Element, tally: Tally, product: Product) -> None:
    output = SubElement(root, "ResourceSet", Name="Component", Usage="Output")
    resource = SubElement(output, "Resource", ID=_OUTPUT)
    SubElement(SubElement(resource, "AmountPool"), "PartAmount", Amount=str(len(tally.job.pieces)))
    thick = product.thickness_of(tally.job.sheets_per_piece)
    size = numbers(pt(product.trim_width_in), pt(product.trim_height_in), pt(thick))
    component = SubElement(resource, "Component", Dimensions=size, MediaRef=_PAPER)
    marks = tally.job.imposition.marks
    if tally.layout.front.box("barcode"):
        code = {"EncodingDetails": "CODE39"} | ({"Value": marks.finisher_program} if marks.finisher_program else {})
        SubElement(
            component,
            "IdentificationField",
            {"Encoding": "Barcode", "Purpose": "Verification", "Position": "Front"} | code,
        )
    if product.sheet_mark:
        box = on_piece(product.sheet_mark, product)
        SubElement(
            component, "IdentificationField", Encoding="Barcode", EncodingDetails="DATAMATRIX", Purpose="Separation",
            Position="Front", BoundingBox=numbers(box.x_pt, box.y_pt, box.right_pt, box.top_pt),
        )  # fmt: skip


def _resource(root: Element, name: str, usage: str, **attributes: str) -> Element:
    return SubElement(SubElement(root, "ResourceSet", Name=name, Usage=usage), "Resource", attributes)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"

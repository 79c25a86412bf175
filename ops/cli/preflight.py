"""`mailstream preflight`: whether an artwork file can be printed, by the checks that the service makes."""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.apps import new_app
from ops.cli.failure import CommandError, Exit
from ops.cli.html import is_html, make_page, read_html, samples, values_given
from ops.cli.output import Json, print_json, print_record
from pipeline.press.html.merge import merge as filled
from pipeline.press.process import child
from pipeline.press.report import Finding, Report
from pipeline.products import PRODUCTS, Product

app = new_app()


class Side(StrEnum):
    FRONT = "front"
    BACK = "back"


@app.command()
def preflight(
    file: Annotated[Path, typer.Argument(help="A PDF, PNG, JPEG or HTML file.")],
    product: Annotated[str, typer.Option(help="Such as postcard_4x6.")],
    side: Annotated[Side, typer.Option(help="The back is the address side; a letter is a front, all its pages.")],
    proof: Annotated[
        Path | None, typer.Option(help="Where to draw what was found: a file that ends in .png or .pdf.")
    ] = None,
    merge: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE for a field of HTML; without it, its name. Repeat it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check an artwork file for a product. Exits 1 where it cannot be printed."""
    wanted = product_named(product)
    if wanted.is_document and side is Side.BACK:
        raise CommandError(f"--side back: {product} is one file of all pages, its front", Exit.USAGE)
    if proof is not None and proof.suffix.lower() not in (".png", ".pdf"):
        raise CommandError(f"--proof {proof}: give a name that ends in .png or .pdf", Exit.USAGE)
    with tempfile.TemporaryDirectory(prefix="mailstream-preflight-") as folder:
        source, report = _inspect(existing(file), wanted, side, values_given(merge or ()), Path(folder, "page.pdf"))
        if proof is not None and source.exists():
            child.marked_proof(source, wanted, side.value, report, proof.absolute())
    if as_json:
        print_json({"file": str(file), "product": product, "side": side, **report.as_dict()})
    else:
        _print(report, file, wanted, side)
    if not report.ok:
        raise typer.Exit(Exit.FAILURE)


def _inspect(file: Path, product: Product, side: Side, given: dict[str, str], page: Path) -> tuple[Path, Report]:
    """The artwork that was looked at, which for HTML is `page`, and what was found."""
    if not is_html(file):
        return file, child.inspect(file, product, side.value)
    html, names = read_html(file)
    return page, make_page(filled(html, samples(names, given)), product, side.value, page)


def product_named(name: str) -> Product:
    if name not in PRODUCTS:
        raise CommandError(f"there is no product {name!r}: there are {', '.join(PRODUCTS)}", Exit.USAGE)
    return PRODUCTS[name]


def existing(file: Path) -> Path:
    """The path of a file that can be read. Raises `CommandError`."""
    if not file.is_file():
        raise CommandError(f"there is no file {file}", Exit.NOT_FOUND)
    return file


def _print(report: Report, file: Path, product: Product, side: Side) -> None:
    size = f"{report.size_in[0]:g} x {report.size_in[1]:g} in" if report.size_in else None
    wanted = f"{product.bleed_width_in:g} x {product.bleed_height_in:g} in with bleed"
    print_record({
        "file": str(file),
        "product": f"{product.name}, {side}, {wanted}",
        "kind": report.kind,
        "pages": report.pages,
        "size": size,
        "resolution": f"{report.ppi:.0f} ppi" if report.ppi is not None else None,
        "verdict": "can be printed" if report.ok else "cannot be printed",
    })  # fmt: skip
    for found in (*report.findings, *report.warnings):
        typer.echo(f"\n{found.severity} {found.code}{_place(found, product)}")
        typer.echo(f"  {found.detail}\n  {found.remedy}")
        if found.measured:
            typer.echo(f"  measured {found.measured}" + (f", required {found.required}" if found.required else ""))


def _place(found: Finding, product: Product) -> str:
    """` on page 2, at 0.12, 3.4, 1 x 0.2 in`: from the top left of the trim."""
    page = f" on page {found.page}" if found.page and product.most_sheets > 1 else ""
    if found.box is None:
        return page
    box = found.box
    return f"{page} at {box.x_in:g}, {box.y_in:g} in from the trim's top left, {box.width_in:g} x {box.height_in:g} in"

"""`mailstream impose`: artwork and a list of recipients become press-ready sheets, without a service or a database."""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli.apps import new_app
from ops.cli.documents import check_sides
from ops.cli.failure import CommandError, Exit
from ops.cli.impose_options import (
    PostageOptions,
    SheetOptions,
    check_service,
    class_of,
    moment_of,
    printer_of,
    sender_of,
    serials_of,
    stem_of,
    zone_of,
)
from ops.cli.imposing import Order, Outcome, run
from ops.cli.output import Json, print_json, print_record, say
from ops.cli.preflight import existing, product_named
from ops.cli.sides import Sides
from pipeline.products import Side

app = new_app()


@app.command()
def impose(
    product: Annotated[str, typer.Option(help="Such as postcard_4x6.")],
    front: Annotated[Path, typer.Option(help="The artwork of the front; HTML has its fields filled from the columns.")],
    recipients: Annotated[str, typer.Option(help="CSV or JSON Lines: name, company, line1, line2, city, state, zip.")],
    out: Annotated[Path, typer.Option(help="The folder for the sheets; it is made when it is new.")],
    serials: Annotated[str, typer.Option(help="The IMb serials to use, FIRST-LAST; none may have been used before.")],
    back: Annotated[Path | None, typer.Option(help="The artwork of the address side; none for a letter.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="A JSON file with a printer's profile, as `printers add` takes it; other options go before it."
        ),
    ] = None,
    mailer_id: Annotated[str | None, typer.Option(help="The mailer id that the USPS gave you; 6 or 9 digits.")] = None,
    sheet: Annotated[str | None, typer.Option(help="The press sheet in inches, such as 13x19.")] = None,
    imageable: Annotated[
        str | None, typer.Option(help="What the press can print of the sheet, such as 12.72x18.69.")
    ] = None,
    one_up: Annotated[
        bool, typer.Option("--one-up", help="Single pieces with their bleed, instead of sheets.")
    ] = False,
    gutter: Annotated[float | None, typer.Option(min=0, help="Inches between two bleeds; without it, none.")] = None,
    sides: Annotated[
        Sides | None, typer.Option(help="Of a letter, whose front holds all pages; without it, duplex.")
    ] = None,
    marks: Annotated[
        bool | None, typer.Option(help="Crop marks, slug, targets and colour bar; none on cut sheets.")
    ] = None,
    mail_class: Annotated[str, typer.Option("--class", help="first_class or marketing.")] = "first_class",
    stid: Annotated[
        str | None,
        typer.Option(help="The service type; without it, 310 first class, 311 marketing; 040, 042 endorsed."),
    ] = None,
    endorsement: Annotated[
        str | None,
        typer.Option(help="The endorsement to print: none, address, return, change, electronic or temp_return."),
    ] = None,
    return_address: Annotated[
        str, typer.Option(help="Up to five lines, with semicolons between them; an endorsement needs one.")
    ] = "",
    postage: Annotated[str | None, typer.Option(help="permit, meter or stamp; without it, permit.")] = None,
    permit_number: Annotated[str | None, typer.Option(help="For permit postage.")] = None,
    permit_city: Annotated[str | None, typer.Option(help="For permit postage.")] = None,
    permit_state: Annotated[str | None, typer.Option(help="For permit postage.")] = None,
    stem: Annotated[str, typer.Option(help="The name of the files.")] = "batch_r00",
    zone: Annotated[
        str | None, typer.Option(help="The time zone of the ticket; without it, the profile's, or America/New_York.")
    ] = None,
    frozen_at: Annotated[
        str | None, typer.Option(help="The time to print on sheets and ticket; without it, now.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write press sheets, manifest, ticket and proof; rows that cannot be mailed go to STEM-rejects.csv with the reasons.

    Options say how sheets and postage are to be, or a printer's profile does, which has all that there is (work style, grid,
    stacks, gripper, the back's offset, coating, who prints the barcode). Both together are the profile with what options change.

    A field of HTML, {{name}}, has each row's value in the column of that name. An empty cell is an empty value, and prints nothing;
    a row that ends before its cell, or has null there, is rejected.
    """
    card, mail_class = product_named(product), class_of(mail_class)
    check_sides(card, sides, two_sided=back is not None)
    if profile == recipients == "-":
        raise CommandError("--profile and --recipients cannot both be stdin: give a file for one of them", Exit.USAGE)
    artwork: dict[Side, Path] = {"front": existing(front)}
    if back is not None:
        artwork["back"] = existing(back)
    sheets = SheetOptions(sheet=sheet, imageable=imageable, gutter=gutter, marks=marks, one_up=one_up)
    paid = PostageOptions(
        mailer_id=mailer_id, method=postage, permit_number=permit_number, permit_city=permit_city, permit_state=permit_state,
        mail_class=mail_class, endorsement=endorsement, stid=stid,
    )  # fmt: skip
    printer = printer_of(profile, sheets, paid)
    check_service(printer.postage, mail_class, card)
    order = Order(
        product=card,
        artwork=artwork,
        sides=sides,
        printer=printer,
        mail_class=mail_class,
        serials=serials_of(serials, printer.postage.mailer_id, printer.postage.stid(mail_class)),
        sender=sender_of(return_address, printer.postage.endorsement(mail_class), card),
        stem=stem_of(stem),
        frozen_at=moment_of(frozen_at),
        zone=zone_of(zone or printer.floor.zone),
    )
    _tell(order, run(order, recipients, out), as_json)


def _tell(order: Order, outcome: Outcome, as_json: bool) -> None:
    first, mailer_id = order.serials.first, order.serials.mailer_id
    last = first + outcome.imposed.pieces - 1
    shown = {
        "pieces": outcome.imposed.pieces,
        "sheets": outcome.imposed.sheets,
        "rejected": outcome.rejected,
        "mailer_id": mailer_id,
        "serials_used": f"{first}-{last}",
        "files": [str(file) for file in outcome.files],
    }
    for warned in outcome.warnings:
        say(str(warned))
    if as_json:
        print_json(shown | {"warnings": [warned.as_dict() for warned in outcome.warnings]})
    else:
        print_record(shown)
    say(f"keep a note that serials {first} to {last} of {mailer_id} are used: a serial must not come twice")

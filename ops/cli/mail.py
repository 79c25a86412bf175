"""`mailstream mail`: pieces, as their sender sees them through the API."""

from typing import Annotated, Any

import typer

from ops.cli.apps import new_app
from ops.cli.client import Client
from ops.cli.output import Json, print_json, print_record, print_table, say

app = new_app("Pieces, through the API at MAILSTREAM_URL with the key in MAILSTREAM_KEY.")

MailId = Annotated[str, typer.Argument(help="The piece's id, ml_….")]

_LISTED = ("id", "status", "product", "external_id", "due_at", "sla", "mailed_at", "created_at")
_EVENT = ("sequence", "type", "at", "recorded_at")


@app.command("list")
def list_(
    status: Annotated[str | None, typer.Option(help="Only pieces in these statuses, separated by commas.")] = None,
    product: Annotated[str | None, typer.Option(help="Only pieces of this product.")] = None,
    external_id: Annotated[str | None, typer.Option(help="Only the piece with this id of yours.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List pieces, newest first."""
    given = {"status": status, "product": product, "external_id": external_id}
    filters = {name: value for name, value in given.items() if value is not None}
    with Client() as client:
        found = list(client.pages("/v1/mail", filters, limit))
    if as_json:
        print_json(found)
    else:
        print_table(_LISTED, [_line(piece) for piece in found])


@app.command()
def show(mail_id: MailId, as_json: Json = False) -> None:
    """Show a piece and everything that happened to it."""
    with Client() as client:
        piece = client.get(f"/v1/mail/{mail_id}")
        events = client.get(f"/v1/mail/{mail_id}/events")["data"]
    if as_json:
        print_json({**piece, "events": events})
        return
    print_piece(piece)
    typer.echo()
    print_table(_EVENT, [[event[name] for name in _EVENT] for event in events])


@app.command()
def cancel(mail_id: MailId, as_json: Json = False) -> None:
    """Call a piece off. That can be done until it is frozen into a batch."""
    with Client() as client:
        piece = client.post(f"/v1/mail/{mail_id}/cancel")
    if as_json:
        print_json(piece)
    else:
        say(f"{mail_id} is canceled")


@app.command()
def hold(mail_id: MailId, as_json: Json = False) -> None:
    """Keep a piece back until it is released. Meanwhile the time of its promise stands still."""
    with Client() as client:
        piece = client.post(f"/v1/mail/{mail_id}/hold")
    if as_json:
        print_json(piece)
    else:
        say(f"{mail_id} is held" if piece["status"] == "held" else f"{mail_id} is {piece['status']}, and will be held")


@app.command()
def release(mail_id: MailId, as_json: Json = False) -> None:
    """Let a piece that is held go on."""
    with Client() as client:
        piece = client.post(f"/v1/mail/{mail_id}/release")
    if as_json:
        print_json(piece)
    else:
        say(f"{mail_id} is released, and due by {piece['sla']['due_at']}")


@app.command()
def fail(
    mail_id: MailId,
    reason: Annotated[str, typer.Option(help="Why: for the audit, and for its sender.")],
    as_json: Json = False,
) -> None:
    """Give a piece up for good, as this installation's operator. What is in the mail cannot fail.

    Where it is in a batch, its printer may still make it: recall the batch, or ring the press room.
    """
    # Senders' commands need no database, and start without it.
    from ops.cli.failing import fail_piece

    failed = fail_piece(mail_id, reason)
    if as_json:
        print_json({"mail": mail_id, "status": "failed", "batch": failed.batch_id})
    else:
        say(f"{mail_id} has failed" + (f"; {failed.batch_id} may still be made with it" if failed.batch_id else ""))


def print_piece(piece: dict[str, Any]) -> None:
    """What matters of one piece."""
    address = piece["standardized"] or piece["to"]
    fields = {name: piece[name] for name in ("id", "status", "product", "class", "external_id")}
    print_record({
        **fields,
        "to": ", ".join(str(address[name]) for name in ("name", "line1", "city", "state") if address.get(name)),
        "due at": piece["sla"]["due_at"],
        "promise": piece["sla"]["state"],
        "cancelable until": piece["cancelable_until"],
        "mailed at": piece["mailed_at"],
        "price": f"{piece['price']['cents'] / 100:.2f} {piece['price']['currency']}",
        "IMb": piece["tracking"]["imb"],
    })  # fmt: skip
    for error in piece["errors"]:
        typer.echo(f"{error['pointer']}: {error['detail']} {error['remedy']}")


def _line(piece: dict[str, Any]) -> list[Any]:
    own = {**piece, "due_at": piece["sla"]["due_at"], "sla": piece["sla"]["state"]}
    return [own[name] for name in _LISTED]

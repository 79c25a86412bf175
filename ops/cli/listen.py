"""`mailstream listen`: the account's events as they come, until it is interrupted."""

import time
from collections.abc import Iterator
from itertools import islice
from queue import SimpleQueue
from typing import Annotated, Any

import typer

from ops.cli.apps import new_app
from ops.cli.client import PAGE, Client, UnreachableError
from ops.cli.output import Json, print_json_line, say

app = new_app()

_LONGEST_PAUSE_S = 30.0


@app.command()
def listen(
    types: Annotated[str | None, typer.Option(help="Only events of these types, separated by commas.")] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Begin with the first event there is, not with new ones.")
    ] = False,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many events.")] = None,
    interval: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between two looks.")] = 1.0,
    webhooks: Annotated[
        bool, typer.Option("--webhooks", help="Receive them as webhooks on this machine, and verify each signature.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print events in the order of the log: one a line, or with --json one JSON object a line. Ctrl-C ends it."""
    filters = {} if types is None else {"types": types}
    with Client() as client:
        if webhooks:
            for told in islice(_received(client, types), count):
                _print_webhook(told, as_json)
            return
        cursor = None if all_ else _end(client, filters)
        say(f"listening at {client.url}; Ctrl-C ends it")
        for event in islice(_events(client, filters, cursor, interval), count):
            _print(event, as_json)


def _received(client: Client, types: str | None) -> Iterator[dict[str, Any]]:
    """What comes to an endpoint of our own, which goes away with us. The service must allow webhooks to this machine."""
    from ops.services.receiver import Receiver

    arrived: SimpleQueue[dict[str, Any]] = SimpleQueue()
    with Receiver(arrived.put) as receiver:
        wanted = {"url": receiver.url("listen"), "events": ["*"] if types is None else types.split(",")}
        endpoint = client.post("/v1/webhook_endpoints", json=wanted)
        receiver.secrets.append(endpoint["secret"])
        say(f"webhooks come to {receiver.url('listen')} as {endpoint['id']}; Ctrl-C ends it")
        try:
            while True:
                yield arrived.get()
        finally:
            client.delete(f"/v1/webhook_endpoints/{endpoint['id']}")


def _print_webhook(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json_line(told)
        return
    data = told["data"]
    typer.echo(f"{told['timestamp']}  {told['type']:<24}  {data['id']}  {_evidence(data['evidence'])}".rstrip())


def _end(client: Client, filters: dict[str, str]) -> str | None:
    """The cursor after the last event there is."""
    cursor: str | None = None
    while True:
        page = _page(client, filters, cursor)
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return cursor


def _events(client: Client, filters: dict[str, str], cursor: str | None, interval_s: float) -> Iterator[dict[str, Any]]:
    pause_s = interval_s
    while True:
        try:
            page = _page(client, filters, cursor)
        except UnreachableError as error:
            say(f"{error}; looking again in {pause_s:g} s")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            continue
        yield from page["data"]
        cursor, pause_s = page["next_cursor"], interval_s
        if not page["has_more"]:
            time.sleep(interval_s)


def _page(client: Client, filters: dict[str, str], cursor: str | None) -> dict[str, Any]:
    page: dict[str, Any] = client.get(
        "/v1/events", {"limit": str(PAGE), **filters, **({} if cursor is None else {"cursor": cursor})}
    )
    return page


def _print(event: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json_line(event)
        return
    typer.echo(f"{event['at']}  {event['type']:<24}  {event['mail']}  {_evidence(event['evidence'])}".rstrip())


def _evidence(evidence: dict[str, Any]) -> str:
    """What is short of it."""
    return " ".join(f"{name}={value}" for name, value in evidence.items() if isinstance(value, str) and len(value) < 40)

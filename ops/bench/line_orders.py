"""What the line bench sends: one account's mail, its artwork in storage, its webhook endpoint, and one printer."""

import itertools
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from ops.bench.line_world import World
from pipeline.repository.accounts import Sender, create_account
from pipeline.repository.answers import Once
from pipeline.repository.endpoints import create_endpoint
from pipeline.repository.orders import Artwork, Order
from pipeline.repository.prices import seed_prices
from pipeline.repository.printers import Deed, add_printer
from pipeline.worker.foundation import Foundation

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "creatives"
_STREETS = ("North Main Street", "Elm St.", "SE Martin Luther King Jr Blvd", "Oak Ridge Court", "W 42nd St", "Broadway")
_CITIES = (("Boise", "ID", "83702"), ("St. Louis", "MO", "63101"), ("San Francisco", "CA", "94107"))
_TOLD = ("mail.sent", "mail.mailed", "mail.delivered")
_SECRET = "whsec_" + "A" * 32


def settle_in(world: World, foundation: Foundation) -> tuple[Sender, Sequence[Artwork]]:
    """An account that hears of the steps that matter to most, a printer, and three creatives: two fronts and a back."""
    now, ids = foundation.machine_clock(), foundation.ids
    with foundation.db.write() as tx:
        seed_prices(tx)
        account = create_account(
            tx, "bench", ids=ids, now=now, sandbox_rate=0.0, test_mailer_id="899999", cancel_window_s=0
        )
        sender = Sender(account.id, "live", cancel_window_s=0)
        add_printer(tx, "bench", world.profile(), Deed("bench", now), ids=ids)
        endpoint = {
            "url": f"http://127.0.0.1:{world.receiver_port}/",
            "events": list(_TOLD),
            "ordered": True,
            "secrets": [_SECRET],
            "description": "",
        }
        create_endpoint(tx, sender, endpoint, once=None, request_id="req_0", render=str, now=now, ids=ids)
    return sender, [_artwork(number, world, foundation) for number in range(3)]


def orders(count: int, sender: Sender, artwork: Sequence[Artwork]) -> list[Order]:
    """Addresses that all differ, two classes, each order with its key, external id and metadata, as clients send them."""
    ways = itertools.cycle(itertools.product(_STREETS, _CITIES))
    return [_order(number, sender, artwork, *next(ways)) for number in range(count)]


def _order(number: int, sender: Sender, artwork: Sequence[Artwork], street: str, city: tuple[str, str, str]) -> Order:
    key = f"order-{number}"
    return Order(
        sender=sender,
        request_id=f"req_{number}",
        once=Once(key, sha256(key.encode()).hexdigest()),
        product="postcard_4x6",
        mail_class="marketing" if number % 2 else "first_class",
        deliverability="normal",
        send_on=None,
        metadata={"order": str(number)},
        external_id=key,
        to={
            "name": f"Reader {number}", "company": "", "line1": f"{100 + number} {street}", "line2": "",
            "city": city[0], "state": city[1], "zip": city[2],
        },
        from_=None,
        front=artwork[number // 2 % 2],
        back=artwork[2],
    )  # fmt: skip


def _artwork(number: int, world: World, foundation: Foundation) -> Artwork:
    """The files of the fixtures; one front is there twice, and told apart by a comment behind its end."""
    name = "harbor-back.pdf" if number == 2 else "harbor-front.pdf"
    body = (_FIXTURES / name).read_bytes() + b"%% %d\n" % number
    file = world.folder / "artwork.pdf"
    file.write_bytes(body)
    key = f"live/artwork/{number}.pdf"
    foundation.storage.put(key, file)
    return Artwork(sha256(body).hexdigest(), len(body), "pdf", {"ok": True}, key)

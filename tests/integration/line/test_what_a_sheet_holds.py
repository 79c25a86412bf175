"""What a press is given: only products that its own sheet can hold, whatever its profile says that it makes."""

import pytest

from pipeline.models.profile import Imposition, Postage, PrinterProfile, Sandbox
from pipeline.products import PRODUCTS, SELF_MAILER_6X18, SELF_MAILER_11X9, Product
from pipeline.repository.tables import batches, placements, printers
from tests.integration.line.world import MAILER_ID, World, profile

SMALL = {"width_in": 12, "height_in": 18, "imageable_width_in": 11.72, "imageable_height_in": 17.69}


def _add_press(world: World, name: str, imposition: Imposition) -> str:
    made = PrinterProfile(
        products=tuple(PRODUCTS),
        stocks=tuple(sorted({product.stock for product in PRODUCTS.values()})),
        transport=Sandbox(),
        postage=Postage(mailer_id=MAILER_ID, method="meter"),
        imposition=imposition,
        floor=profile(max_wait_s=0).floor,
    )
    row = {"id": world.ids.new("pr"), "name": name, "mode": "live", "profile": made.model_dump(mode="json")}
    return world.insert(printers, {**row, "created_at": world.clock()})


def _add(world: World, product: Product, count: int) -> list[str]:
    creative = world.add_creative(product=product.name)
    return world.add_ready(count, product=product.name, stock=product.stock, creative=creative)


def test_what_does_not_fit_waits_for_a_press_that_can_make_it(world: World) -> None:
    small = _add_press(world, "small", Imposition.model_validate({"sheet": SMALL}))
    long, short = _add(world, SELF_MAILER_6X18, 3), _add(world, SELF_MAILER_11X9, 3)
    world.run_until_quiet()
    assert world.statuses(short) == {"sent": 3}
    assert world.statuses(long) == {"ready": 3}, "6 x 18 in and its bleed are longer than 17.69 in"
    assert world.batch().printer_id == small
    large = _add_press(world, "large", Imposition())
    world.run_until_quiet()
    assert world.statuses(long) == {"sent": 3}
    [batch] = world.rows(batches, batches.c.product == SELF_MAILER_6X18.name)
    assert (batch.printer_id, batch.sheets) == (large, 2)


@pytest.mark.parametrize("product", [SELF_MAILER_6X18, SELF_MAILER_11X9], ids=lambda product: product.name)
def test_self_mailers_are_ganged_where_more_than_one_fits(world: World, product: Product) -> None:
    _add_press(world, "large", Imposition())
    ids = _add(world, product, 5)
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 5}
    places = sorted((row.sheet, row.slot) for row in world.rows(placements))
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]

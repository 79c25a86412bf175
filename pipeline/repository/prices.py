"""What a piece costs, by product and class. Prices are rows, so that an operator can change them."""

from typing import NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.products import PRODUCTS
from pipeline.repository.tables import prices

CURRENCY = "usd"


class Price(NamedTuple):
    """In cents: of a piece of one sheet, and of each further sheet."""

    cents: int
    further_sheet_cents: int = 0

    def of(self, sheets: int) -> int:
        return self.cents + (sheets - 1) * self.further_sheet_cents


def read_prices(tx: Connection) -> dict[tuple[str, str], Price]:
    """By product and class."""
    rows = tx.execute(select(prices))
    return {(row.product, row.mail_class): Price(row.cents, row.further_sheet_cents) for row in rows}


def seed_prices(tx: Connection) -> None:
    """Give every product that has no price its first one; prices that stand are left alone."""
    insert = (sqlite if tx.dialect.name == "sqlite" else postgresql).insert(prices)
    rows = [
        {
            "product": product.name,
            "mail_class": mail_class,
            "cents": cents,
            "further_sheet_cents": product.further_sheet_cents,
            "currency": CURRENCY,
        }
        for product in PRODUCTS.values()
        for mail_class, cents in product.first_prices_cents
    ]
    tx.execute(insert.on_conflict_do_nothing(index_elements=["product", "mail_class"]), rows)

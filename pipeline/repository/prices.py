"""What a piece costs, by product and class. Prices are rows, so that an operator can change them."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.products import PRODUCTS
from pipeline.repository.tables import prices

CURRENCY = "usd"


def read_prices(tx: Connection) -> dict[tuple[str, str], int]:
    """Cents, by product and class."""
    return {(row.product, row.mail_class): row.cents for row in tx.execute(select(prices))}


def seed_prices(tx: Connection) -> None:
    """Give every product that has no price its first one; prices that stand are left alone."""
    insert = (sqlite if tx.dialect.name == "sqlite" else postgresql).insert(prices)
    rows = [
        {"product": product.name, "mail_class": mail_class, "cents": cents, "currency": CURRENCY}
        for product in PRODUCTS.values()
        for mail_class, cents in product.first_prices_cents
    ]
    tx.execute(insert.on_conflict_do_nothing(index_elements=["product", "mail_class"]), rows)

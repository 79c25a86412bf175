"""The tables. Importing this package registers them all on `SQLModel.metadata`."""

from pipeline.models.accounts import Account, Audit, IdempotentAnswer, Key, Price, SandboxClock
from pipeline.models.batches import Ack, Batch, Drop, Placement, PrinterRow, ScanRow, Serial
from pipeline.models.events import Delivery, DeliveryAttempt, Endpoint, Event, Lease, LogHead
from pipeline.models.pieces import Creative, Piece, Recipient

__all__ = [
    "Account", "Ack", "Audit", "Batch", "Creative", "Delivery", "DeliveryAttempt", "Drop", "Endpoint", "Event",
    "IdempotentAnswer", "Key", "Lease", "LogHead", "Piece", "Placement", "Price", "PrinterRow", "Recipient", "SandboxClock",
    "ScanRow", "Serial",
]  # fmt: skip

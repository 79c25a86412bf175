"""All tables. Importing this module registers them on `SQLModel.metadata`, and takes half a second, which no command and no press
process should wait for that asks no database.
"""

from pipeline.models.accounts import Account, Audit, IdempotentAnswer, Key, Price, SandboxClock
from pipeline.models.batches import Ack, Batch, Drop, Neighbour, Placement, PrinterRow, ScanRow, Serial
from pipeline.models.events import Delivery, DeliveryAttempt, Endpoint, Event, Lease, LogHead
from pipeline.models.pieces import Creative, Piece, Recipient
from pipeline.models.promises import HoldRow, PlanNote, SuspensionRow

__all__ = [
    "Account", "Ack", "Audit", "Batch", "Creative", "Delivery", "DeliveryAttempt", "Drop", "Endpoint", "Event", "HoldRow",
    "IdempotentAnswer", "Key", "Lease", "LogHead", "Neighbour", "Piece", "Placement", "PlanNote", "Price", "PrinterRow",
    "Recipient", "SandboxClock", "ScanRow", "Serial", "SuspensionRow",
]  # fmt: skip

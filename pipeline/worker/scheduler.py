"""The tick of one mode: publish events, mark promises, freeze batches, wake what is due, look after claims that died.

One leader ticks, by a lease row; a second one does no harm, since every step is a compare-and-set or a doorbell.
"""

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import select

from pipeline.errors import Permanent
from pipeline.models.profile import PrinterProfile
from pipeline.ports import Note
from pipeline.press.layout import n_up
from pipeline.products import PRODUCTS
from pipeline.repository import backlog, claims
from pipeline.repository.batches import Freeze, freeze
from pipeline.repository.leadership import lead, resign
from pipeline.repository.moves import alarm
from pipeline.repository.outbox import PUBLISH_AT_ONCE, publish
from pipeline.repository.promote import promote
from pipeline.repository.tables import pieces
from pipeline.sla.planner import Backlog, BatchKey, Close, Plan, Press, plan
from pipeline.worker.line import Line

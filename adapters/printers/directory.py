"""The real printers of live mail, by their rows: a connection to each is kept for a while, so that not every drop pays for one."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.printers.breaker import Breaker
from adapters.printers.sftp import SftpPrinter
from pipeline.errors import Permanent, Transient
from pipeline.models.profile import Sftp

IDLE_S = 60.0


class LivePrinters:
    """Opens printers that are reached over SFTP, and no others; key files lie below `home`. For several threads at once.

    How many of them may be at one account at a time, and on how many channels, stands in the profile. Printers of one account share
    its turns, and the smallest of what they say of it holds for all that were opened here; those that log in alike share the
    rest after failures. `chance` gives numbers from 0 to 1, which spread rests.
    """

    def __init__(
        self,
        home: Path,
        *,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._home = home
        self._clock = clock
        self._chance = chance
        self._idle_s = idle_s
        self._known: dict[str, Sftp] = {}
        self._berths: dict[Sftp, _Berth] = {}
        self._turns: dict[tuple[str, int, str], _Turns] = {}
        self._breakers: dict[Any, Breaker] = {}
        self._lock = threading.Lock()

    @contextmanager
    def open(self, printer: Any) -> Iterator[SftpPrinter]:
        """The printer of a row of `printers`, connected when first used.

        Raises `Permanent("not_a_live_printer")`, `Transient("printer_engaged")` when others do not let go of it,
        `Transient("printer_resting")` while it is left alone after failures.
        """
        # The rest of the profile is for other stages: what is wrong there keeps nobody from its acknowledgements.
        described = printer.profile["transport"]
        if described["kind"] != "sftp" or printer.mode != "live":
            raise Permanent("not_a_live_printer", f"printer {printer.name} is not one that live mail is sent to")
        transport = Sftp.model_validate(described)
        with self._berth(printer.id, transport).use(self._home / transport.key_file) as opened:
            yield opened

    def close(self) -> None:
        """Close the connections that are kept. Those in use close when they are let go, after a while."""
        with self._lock:
            berths = list(self._berths.values())
        for berth in berths:
            berth.close_kept()

    def _berth(self, printer_id: str, described: Sftp) -> "_Berth":
        # A printer whose profile has changed is another one: its old connection closes when it has idled.
        with self._lock:
            self._known[printer_id] = described
            transport = self._limited(described)
            if transport not in self._berths:
                turns = self._turns.setdefault(transport.account, _Turns())
                self._berths[transport] = _Berth(transport, turns, self._breaker(transport), self._idle_s)
            return self._berths[transport]

    def _limited(self, described: Sftp) -> Sftp:
        """With the account's smallest limits, as its printers were last described: the server counts all of them together."""
        here = [one for one in self._known.values() if one.account == described.account]
        least = {name: min(getattr(one, name) for one in here) for name in ("connections", "channels")}
        return described.model_copy(update=least)

    def _breaker(self, transport: Sftp) -> Breaker:
        # A key or a fingerprint that was corrected is tried at once, whatever went wrong with the old one.
        login = (transport.account, transport.key_file, transport.fingerprints)
        new = Breaker(f"{transport.host}:{transport.port}", self._clock, self._chance)
        return self._breakers.setdefault(login, new)


class _Turns:
    """How many are at one account. Who comes waits until there are fewer than may be, by what is known of it then."""

    def __init__(self) -> None:
        self._there = 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, transport: Sftp) -> Iterator[None]:
        with self._changed:
            if not self._changed.wait_for(lambda: self._there < transport.connections, transport.timeout_s):
                raise Transient("printer_engaged", f"others are at {transport.host} and do not let go of it")
            self._there += 1
        try:
            yield
        finally:
            with self._changed:
                self._there -= 1
                self._changed.notify_all()


class _Berth:
    """What we hold of one printer: at most one connection that nobody uses, closed by a timer."""

    def __init__(self, transport: Sftp, turns: _Turns, breaker: Breaker, idle_s: float) -> None:
        self._transport = transport
        self._turns = turns
        self._breaker = breaker
        self._idle_s = idle_s
        self._kept: SftpPrinter | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    @contextmanager
    def use(self, key_file: Path) -> Iterator[SftpPrinter]:
        with self._turns.taken(self._transport), self._breaker.guarding():
            printer = self._take() or SftpPrinter(self._transport, key_file)
            try:
                yield printer
            finally:
                self._give_back(printer)

    def close_kept(self) -> None:
        kept = self._take()
        if kept is not None:
            kept.close()

    def _take(self) -> SftpPrinter | None:
        with self._lock:
            kept, self._kept = self._kept, None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            return kept

    def _give_back(self, printer: SftpPrinter) -> None:
        with self._lock:
            if self._kept is None and printer.is_healthy:
                self._kept = printer
                self._timer = threading.Timer(self._idle_s, self._expire, (printer,))
                self._timer.daemon = True
                self._timer.start()
                return
        printer.close()

    def _expire(self, printer: SftpPrinter) -> None:
        with self._lock:
            if self._kept is not printer:
                return
            self._kept = None
        printer.close()

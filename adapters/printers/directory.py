"""The real printers of live mail, by their rows: a connection to each is kept for a while, so that not every drop pays for one."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.printers.breaker import Breaker
from adapters.printers.sftp import SftpPrinter
from pipeline.errors import Permanent, Transient
from pipeline.models.profile import Sftp

IDLE_S = 60.0


class LivePrinters:
    """Opens printers that are reached over SFTP, and no others; key files lie below `home`. For several threads at once.

    How many connections may be open at one account, used or kept, and on how many channels, stands in the profile. Printers of one
    account share them, and the smallest of what any of them says of it holds for all; those that log in alike share the rest after
    failures. `transports` gives what all printers of live mail say now, `chance` numbers from 0 to 1, which spread rests.
    """

    def __init__(
        self,
        home: Path,
        transports: Callable[[], Iterable[Sftp]] = lambda: (),
        *,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._home = home
        self._transports = transports
        self._clock = clock
        self._chance = chance
        self._idle_s = idle_s
        self._accounts: dict[tuple[str, int, str], _Account] = {}
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
        transport = self._limited(Sftp.model_validate(described))
        account, breaker = self._at(transport)
        key_file = self._home / transport.key_file
        with account.turn(transport), breaker.guarding(), account.lent(transport, key_file) as opened:
            yield opened

    def close(self) -> None:
        """Close the connections that are kept. Those in use close when they are let go, after a while."""
        with self._lock:
            accounts = list(self._accounts.values())
        for account in accounts:
            account.close_kept()

    def _at(self, transport: Sftp) -> tuple["_Account", Breaker]:
        # A printer whose profile has changed is another one: its old connection closes when it has idled.
        with self._lock:
            account = self._accounts.setdefault(transport.account, _Account(self._idle_s))
            return account, self._breaker(transport)

    def _limited(self, described: Sftp) -> Sftp:
        """With the account's smallest limits: the server counts all of its printers together, whoever has opened which."""
        here = [described, *(one for one in self._transports() if one.account == described.account)]
        least = {name: min(getattr(one, name) for one in here) for name in ("connections", "channels")}
        return described.model_copy(update=least)

    def _breaker(self, transport: Sftp) -> Breaker:
        # A key or a fingerprint that was corrected is tried at once, whatever went wrong with the old one.
        login = (transport.account, transport.key_file, transport.fingerprints)
        new = Breaker(f"{transport.host}:{transport.port}", self._clock, self._chance)
        return self._breakers.setdefault(login, new)


@dataclass(frozen=True)
class _Kept:
    """A connection that nobody uses, and the timer that closes it."""

    printer: SftpPrinter
    timer: threading.Timer

    def close(self) -> None:
        self.timer.cancel()
        self.printer.close()


class _Account:
    """What is open at one account, in use or kept: never more than may be, by what is known of it when the next one comes.

    Of each printer at most one connection is kept, for `idle_s`, and less where another printer needs its place.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._used = 0
        self._kept: dict[Sftp, _Kept] = {}  # the longest kept first
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, transport: Sftp) -> Iterator[None]:
        """Who comes waits until there are fewer than may be."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._used < transport.connections, transport.timeout_s):
                raise Transient("printer_engaged", f"others are at {transport.host} and do not let go of it")
            self._used += 1
        try:
            yield
        finally:
            with self._changed:
                self._used -= 1
                self._changed.notify_all()

    @contextmanager
    def lent(self, transport: Sftp, key_file: Path) -> Iterator[SftpPrinter]:
        """For whom it is the turn."""
        printer = self._take(transport) or SftpPrinter(transport, key_file)
        try:
            yield printer
        finally:
            self._give_back(transport, printer)

    def close_kept(self) -> None:
        with self._changed:
            self._close_but(0)

    def _take(self, transport: Sftp) -> SftpPrinter | None:
        """The connection that is kept of this printer. Those of others are closed until it may be open beside them."""
        with self._changed:
            kept = self._kept.pop(transport, None)
            self._close_but(max(0, transport.connections - self._used))
        if kept is None:
            return None
        kept.timer.cancel()
        return kept.printer

    def _close_but(self, newest: int) -> None:
        # Nobody opens another one meanwhile: the server would count both.
        for transport in list(self._kept)[: max(0, len(self._kept) - newest)]:
            self._kept.pop(transport).close()

    def _give_back(self, transport: Sftp, printer: SftpPrinter) -> None:
        with self._changed:
            if transport not in self._kept and printer.is_healthy:
                timer = threading.Timer(self._idle_s, self._expire, (transport, printer))
                timer.daemon = True
                self._kept[transport] = _Kept(printer, timer)
                timer.start()
                return
        printer.close()

    def _expire(self, transport: Sftp, printer: SftpPrinter) -> None:
        with self._changed:
            if transport in self._kept and self._kept[transport].printer is printer:
                self._kept.pop(transport).close()

"""A connection to a printer with several SFTP channels on it: the first for small talk, all of them for uploads.

More channels on one connection beat more connections: each channel has a window of its own, while each connection costs a key
exchange and two more processes at the printer.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from adapters.printers import wire
from adapters.printers.engine import Engine, Job, LostError, Offer
from adapters.printers.ssh import SshConnection
from adapters.printers.wire import ProtocolError
from pipeline.errors import Transient

if TYPE_CHECKING:  # with it comes pydantic, which the transport has no use for
    from pipeline.models.profile import Sftp

T = TypeVar("T")
JobFor = Callable[[Offer], Job[None]]
"""Makes a job once it is known what the server offers."""


class Connection:
    """Open once made. For one thread at a time. Raises `Transient` and `Permanent`, and what jobs raise."""

    def __init__(self, settings: "Sftp", key_file: Path) -> None:
        self._most_channels = settings.channels
        spared = ((wire.FSYNC, settings.quirks.no_fsync), (wire.LIMITS, settings.quirks.no_limits))
        self._ignored = frozenset(name for name, is_spared in spared if is_spared)
        self._ssh = SshConnection(settings, key_file)
        self._engines: dict[int, Engine] = {}
        try:
            self._add_engine(0)
        except BaseException:
            self.close()
            raise

    @property
    def offer(self) -> Offer:
        """What the server can do."""
        return self._engines[0].offer

    @property
    def extensions(self) -> frozenset[bytes]:
        """The names of what the server says it can do beyond the plain protocol, used or not."""
        return self._engines[0].extensions

    @property
    def terms(self) -> str:
        """What was agreed on with the server, for people."""
        return self._ssh.terms

    def widen(self) -> int:
        """Open all the channels that there may be; returns how many there are."""
        for place in range(self._most_channels):
            self._engine(place)
        return len(self._engines)

    @property
    def is_healthy(self) -> bool:
        """Whether it may be used again."""
        return self._ssh.is_open and not any(engine.broken for engine in self._engines.values())

    def run(self, jobs: Sequence[Job[T]], doing: str) -> list[T]:
        """Drive jobs side by side on one channel; what they return, in order. `doing` is for the message of an error."""
        return self._drive(self._engines[0], iter(jobs), doing)

    def spread(self, jobs: Sequence[JobFor], doing: str) -> None:
        """Drive jobs over as many channels as there are, a thread each. The first error ends all of it, and the connection."""
        waiting = _Shared(jobs)
        errors: list[BaseException] = []

        def drive(place: int) -> None:
            try:
                engine = self._engine(place)
                if engine is not None:
                    self._drive(engine, (job_for(engine.offer) for job_for in waiting), doing)
            except BaseException as error:  # noqa: BLE001  # it rises again below, in the thread that asked
                errors.append(error)
                self._ssh.interrupt()

        places = range(1, min(self._most_channels, len(jobs)))
        threads = [threading.Thread(target=drive, args=(place,), name=f"printer-channel-{place}") for place in places]
        for thread in threads:
            thread.start()
        drive(0)
        for thread in threads:
            thread.join()
        if errors:
            self.close()
            raise errors[0]

    def close(self) -> None:
        """Ends it at once, and whatever is under way on it. Repeating it changes nothing."""
        self._ssh.close()

    def _engine(self, place: int) -> Engine | None:
        """The engine of a thread, opened if need be; None where the server allows no more channels."""
        if place in self._engines:
            return self._engines[place]
        try:
            return self._add_engine(place)
        except Transient as error:
            if error.code != "printer_no_session":
                raise
            self._most_channels = min(self._most_channels, place)
            return None

    def _add_engine(self, place: int) -> Engine:
        engine = Engine(self._ssh.open_channel())
        with self._guarded("opening SFTP"):
            engine.greet(self._engines[0].offer if self._engines else None, ignored=self._ignored)
        self._engines[place] = engine
        return engine

    def _drive(self, engine: Engine, jobs: Iterator[Job[T]], doing: str) -> list[T]:
        with self._guarded(doing):
            return engine.run(jobs)

    @contextmanager
    def _guarded(self, doing: str) -> Iterator[None]:
        """Watched, and with the engine's errors as the line's."""
        try:
            with self._ssh.watchdog.watching():
                yield
        except LostError as error:
            raise self._ssh.loss(doing) from error
        except ProtocolError as error:
            raise Transient("printer_protocol", f"the printer's server breaks the protocol: {error}") from error


class _Shared(Iterator[JobFor]):
    """Jobs from which several threads take the next."""

    def __init__(self, jobs: Sequence[JobFor]) -> None:
        self._jobs = deque(jobs)

    def __next__(self) -> JobFor:
        try:
            return self._jobs.popleft()
        except IndexError:
            raise StopIteration from None

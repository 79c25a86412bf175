"""Drives jobs over one SFTP channel, many requests under way at once, and checks the answer to every one.

A job is a generator that yields what to ask next and reads as if it were alone:

    handle = yield from ask(wire.create(path))       # waits for the answer
    yield Post(wire.write(handle, 0, data))          # goes on at once; a refusal comes up at the next `ask`

A refused request is raised in its job as `wire.RefusedError`, after all other requests of that job are answered.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from adapters.printers import wire
from adapters.printers.wire import ProtocolError, RefusedError, Request

JOBS_UNDER_WAY = 64
BYTES_AHEAD = 16 * 1024 * 1024
"""While jobs have more than this yet to write, no further one is begun: other channels may come to it sooner."""
REQUESTS_UNDER_WAY = 128
BYTES_UNDER_WAY = 4 * 1024 * 1024
"""Above OpenSSH's channel window of 2 MB, so that the window stays full."""
SMALL_REQUEST_BYTES = 32_000
"""What every server takes, and what fits in one SSH packet."""
LARGE_REQUEST_BYTES = 255 * 1024
_BURST_BYTES = 256 * 1024
"""From here on, what is to be sent waits for no more."""
_RECEIVE_BYTES = 256 * 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests whose answers the job waits for; it gets a list of them."""

    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """A request whose answer need only be OK."""

    request: Request


@dataclass(frozen=True, slots=True)
class Ahead:
    """How many bytes the job has yet to write. Said once, as the first thing."""

    size: int


Job = Generator[Ask | Post | Ahead, Any, T]


class LostError(Exception):
    """The connection ended under us."""


class Channel(Protocol):
    """What we use of an SSH channel. Sending and receiving raise `LostError`."""

    def send(self, data: memoryview) -> int:
        """Takes some of it, at least a byte; how much."""
        ...

    def recv(self, size: int) -> bytes:
        """What has come, at least a byte."""
        ...

    def recv_ready(self) -> bool: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Offer:
    """What a server can do, as it says itself."""

    fsync: bool = False
    read_bytes: int = SMALL_REQUEST_BYTES
    write_bytes: int = SMALL_REQUEST_BYTES
    open_files: int = JOBS_UNDER_WAY


def ask(request: Request) -> Job[Any]:
    """One request and its answer."""
    [answer] = yield Ask((request,))
    return answer


@dataclass(slots=True, eq=False)
class _Task(Generic[T]):
    job: Job[T]
    place: int
    answers: list[Any] | None = None
    unanswered: int = 0
    ahead: int = 0
    waits: bool = False
    refused: RefusedError | None = None

    def resume(self) -> Ask | Post | Ahead:
        if self.refused is not None:
            refused, self.refused = self.refused, None
            return self.job.throw(refused)
        return self.job.send(self.answers)


@dataclass(slots=True)
class _Run(Generic[T]):
    """The tasks of one call of `Engine.run`."""

    runnable: deque[_Task[T]] = field(default_factory=deque)
    tasks: set[_Task[T]] = field(default_factory=set)
    results: list[Any] = field(default_factory=list)


class Engine:
    """One channel. Not for several threads at once.

    After an error that left other jobs unfinished it is `broken`: answers may still come, and handles are left open.
    """

    def __init__(self, channel: Channel) -> None:
        self.broken = False
        self.offer = Offer()
        self.extensions: frozenset[bytes] = frozenset()
        self._channel = channel
        self._next_number = 0
        self._unanswered: dict[int, tuple[_Task[Any], Request, int, int | None]] = {}
        self._bytes_under_way = 0
        self._bytes_ahead = 0
        self._out = bytearray()
        self._in = bytearray()

    def greet(self, known: Offer | None = None, *, ignored: frozenset[bytes] = frozenset()) -> None:
        """Agree on the version and learn what the server offers, unless that is known; `ignored` are extensions not to be used.

        Raises `LostError`, `ProtocolError`.
        """
        self._out += wire.init()
        self._flush()
        while (packet := self._next_packet()) is None:
            self._receive_bytes()
        self.extensions = wire.read_version(packet)
        self.offer = known or self.run([_offer(self.extensions - ignored)])[0]

    def run(self, jobs: Iterable[Job[T]]) -> list[T]:
        """Drive jobs side by side until all have ended; what they return, in order.

        `jobs` may be shared with other engines: each takes the next when it has room. Raises what a job raises, `LostError` and
        `ProtocolError`; the other jobs are then left as they are.
        """
        run = _Run[T]()
        waiting = iter(jobs)
        self._bytes_ahead = 0
        try:
            while self._admit(run, waiting):
                self._work(run)
        except (LostError, ProtocolError):
            self.broken = True
            raise
        finally:
            self.broken = self.broken or bool(self._unanswered) or len(run.tasks) > 1
            for task in run.tasks:
                task.job.close()
        return run.results

    def close(self) -> None:
        self.broken = True
        self._channel.close()

    def _admit(self, run: _Run[T], waiting: Iterator[Job[T]]) -> bool:
        """Take jobs in while there is room; whether any is left to work on."""
        while self._takes_more(run) and (job := next(waiting, None)) is not None:
            task = _Task(job, len(run.results))
            run.results.append(None)
            run.tasks.add(task)
            self._advance(run, task)
        return bool(run.tasks)

    def _takes_more(self, run: _Run[T]) -> bool:
        most = min(JOBS_UNDER_WAY, self.offer.open_files)
        return len(run.tasks) < most and self._bytes_ahead < BYTES_AHEAD and self._has_room()

    def _work(self, run: _Run[T]) -> None:
        while run.runnable and self._has_room():
            self._advance(run, run.runnable.popleft())
            if self._channel.recv_ready():
                self._receive(run)
        if self._unanswered:
            self._flush()
            self._receive(run)

    def _has_room(self) -> bool:
        return self._bytes_under_way < BYTES_UNDER_WAY and len(self._unanswered) < REQUESTS_UNDER_WAY

    def _advance(self, run: _Run[T], task: _Task[T]) -> None:
        if task.refused is not None and task.unanswered:
            task.waits = True
            return
        try:
            while isinstance(step := task.resume(), Ahead):
                self._bytes_ahead += step.size
                task.ahead = step.size
        except StopIteration as end:
            run.results[task.place] = end.value
            run.tasks.discard(task)
            self._bytes_ahead -= task.ahead
            return
        if isinstance(step, Post):
            self._send(step.request, task, None)
            run.runnable.appendleft(task)
            return
        task.answers = [None] * len(step.requests)
        task.waits = True
        for place, request in enumerate(step.requests):
            self._send(request, task, place)

    def _send(self, request: Request, task: _Task[T], place: int | None) -> None:
        number = self._next_number
        self._next_number = (number + 1) & 0xFFFFFFFF
        # What is sent is not kept: on a long line that would be all that the line holds, for every channel.
        self._unanswered[number] = (task, request.without_data(), request.weight, place)
        self._bytes_under_way += request.weight
        task.unanswered += 1
        written = min(task.ahead, len(request.data))
        task.ahead -= written
        self._bytes_ahead -= written
        self._out += wire.head(request, number)
        self._out += request.data
        if len(self._out) >= _BURST_BYTES:
            self._flush()

    def _flush(self) -> None:
        with memoryview(self._out) as out:
            at = 0
            while at < len(out):
                at += self._channel.send(out[at:])
        self._out.clear()

    def _receive(self, run: _Run[T]) -> None:
        self._receive_bytes()
        while (packet := self._next_packet()) is not None:
            self._settle(run, packet)

    def _receive_bytes(self) -> None:
        self._in += self._channel.recv(_RECEIVE_BYTES)

    def _next_packet(self) -> bytes | None:
        if len(self._in) < 4:
            return None
        length = int.from_bytes(self._in[:4], "big")
        if not 1 <= length <= wire.LARGEST_ANSWER:
            raise ProtocolError(f"an answer of {length} bytes")
        if len(self._in) < 4 + length:
            return None
        packet = bytes(self._in[4 : 4 + length])
        del self._in[: 4 + length]
        return packet

    def _settle(self, run: _Run[T], packet: bytes) -> None:
        """Give an answer to the task that waits for it."""
        known = self._unanswered.pop(wire.number_of(packet), None)
        if known is None:
            raise ProtocolError("an answer to nothing that was asked")
        task, request, weight, place = known
        self._bytes_under_way -= weight
        task.unanswered -= 1
        try:
            answer = wire.read_answer(request, packet)
        except RefusedError as refused:
            task.refused = task.refused or refused
        else:
            if place is not None and task.answers is not None:
                task.answers[place] = answer
        if task.waits and not task.unanswered:
            task.waits = False
            run.runnable.append(task)


def _offer(names: frozenset[bytes]) -> Job[Offer]:
    """What the server does, of the extensions that it names."""
    plain = Offer(fsync=wire.FSYNC in names)
    if wire.LIMITS not in names:
        return plain
    try:
        limits = wire.read_limits((yield from ask(wire.ask_limits())))
    except RefusedError:
        return plain
    return Offer(
        fsync=plain.fsync,
        read_bytes=min(limits.read_bytes or SMALL_REQUEST_BYTES, LARGE_REQUEST_BYTES),
        write_bytes=min(limits.write_bytes or SMALL_REQUEST_BYTES, LARGE_REQUEST_BYTES),
        open_files=limits.open_files or JOBS_UNDER_WAY,
    )

"""Acknowledgement files that wait for a later poll: those that may be half written, and what others say of the same whole drops."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from pipeline.models.ack_files import is_cut_off
from pipeline.models.ack_format import Reading, words_in
from pipeline.ports import AckFile
from pipeline.repository.unclear import drops_among

LONGEST = timedelta(minutes=10)
"""A file that is another one at each poll is taken as it is after so long, and so is what waits for it: nothing waits for ever."""
Waits = Mapping[str, Mapping[str, str]]
"""By a file's name, its `digest` at the last poll, and `since` when it waits."""


class Waiting:
    """What waits of the files that lie there at one poll, `now`, by what waited at the one `before`."""

    def __init__(self, before: Waits, now: datetime) -> None:
        self._before, self._now = before, now
        self._kept: dict[str, Mapping[str, str]] = {}
        self._final: dict[str, Mapping[str, str]] = {}
        self._drops: set[str] = set()
        self._any_drop = False

    @property
    def kept(self) -> Waits:
        """By which the next poll is judged."""
        return self._kept

    def final(self, left: Collection[str]) -> Waits:
        """Those of the files that are `left` there of which it is known already that they are as they will be."""
        return {name: one for name, one in self._final.items() if name in left}

    def sift(self, tx: Connection, printer_id: str, lying: Sequence[AckFile]) -> Sequence[AckFile]:
        """Those of some files that can be read now. The others wait, and the drops of which they may speak are remembered."""
        whole: list[AckFile] = []
        for file in lying:
            if not is_cut_off(file.name, file.body):
                whole.append(file)
            elif self._is_final(file):
                whole.append(file)
                self._final[file.name] = _wait(file, self._now)
            else:
                self._keep(file)
                drops = _drops(tx, printer_id, file)
                self._drops |= drops
                self._any_drop = self._any_drop or not drops
        return whole

    def keeps(self, file: AckFile, reading: Reading) -> bool:
        """Whether a file has to wait, since this in it is said of a whole drop of which an unfinished file may say something else.

        That a drop is accepted says nothing of what became of its pieces.
        """
        whole = {ack.drop for ack in reading.acks if ack.pieces is None and ack.state != "accepted"}
        meant = bool(whole) if self._any_drop else not whole.isdisjoint(self._drops)
        keeps = meant and not self._is_overdue(file)
        if keeps:
            self._keep(file)
        return keeps

    def _keep(self, file: AckFile) -> None:
        # Not the file itself: there may be very many of them, of megabytes each.
        self._kept[file.name] = _wait(file, self._since(file))

    def _is_final(self, file: AckFile) -> bool:
        """What looked the same at the poll before is as it will be."""
        return self._before.get(file.name, {}).get("digest") == _digest(file) or self._is_overdue(file)

    def _is_overdue(self, file: AckFile) -> bool:
        return self._now - self._since(file) >= LONGEST

    def _since(self, file: AckFile) -> datetime:
        before = self._before.get(file.name)
        return self._now if before is None else datetime.fromisoformat(before["since"])


def _drops(tx: Connection, printer_id: str, file: AckFile) -> set[str]:
    """Stems of which an unfinished file speaks, by its name and its text. CSV that is not named after one may go on with any."""
    by_name = drops_among(tx, printer_id, {file.name.partition(".")[0]})
    if file.name.endswith(".csv") and not by_name:
        return set()
    return {drop.stem for drop in (*by_name, *drops_among(tx, printer_id, words_in(file.body)))}


def _wait(file: AckFile, since: datetime) -> Mapping[str, str]:
    return {"digest": _digest(file), "since": since.isoformat()}


def _digest(file: AckFile) -> str:
    return sha256(file.body).hexdigest()

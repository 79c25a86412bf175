"""What every printer does, whatever it is reached by. A subclass gives the fixtures `printer` and `account`.

`account` is the folder that the printer shows us, seen from its own side: it has `in/` and `out/`.
"""

import os
from pathlib import Path

import pytest

from pipeline.errors import Permanent
from pipeline.ports import Lies, Printer

STEM = "bt_01jd0000000000000000000000_r00"
PART = f"{STEM}.1-abcdef.ready.part"


def make_file(folder: Path, name: str, body: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(body)
    return path


def hand_over(printer: Printer, body: bytes = b"{}") -> None:
    printer.stage_ready(PART, body)
    printer.hand_over(STEM, PART)


class PrinterCases:
    """The port's promises."""

    @pytest.mark.parametrize(
        "sizes",
        [[0], [1], [5_000_000], [255 * 1024, 255 * 1024 + 1, 32_000], [3_000] * 300],
        ids=["empty", "one byte", "large", "edges of a request", "many"],
    )
    def test_files_arrive_whole(self, printer: Printer, account: Path, tmp_path: Path, sizes: list[int]) -> None:
        files = [
            make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", os.urandom(size)) for number, size in enumerate(sizes)
        ]
        printer.put(STEM, files)
        assert {path.name: path.read_bytes() for path in (account / "in").iterdir()} == {
            path.name: path.read_bytes() for path in files
        }

    def test_putting_again_leaves_what_is_there(self, printer: Printer, account: Path, tmp_path: Path) -> None:
        files = [make_file(tmp_path / "ours", f"{STEM}.pdf", b"sheets" * 100_000)]
        printer.put(STEM, files)
        [before] = [path.stat() for path in (account / "in").iterdir()]
        printer.put(STEM, files)
        [after] = [path.stat() for path in (account / "in").iterdir()]
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)

    def test_putting_again_adds_what_is_missing(self, printer: Printer, account: Path, tmp_path: Path) -> None:
        files = [make_file(tmp_path / "ours", f"{STEM}-{number}.pdf", b"%d" % number) for number in range(5)]
        printer.put(STEM, files[:2])
        make_file(account / "in", f"{files[3].name}.part", b"what a crash left, longer than the file")
        printer.put(STEM, files)
        assert [(account / "in" / path.name).read_bytes() for path in files] == [b"0", b"1", b"2", b"3", b"4"]
        assert len(list((account / "in").iterdir())) == 5

    @pytest.mark.parametrize("other", [b"other bytes", b"other", b""])
    def test_other_bytes_under_a_name_of_ours_stay_and_are_told(
        self, printer: Printer, account: Path, tmp_path: Path, other: bytes
    ) -> None:
        there = make_file(account / "in", f"{STEM}.pdf", other)
        with pytest.raises(Permanent, match=rf"{STEM}\.pdf") as caught:
            printer.put(STEM, [make_file(tmp_path / "ours", f"{STEM}.pdf", b"these bytes")])
        assert caught.value.code == "file_exists"
        assert there.read_bytes() == other

    def test_a_hand_over_is_one_rename(self, printer: Printer, account: Path) -> None:
        printer.stage_ready(PART, b"an earlier, longer body")
        printer.stage_ready(PART, b"body")
        assert [path.name for path in (account / "in").iterdir()] == [PART]
        printer.hand_over(STEM, PART)
        assert [path.name for path in (account / "in").iterdir()] == [f"{STEM}.ready"]
        assert (account / "in" / f"{STEM}.ready").read_bytes() == b"body"

    def test_a_drop_is_handed_over_once(self, printer: Printer) -> None:
        hand_over(printer)
        with pytest.raises(Permanent) as caught:
            printer.hand_over(STEM, PART)
        assert caught.value.code == "part_missing"
        assert printer.look(STEM, PART) is Lies.READY

    def test_looking_follows_a_drop(self, printer: Printer, account: Path) -> None:
        seen = [printer.look(STEM, PART)]
        printer.stage_ready(PART, b"{}")
        seen.append(printer.look(STEM, PART))
        printer.hand_over(STEM, PART)
        seen.append(printer.look(STEM, PART))
        (account / "in" / f"{STEM}.ready").rename(account / "in" / f"{STEM}.taken")
        seen.append(printer.look(STEM, PART))
        assert seen == [Lies.NOTHING, Lies.PART, Lies.READY, Lies.TAKEN]

    def test_the_part_of_another_attempt_is_not_ours(self, printer: Printer) -> None:
        printer.stage_ready(f"{STEM}.2-fedcba.ready.part", b"{}")
        assert printer.look(STEM, PART) is Lies.NOTHING

    def test_a_recall_wins_while_the_drop_waits(self, printer: Printer, account: Path) -> None:
        hand_over(printer)
        assert printer.recall(STEM, PART)
        assert printer.look(STEM, PART) is Lies.RECALLED
        assert not (account / "in" / f"{STEM}.ready").exists()
        assert printer.recall(STEM, PART)

    def test_a_recall_loses_to_the_printer(self, printer: Printer, account: Path) -> None:
        hand_over(printer)
        (account / "in" / f"{STEM}.ready").rename(account / "in" / f"{STEM}.taken")
        assert not printer.recall(STEM, PART)
        assert printer.look(STEM, PART) is Lies.TAKEN

    def test_a_recalled_part_is_never_handed_over(self, printer: Printer) -> None:
        printer.stage_ready(PART, b"{}")
        assert printer.recall(STEM, PART)
        with pytest.raises(Permanent) as caught:
            printer.hand_over(STEM, PART)
        assert caught.value.code == "part_missing"
        assert printer.look(STEM, PART) is Lies.RECALLED

    def test_a_part_that_is_recalled_proves_that_it_was_not_handed_over(self, printer: Printer, account: Path) -> None:
        printer.stage_ready(PART, b"{}")
        assert printer.recall_part(STEM, PART)
        assert [path.name for path in (account / "in").iterdir()] == [f"{STEM}.recalled"]
        assert not printer.recall_part(STEM, PART)

    @pytest.mark.parametrize("kind", ["ready", "taken", "recalled"])
    def test_beside_a_drop_that_was_handed_over_no_part_is_recalled(
        self, printer: Printer, account: Path, kind: str
    ) -> None:
        printer.stage_ready(PART, b"{}")
        make_file(account / "in", f"{STEM}.{kind}", b"{}")
        assert not printer.recall_part(STEM, PART)
        assert sorted(path.name for path in (account / "in").iterdir()) == sorted([PART, f"{STEM}.{kind}"])

    def test_a_part_that_is_gone_proves_nothing(self, printer: Printer) -> None:
        assert not printer.recall_part(STEM, PART)

    def test_a_ready_file_beside_a_recalled_one_may_still_be_taken(self, printer: Printer, account: Path) -> None:
        for kind in ("ready", "recalled"):
            make_file(account / "in", f"{STEM}.{kind}", b"{}")
        assert printer.look(STEM, PART) is Lies.READY

    def test_acknowledgements_come_whole_and_in_order(self, printer: Printer, account: Path) -> None:
        for name in ("b.2.ack.json", "a.1.ack.json", "c.3.ack.json", "d.4.ack.json.part", "notes.txt"):
            make_file(account / "out", name, name.encode())
        (account / "out" / "folder.ack.json").mkdir()
        assert [(ack.name, ack.body) for ack in printer.acks(10)] == [
            (name, name.encode()) for name in ("a.1.ack.json", "b.2.ack.json", "c.3.ack.json")
        ]
        assert [ack.name for ack in printer.acks(2)] == ["a.1.ack.json", "b.2.ack.json"]
        assert [ack.name for ack in printer.acks(2, but={"a.1.ack.json"})] == ["b.2.ack.json", "c.3.ack.json"]

    def test_no_acknowledgements(self, printer: Printer) -> None:
        assert printer.acks(10) == []

    def test_parts_of_a_ready_file_are_cleared_and_nothing_else(self, printer: Printer, account: Path) -> None:
        others = [f"{STEM}.pdf.part", f"{STEM}9.1-abcdef.ready.part", f"{STEM}.ready"]
        for name in (PART, f"{STEM}.2-fedcba.ready.part", *others):
            make_file(account / "in", name, b"{}")
        for _ in range(2):
            printer.clear_parts(STEM)
        assert sorted(path.name for path in (account / "in").iterdir()) == sorted(others)

    @pytest.mark.parametrize(("good", "folder"), [(True, "done"), (False, "error")])
    def test_a_settled_acknowledgement_is_out_of_the_way(
        self, printer: Printer, account: Path, good: bool, folder: str
    ) -> None:
        make_file(account / "out", "a.1.ack.json", b"{}")
        for _ in range(2):
            printer.settle_ack("a.1.ack.json", good=good)
        assert printer.acks(10) == []
        assert (account / "out" / folder / "a.1.ack.json").read_bytes() == b"{}"

    def test_closing_twice_changes_nothing(self, printer: Printer) -> None:
        printer.close()
        printer.close()

"""`mailstream printers`, on both databases, and the check of a printer on a real SSH server."""

import json
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ops.cli.own_keys import OwnKey
from ops.services.sshd import SshServer
from pipeline.errors import Transient
from pipeline.repository import tables
from pipeline.repository.database import Database
from tests.integration.cli.terminal import Terminal

PROFILE: dict[str, Any] = {
    "transport": {
        "kind": "sftp",
        "host": "127.0.0.1",
        "username": "mailstream",
        "fingerprints": ["SHA256:" + "A" * 43],
        "key_file": "keys/printer",
    },
    "postage": {"mailer_id": "123456", "permit_number": "12", "permit_city": "Boise", "permit_state": "ID"},
}
NEW = ("--reason", "new shop")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with SshServer(tmp_path_factory.mktemp("printer")) as server:
        yield server


def test_a_printer_is_added_from_stdin_and_shown_with_its_defaults(terminal: Terminal) -> None:
    added = terminal.json("printers", "add", "acme", *NEW, "--profile", "-", stdin=json.dumps(PROFILE))
    assert (added["name"], added["revision"], added["mode"]) == ("acme", 1, "live")
    shown = terminal.json("printers", "show", "acme")
    assert shown["profile"]["imposition"]["sheet"]["width_in"] == 13.0
    assert "acme" in [printer["name"] for printer in terminal.json("printers", "list")]
    assert "imposition.sheet.width_in" in terminal.out("printers", "show", "acme")
    assert "already" in terminal.refusal(
        "printers", "add", "acme", *NEW, "--profile", "-", code=5, stdin=json.dumps(PROFILE)
    )


def test_an_edit_goes_up_a_revision_and_is_audited(terminal: Terminal, database: Database, tmp_path: Path) -> None:
    row = _added(terminal, tmp_path, "edited")
    trucks = 'floor.trucks=["09:00","16:30"]'
    out = terminal.out(
        "printers", "edit", "edited", "--set", "postage.permit_number=99", "--set", trucks, "--reason", "new permit"
    )
    assert "postage.permit_number  12                            99" in out
    shown = terminal.json("printers", "show", "edited")
    assert (shown["revision"], shown["profile"]["postage"]["permit_number"]) == (2, "99")
    assert shown["profile"]["floor"]["trucks"] == ["09:00:00", "16:30:00"]
    with database.read() as tx:
        audit = tx.execute(select(tables.audit).where(tables.audit.c.subject == row["id"])).all()
    assert [(one.action, one.reason) for one in audit] == [("printer.add", "new shop"), ("printer.edit", "new permit")]
    assert audit[1].data["before"]["postage"]["permit_number"] == "12"
    terminal.out("printers", "edit", "edited", "--reason", "again", "--set", "postage.permit_number=99")
    assert terminal.json("printers", "show", "edited")["revision"] == 2


def test_an_edit_that_is_wrong_names_every_field_and_changes_nothing(terminal: Terminal, tmp_path: Path) -> None:
    _added(terminal, tmp_path, "kept")
    wrong = ("floor.zone=Mars", "postage.mailer_id=12", "postage.permit=1", "transport.port=ninety")
    sets = [part for one in wrong for part in ("--set", one)]
    said = terminal.refusal("printers", "edit", "kept", "--reason", "moved", *sets, code=1)
    assert "4 faults; nothing was changed" in said
    assert "floor.zone: unknown time zone; use an IANA name" in said
    assert "postage.mailer_id: give 6 digits" in said
    assert "postage.permit: there is no such field; there are method, permit_number" in said
    assert "transport.port: " in said
    assert terminal.json("printers", "show", "kept")["revision"] == 1


def test_a_suspension_needs_a_reason_and_can_be_ended(terminal: Terminal, tmp_path: Path) -> None:
    _added(terminal, tmp_path, "jammed")
    assert "--reason" in terminal.refusal("printers", "suspend", "jammed", code=2)
    assert terminal.json("printers", "suspend", "jammed", "--reason", "paper jam")["suspended_at"] is not None
    assert "suspended" in terminal.out("printers", "list")
    assert terminal.json("printers", "suspend", "jammed", "--off")["suspended_at"] is None


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "said"),
    [
        (["add", "x", "--profile", "-"], json.dumps(PROFILE), 2, "--reason TEXT"),
        (["edit", "nobody", "--set", "a=1"], "", 2, "--reason TEXT"),
        (["show", "nobody"], "", 4, "`mailstream printers list`"),
        (["check", "nobody"], "", 4, "`mailstream printers list`"),
        (["edit", "nobody", "--reason", "moved", "--set", "a=1"], "", 4, "no printer 'nobody'"),
        (["add", "a/b", *NEW, "--profile", "-"], "{}", 2, "cannot be a printer's name"),
        (["add", "x", *NEW, "--profile", "-"], "{", 1, "stdin is not JSON"),
        (["add", "x", *NEW, "--profile", "-"], "{}", 1, "transport: is missing; add it"),
        (["add", "x", *NEW, "--profile", "/none.json"], "", 1, "/none.json: no such file"),
        (["add", "x", *NEW, "--profile", "-"], json.dumps({**PROFILE, "products": ["mug"]}), 1, "no product mug"),
        (["add", "x", *NEW, "--profile", "-"], json.dumps({**PROFILE, "transport": {"kind": "sandbox"}}), 1, "sftp"),
    ],
)
def test_bad_input_is_said_in_a_sentence(
    terminal: Terminal, arguments: list[str], stdin: str, code: int, said: str
) -> None:
    assert said in terminal.refusal("printers", *arguments, code=code, stdin=stdin)


def test_two_printers_of_one_account_need_an_outbox_each(terminal: Terminal, tmp_path: Path) -> None:
    posters = {**PROFILE["transport"], "username": "posters"}
    _added(terminal, tmp_path, "posters", transport=posters)
    file = tmp_path / "letters.json"
    file.write_text(json.dumps({**PROFILE, "transport": {**posters, "outbox": "./out/"}}))
    said = terminal.refusal("printers", "add", "letters", *NEW, "--profile", str(file), code=1)
    assert "posters has this outbox too" in said
    assert "Agree with the shop on an outbox for each printer" in said
    _added(terminal, tmp_path, "letters", transport={**posters, "outbox": "out-letters"})
    back = ("printers", "edit", "letters", "--reason", "tidied up", "--set", "transport.outbox=out")
    assert "posters has this outbox" in terminal.refusal(*back, code=1)
    assert terminal.json("printers", "show", "letters")["revision"] == 1
    terminal.out("printers", "edit", "posters", "--reason", "moved", "--set", "transport.outbox=out-posters")
    terminal.out(*back)


def test_a_profile_that_is_not_utf_8_is_said(terminal: Terminal, tmp_path: Path) -> None:
    _added(terminal, tmp_path, "encoded")
    file = tmp_path / "latin.json"
    file.write_bytes(json.dumps({**PROFILE, "contact": "Jos\xe9"}, ensure_ascii=False).encode("latin-1"))
    said = terminal.refusal("printers", "edit", "encoded", "--reason", "new", "--profile", str(file), code=1)
    assert f"{file} is not text in UTF-8: save it as UTF-8" in said


@pytest.mark.parametrize("change", ["floor", "foo.bar=1", "floor.trucks=[1"])
def test_a_set_that_cannot_be_read_is_wrong_usage(terminal: Terminal, tmp_path: Path, change: str) -> None:
    _added(terminal, tmp_path, f"set-{len(change)}")
    said = terminal.refusal("printers", "edit", f"set-{len(change)}", "--reason", "moved", "--set", change, code=2)
    assert "--set" in said


def test_a_check_walks_every_step_on_a_real_server(terminal: Terminal, sshd: SshServer, tmp_path: Path) -> None:
    _added(terminal, tmp_path, "real", transport=sshd.profile_transport())
    for _ in range(2):
        steps = terminal.json("printers", "check", "real")
        assert [step["name"] for step in steps] == [
            "hours", "key file", "connect", "server", "sessions", "write", "read back", "rename", "rename onto", "remove",
            "outbox", "outbox write", "outbox done", "outbox error", "outbox remove",
        ]  # fmt: skip
        assert all(step["ok"] for step in steps)
    assert {path.name for path in sshd.root.rglob("*")} == {"in", "out", "done", "error"}


def test_a_check_says_which_step_failed(terminal: Terminal, sshd: SshServer, tmp_path: Path) -> None:
    good = sshd.profile_transport()
    wrongs: dict[str, dict[str, Any]] = {
        "key file": {**good, "key_file": "keys/none", "outbox": "out-1"},
        "connect": {**good, "fingerprints": PROFILE["transport"]["fingerprints"], "outbox": "out-2"},
        "outbox": {**good, "outbox": "nowhere"},
    }
    for number, (step, transport) in enumerate(wrongs.items()):
        _added(terminal, tmp_path, f"wrong-{number}", transport=transport)
        done = terminal.run_here("printers", "check", f"wrong-{number}", "--json")
        assert done.returncode == 1
        last = json.loads(done.stdout)[-1]
        assert (last["name"], last["ok"]) == (step, False), last


def test_hours_that_end_on_the_next_day_are_told_as_that(terminal: Terminal, sshd: SshServer, tmp_path: Path) -> None:
    told = (
        "warning: floor.closes: 06:00 to 02:00 of the next day (20 h), since it closes no later than it opens; if that"
    )
    transport = {**sshd.profile_transport(), "outbox": "out-night"}
    profile = json.dumps({**PROFILE, "transport": transport, "floor": {"closes": "02:00", "closed_weekdays": [5, 6]}})
    added = terminal.run_here("printers", "add", "night", *NEW, "--profile", "-", "--json", stdin=profile)
    assert told in added.stderr
    change = ("printers", "edit", "night", "--reason", "so they say", "--json", "--set")
    assert "warning" not in terminal.run_here(*change, "contact=press room").stderr
    assert told in terminal.run_here(*change, 'floor.extra_hours=[["03:00", "04:30"]]').stderr
    checked = json.loads(terminal.run_here("printers", "check", "night", "--json").stdout)[0]
    hours = (
        "06:00 to 02:00 of the next day (20 h) and 03:00 to 04:30 (1.5 h) on Mon, Tue, Wed, Thu, Fri; America/New_York"
    )
    assert (checked["name"], checked["detail"]) == ("hours", hours)
    assert "warning" not in terminal.run_here(*change, "floor.closes=14:00").stderr


def test_a_key_elsewhere_on_this_machine_is_copied_and_no_key_is_overwritten(
    terminal: Terminal, tmp_path: Path
) -> None:
    keys, key, other = terminal.home / "keys", a_key(tmp_path / "shop_ed25519"), a_key(tmp_path / "new_ed25519")
    first = key.read_text()
    key.chmod(0o644)
    transport = {**PROFILE["transport"], "outbox": "out-keyed", "key_file": str(key)}
    row = _added(terminal, tmp_path, "keyed", transport=transport)
    assert row["profile"]["transport"]["key_file"] == "keys/keyed"
    assert ((keys / "keyed").read_text(), (keys / "keyed").stat().st_mode & 0o777) == (first, 0o600)
    change = ("printers", "edit", "keyed", "--reason", "a new key", "--set")
    assert "is another key" in terminal.refusal(*change, f"transport.key_file={other}", code=5)
    assert terminal.json("printers", "show", "keyed")["revision"] == 1
    assert (keys / "keyed").read_text() == first
    (keys / "keyed-2").write_bytes(other.read_bytes())
    for given in (keys / "keyed-2", "keys/keyed-2"):
        edited = terminal.json(*change, f"transport.key_file={given}")
        assert (edited["revision"], edited["profile"]["transport"]["key_file"]) == (2, "keys/keyed-2")
    for wrong in ("pepper", "../keys/keyed", "keys/../pepper"):
        assert "transport.key_file: is no file" in terminal.refusal(*change, f"transport.key_file={wrong}", code=1)


def a_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def keyed_by(key: Path, name: str) -> str:
    return json.dumps({**PROFILE, "transport": {**PROFILE["transport"], "outbox": f"out-{name}", "key_file": str(key)}})


def names(terminal: Terminal) -> list[str]:
    return [one["name"] for one in terminal.json("printers", "list")]


def test_a_key_that_is_not_there_adds_no_printer(terminal: Terminal, tmp_path: Path) -> None:
    given = keyed_by(tmp_path / "none", "keyless")
    said = terminal.refusal("printers", "add", "keyless", *NEW, "--profile", "-", code=1, stdin=given)
    assert f"{tmp_path / 'none'}: no such file" in said
    assert "keyless" not in names(terminal)


def test_nor_does_one_that_is_none_and_nobody_is_kept_waiting_for_it(
    terminal: Terminal, database: Database, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong_ed25519"
    wrong.write_text(a_key(tmp_path / "right_ed25519").read_text()[:200])
    with database.write():  # an installation of SQLite has one writer at a time
        said = terminal.refusal(
            "printers", "add", "misled", *NEW, "--profile", "-", code=1, stdin=keyed_by(wrong, "misled")
        )
    assert f"{wrong} cannot be read as an ed25519 private key" in said
    assert "misled" not in names(terminal)


def test_no_key_stays_of_a_printer_that_could_not_be_saved(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, place = keyed_by(a_key(tmp_path / "shop_ed25519"), "unsaved"), terminal.home / "keys" / "unsaved"

    def fail(*_: Any) -> None:
        assert place.is_file()
        raise Transient("database_busy", "the database went away")

    add = ("printers", "add", "unsaved", *NEW, "--profile", "-")
    with monkeypatch.context() as patch:
        patch.setattr("ops.cli.printers.printer_row", fail)
        assert "went away" in terminal.refusal(*add, code=1, stdin=given)
    assert not place.exists()
    assert "unsaved" not in names(terminal)
    terminal.out(*add, stdin=given)
    assert "already" in terminal.refusal(*add, code=5, stdin=given)
    assert place.is_file()


def test_a_key_that_a_full_disk_cut_short_is_copied_at_the_next_try(tmp_path: Path) -> None:
    target = tmp_path / "keys" / "north"
    key = OwnKey(tmp_path / "shop_ed25519", target, b"k" * 400)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # no file may grow beyond it
    try:
        with pytest.raises(OSError, match="too large"):
            key.place()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(target.parent.iterdir()) == []
    assert (key.place(), key.place()) == (True, False)
    assert [one.read_bytes() for one in target.parent.iterdir()] == [b"k" * 400]
    assert target.stat().st_mode & 0o777 == 0o600


def _added(terminal: Terminal, folder: Path, name: str, **changes: Any) -> dict[str, Any]:
    """A printer with an outbox of its own in the account of all."""
    file = folder / f"{name}.json"
    own = {"transport": {**PROFILE["transport"], "outbox": f"out-{name}"}}
    file.write_text(json.dumps({**PROFILE, **own, **changes}))
    row: dict[str, Any] = terminal.json("printers", "add", name, *NEW, "--profile", str(file))
    return row

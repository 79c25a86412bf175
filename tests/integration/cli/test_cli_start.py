"""How the program starts: what it says of itself, what it imports for that, and how it fails."""

import json
import signal
import subprocess
import sys

import pytest

from ops.cli.registry import COMMANDS
from tests.integration.cli.terminal import Terminal

_HEAVY = {"sqlalchemy", "sqlmodel", "pydantic", "fastapi", "pikepdf", "httpx2", "redis", "paramiko", "alembic"}
_IMPORTED = """
import sys
from ops.cli.main import main
sys.argv = ["mailstream", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]])
def test_version_and_help_import_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORTED, *arguments], capture_output=True, text=True, check=True)
    assert _HEAVY.isdisjoint(done.stderr.split())
    assert "mailstream" in done.stdout


def test_a_client_command_imports_nothing_of_the_server() -> None:
    # typer itself brings pydantic in where a command has options.
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED, "send", "--help"], capture_output=True, text=True, check=True
    )
    assert (_HEAVY - {"httpx2", "pydantic"}).isdisjoint(done.stderr.split())


def test_help_lists_every_command_and_every_command_has_help(bare: Terminal) -> None:
    listed = bare.run("--help").stdout
    for name in COMMANDS:
        assert f"\n  {name} " in listed
        assert "Usage:" in bare.out(name, "--help")


def test_an_unknown_command_is_wrong_usage_with_a_guess(bare: Terminal) -> None:
    assert "Did you mean 'printers'?" in bare.refusal("printer", code=2)


def test_before_the_migration_commands_say_what_to_run(bare: Terminal) -> None:
    assert "run `mailstream migrate`" in bare.refusal("keys", "list", code=1)
    (bare.home / "mailstream.db").touch()
    assert "run `mailstream migrate`" in bare.refusal("keys", "list", code=1)


@pytest.mark.parametrize("url", ["nonsense", "oracle://x", "postgresql+psycopg://nobody@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(bare: Terminal, url: str) -> None:
    said = bare.refusal("keys", "list", code=1, MAILSTREAM_DATABASE_URL=url)
    assert said.startswith("mailstream: ")
    assert "DATABASE_URL" in said or "run `mailstream doctor`" in said


def test_a_second_migration_changes_nothing(terminal: Terminal) -> None:
    assert terminal.json("migrate") == {"changed": False}


def test_the_program_itself_keeps_data_and_talk_apart(terminal: Terminal) -> None:
    made = terminal.run("keys", "create", "--mode", "test", "--account", "Program", "--json")
    assert (made.returncode, made.stderr) == (0, "")
    assert json.loads(made.stdout)["key"].startswith("ms_test_")
    listed = terminal.run("keys", "list")
    assert [line.split()[:2] for line in listed.stdout.splitlines()] == [
        ["id", "mode"],
        [json.loads(made.stdout)["id"], "test"],
    ]
    assert terminal.run("printers", "list", "--json").stdout == "[]\n"
    refused = terminal.run("batches", "show", "bt_none")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert refused.stderr == "mailstream: there is no batch 'bt_none': `mailstream batches list` shows them\n"


def test_the_program_is_interrupted_by_sigint(bare: Terminal) -> None:
    with bare.start("addresses", "standardize") as process:
        process.stdin.write(b"name,line1,city,state,zip\n" + 500 * b"A,1 Main St,Boise,ID,83702\n")
        process.stdin.flush()
        process.stdout.readline()  # it is at work now
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, b"Traceback" in said) == (130, False)

"""The real `mailstream` on an installation of the test's own: as a program, or, which is quicker, within this process."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ops.cli.main import main

_PROGRAM = Path(sys.executable).with_name("mailstream")


@dataclass(frozen=True)
class Terminal:
    """Where commands run: their home, and variables of their own."""

    home: Path
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """One command, ended, as a program of its own."""
        done = subprocess.run(
            [_PROGRAM, *arguments],
            input=stdin,
            env=self._environment(variables),
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[bytes]:
        """A command that is under way, for a `with` block."""
        pipe = subprocess.PIPE
        env = self._environment(variables)
        return subprocess.Popen([_PROGRAM, *arguments], env=env, stdin=pipe, stdout=pipe, stderr=pipe)

    def run_here(self, *arguments: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """The same within this process, which has imported everything already."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["mailstream", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setattr(os, "environ", self._environment(variables))
            code = _exit_code(main)
        return subprocess.CompletedProcess(arguments, code, _written(out), _written(err))

    def out(self, *arguments: str, **more: Any) -> str:
        """What a command that has to succeed prints."""
        done = self.run_here(*arguments, **more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str, **more: Any) -> Any:
        """What it prints with --json."""
        return json.loads(self.out(*arguments, "--json", **more))

    def refusal(self, *arguments: str, code: int, **more: Any) -> str:
        """What a command says that has to fail with `code`, and print no data."""
        done = self.run_here(*arguments, **more)
        assert (done.returncode, done.stdout) == (code, ""), done.stdout + done.stderr
        return done.stderr

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Nothing of the developer's settings."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("MAILSTREAM_")}
        return ours | {"MAILSTREAM_HOME": str(self.home)} | dict(self.env) | variables


def _exit_code(run: Callable[[], None]) -> int:
    try:
        run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    stream.seek(0)
    return stream.read()

"""One installation of MailStream in a home folder: its database made current, and the processes that make it run."""

import os
import socket
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ops.migrations import upgrade
from ops.services.process import Command, ServiceError
from ops.services.redis import RedisServer
from ops.services.supervisor import Child
from pipeline.repository.database import Database
from pipeline.repository.prices import seed_prices
from pipeline.worker.settings import Settings, read_settings

WORKERS = 2
READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Installation:
    """`redis` is None where the operator has a Redis of his own. `environ` is what the children are given."""

    settings: Settings
    environ: Mapping[str, str]
    redis: RedisServer | None
    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def logs(self) -> Path:
        return self.settings.home / "logs"

    def children(self, *, workers: int = WORKERS) -> list[Child]:
        """Redis, the API, workers and the scheduler, in the order in which they start."""
        listening = ("--host", self.host, "--port", str(self.port))
        redis = [Child(self.redis.command, self.redis.is_ready)] if self.redis else []
        return [
            *redis,
            Child(self.command("process", "api", *listening, name="api"), self._api_answers, READY_WITHIN_S),
            *(Child(self.command("process", "worker", name=f"worker-{n}")) for n in range(1, workers + 1)),
            Child(self.command("process", "scheduler", name="scheduler")),
        ]

    def command(self, *arguments: str, name: str) -> Command:
        """A `mailstream` command as a child process, logging to a file of its own name."""
        argv = (sys.executable, "-m", "ops.cli.main", *arguments)
        return Command(name, argv, env=self.environ, log_path=self.logs / f"{name}.log")

    def _api_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310  # our own, on loopback
                ready: bool = answer.status == 200
                return ready
        except OSError:
            return False


def _check_free(host: str, port: int) -> None:
    """The readiness of another server at the same place would pass for ours."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceError(f"cannot listen at {host}:{port}: {error.strerror}; choose another --port") from error


def install(
    environ: Mapping[str, str] | None = None,
    *,
    home: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    settings: Mapping[str, str] | None = None,
) -> Installation:
    """Make `home` fit to run: its folders, its database migrated, its prices there. Repeating it changes nothing.

    `settings` are further `MAILSTREAM_*` variables, by lower-case name. Raises `ServiceError` when something else answers.
    """
    _check_free(host, port)
    given = {**(os.environ if environ is None else environ)}
    given.update({f"MAILSTREAM_{name.upper()}": value for name, value in (settings or {}).items()})
    if home is not None:
        given["MAILSTREAM_HOME"] = str(home.absolute())
    found = read_settings(given)
    redis = None
    if not given.get("MAILSTREAM_REDIS_URL"):
        redis = RedisServer(found.home / "redis")
        redis.prepare()
        found = replace(found, redis_url=redis.url)
    upgrade(found.database_url)
    db = Database(found.database_url)
    with db.write() as tx:
        seed_prices(tx)
    db.dispose()
    return Installation(found, {**given, **found.variables()}, redis, host, port)

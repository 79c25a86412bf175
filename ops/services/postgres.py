"""A PostgreSQL for tests and measurements: a cluster in a folder of its own, nobody else's, gone afterwards.

It uses the installed programs and leaves any cluster of the system alone. PostgreSQL refuses to run as root, so root
starts it as an unprivileged user.
"""

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from ops.services.process import Command, ServerProcess, ServiceError, free_port, group_of, socket_folder

START_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
ROLE = "mailstream"
UNPRIVILEGED = ("postgres", "nobody")
REMEDY = "install the postgresql package (ops/deploy/system-packages test), or put its bin folder on PATH"


class PostgresServer:
    """One cluster, made on the first start, on a unix socket and, when `port` is given, on loopback (0: a free port).

    Without `folder` it lies in a temporary one, which `stop` removes. `fsync=False` is for tests that pull no plug.
    """

    def __init__(
        self, folder: Path | None = None, *, port: int | None = None, fsync: bool = True, bindir: Path | None = None
    ) -> None:
        self._temporary = folder is None
        self.folder = (folder or Path(tempfile.mkdtemp(prefix="mailstream-pg-"))).absolute()
        self.port = free_port() if port == 0 else port
        self.fsync = fsync
        self.bindir = bindir or find_postgres()
        self._user = _unprivileged_user() if os.geteuid() == 0 else None
        self._password = secrets.token_hex(16)
        self._socket_folder = socket_folder(self.folder)
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        """SQLAlchemy's address of the maintenance database."""
        return self.database_url("postgres")

    def database_url(self, name: str, *, over_tcp: bool = False) -> str:
        """SQLAlchemy's address of a database, over the unix socket unless told otherwise."""
        if not over_tcp:
            return f"postgresql+psycopg://{ROLE}@/{name}?host={self._socket_folder}&port={self._port}"
        if self.port is None:
            raise ServiceError("postgres has no TCP port; make it with port=0")
        return f"postgresql+psycopg://{ROLE}:{self._password}@127.0.0.1:{self.port}/{name}"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> Self:
        """Returns when it takes connections. Raises `ServiceError` with the end of the log."""
        if not self._data.exists():
            self._make_cluster()
        self._process = ServerProcess.start_ready(self._command(), self.is_ready, within_s=START_WITHIN_S)
        if self.port is not None:
            self._set_password()
        return self

    def is_ready(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> str:
        """A fresh, empty database, replacing one of the same name. Returns its address for SQLAlchemy."""
        with self._connect() as connection:
            identifier = sql.Identifier(name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(identifier))
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Removes a database and whoever is still connected to it."""
        with self._connect() as connection:
            statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            connection.execute(statement)

    def stop(self) -> None:
        """Ends connections and the server in good order (its "fast" shutdown), removes a temporary folder."""
        if self._process is not None:
            self._process.stop(signal.SIGINT, within_s=STOP_WITHIN_S)
            self._process = None
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._socket_folder != self.folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    def restart(self) -> None:
        """A crash and the recovery from it: SIGQUIT ends it without a checkpoint, no process stays behind."""
        self._running().stop(signal.SIGQUIT, within_s=STOP_WITHIN_S)
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _port(self) -> int:
        """The socket's name carries a port number even where nothing listens on it."""
        return self.port or 5432

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServiceError("postgres is not running; call start() first")
        return self._process

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._socket_folder),
            port=self._port,
            user=ROLE,
            dbname="postgres",
            autocommit=True,
            connect_timeout=30,
        )

    def _set_password(self) -> None:
        # Until then nobody gets in over TCP: a role without a password fails SCRAM.
        with self._connect() as connection:
            change = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(self._password))
            connection.execute(change)

    def _make_cluster(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in {self.folder, self._socket_folder}:
            folder.mkdir(mode=0o700, exist_ok=True)
            if self._user is not None:
                shutil.chown(folder, self._user)
        self._check_reachable()
        # The C.UTF-8 locale sorts alike everywhere. Trust is for the socket alone, of mode 0700.
        argv = [str(self.bindir / "initdb"), "-D", str(self._data), "-U", ROLE, "-E", "UTF8", "--locale=C.UTF-8"]
        self._run([*argv, "--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync", "--no-instructions"])

    def _check_reachable(self) -> None:
        """PostgreSQL's user must be able to walk to the folder: root's temporary folders are often closed to it."""
        try:
            self._run(["test", "-w", str(self.folder)])
        except ServiceError as error:
            raise ServiceError(
                f"postgres: user {self._user} cannot reach {self.folder}; choose a folder whose parents are open to it"
            ) from error

    def _run(self, argv: list[str]) -> None:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            user=self._user,
            group=group_of(self._user),
            extra_groups=[] if self._user else None,
            check=False,
        )
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise ServiceError(f"postgres: {Path(argv[0]).name} failed:\n{said}")

    def _command(self) -> Command:
        options = {
            "unix_socket_directories": str(self._socket_folder),
            "unix_socket_permissions": "0700",
            "port": str(self._port),
            "listen_addresses": "127.0.0.1" if self.port else "",
            "fsync": "on" if self.fsync else "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "60",
        }
        argv = [str(self.bindir / "postgres"), "-D", str(self._data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        log_path = self.folder / "postgres.log"
        return Command("postgres", argv, log_path=log_path, cwd=Path("/"), user=self._user)


def find_postgres() -> Path:
    """The folder of PostgreSQL's programs: Debian's newest, what pg_config says, or where PATH has them."""
    for folder in _candidates():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServiceError(f"PostgreSQL was not found: {REMEDY}")


def _candidates() -> list[Path]:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    found = list(debian)
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        found.append(Path(said))
    on_path = shutil.which("postgres")
    return [*found, Path(on_path).resolve().parent] if on_path else found


def _version(bindir: Path) -> int:
    digits = re.match(r"\d+", bindir.parent.name)
    return int(digits.group()) if digits else 0


def _unprivileged_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known:
            return name
    raise ServiceError(f"postgres: root needs one of the users {', '.join(UNPRIVILEGED)} to run it as")

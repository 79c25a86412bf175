"""Real servers for the tests, and a closed door to the rest of the network.

Servers start when the first test asks for them, one of each per test process.
"""

import ipaddress
import itertools
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ops.services.postgres import PostgresServer
from ops.services.redis import RedisServer

_numbers = itertools.count(1)

# A test fails neither because the machine is slow nor by an example that comes up once in a hundred runs and never again;
# `make test-long` searches for those.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("searching", settings.get_profile("steady"), derandomize=False, print_blob=True)
settings.load_profile("steady")


class NetworkClosedError(RuntimeError):
    """A test reached for something beyond this machine."""


def pytest_configure() -> None:
    """A suite that was started in the background ignores SIGINT, and so would the programs that its tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def closed_network() -> Iterator[None]:
    """Lets sockets reach loopback and unix sockets alone, and names resolve to nothing but this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for verb in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, verb, _loopback_only(getattr(socket.socket, verb)))
        # A proxy of the developer's network would be asked even for loopback.
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patch.delenv(name)
        patch.setattr(socket, "getaddrinfo", _local_names_only(socket.getaddrinfo))
        yield


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all tests of this process, appending to its file. Take `redis_url` unless you stop or kill it."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of an empty Redis."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of this process. A power failure is not among the tests, so fsync is off."""
    with PostgresServer(fsync=False) as server:
        yield server


@pytest.fixture
def postgresql_url(postgres_server: PostgresServer) -> Iterator[str]:
    """SQLAlchemy's address of a fresh PostgreSQL database."""
    name = f"test_{next(_numbers)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy's address of a fresh SQLite file."""
    return f"sqlite:///{tmp_path / 'mailstream.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh database; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def _loopback_only(verb: Any) -> Any:
    def checked(self: socket.socket, *args: Any) -> Any:
        address = args[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise NetworkClosedError(f"a test tried to reach {address}; tests talk to this machine alone")
        return verb(self, *args)

    return checked


def _local_names_only(resolve: Any) -> Any:
    def checked(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = os.fsdecode(host) if host else ""
        # The one name that is sure to resolve nowhere (RFC 6761) answers as it would without us.
        if name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if name and not _is_numeric(name) and name != "localhost" and name != socket.gethostname():
            raise NetworkClosedError(f"a test tried to look up {name}; tests talk to this machine alone")
        return resolve(host, *args, **kwargs)

    return checked


def _is_local(host: str) -> bool:
    if not _is_numeric(host):
        return host in ("", "localhost")
    address = ipaddress.ip_address(host)
    return address.is_loopback or address.is_unspecified


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

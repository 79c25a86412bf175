"""What every storage does, on the real file system."""

import os
import threading
from pathlib import Path

import pytest

from adapters.storage.local import LocalStorage
from pipeline.errors import Permanent, Transient

KEY = "test/creatives/ac_1/abc"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "files")


def source(tmp_path: Path, body: bytes, name: str = "source") -> Path:
    path = tmp_path / name
    path.write_bytes(body)
    return path


def test_what_was_put_is_fetched(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(KEY, source(tmp_path, b"ink"))
    assert storage.exists(KEY)
    assert storage.fetch(KEY).read_bytes() == b"ink"


def test_putting_the_same_bytes_again_leaves_the_file_alone(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(KEY, source(tmp_path, b"ink"))
    before = storage.fetch(KEY).stat()
    storage.put(KEY, source(tmp_path, b"ink", "again"))
    after = storage.fetch(KEY).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_other_bytes_replace_the_file_whole(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(KEY, source(tmp_path, b"first"))
    with storage.fetch(KEY).open("rb") as reading:
        storage.put(KEY, source(tmp_path, b"second"))
        assert reading.read() == b"first"
    assert storage.fetch(KEY).read_bytes() == b"second"


def test_a_file_that_is_not_there_is_missing_for_good(storage: LocalStorage) -> None:
    assert not storage.exists(KEY)
    with pytest.raises(Permanent) as caught:
        storage.fetch(KEY)
    assert caught.value.code == "missing_file"


def test_deleting_twice_changes_nothing(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put(KEY, source(tmp_path, b"ink"))
    storage.delete(KEY)
    storage.delete(KEY)
    assert not storage.exists(KEY)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "live",
        "creatives/x",
        "live/../test/x",
        "/live/x",
        "test/.hidden",
        "test//x",
        "test/a b",
        "test/x/",
        "test/x\n",
    ],
)
def test_keys_stay_in_their_mode_and_root(storage: LocalStorage, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a storage key"):
        storage.put(key, source(tmp_path, b"ink"))
    assert not (tmp_path / "files").exists()


def test_a_failed_put_leaves_nothing_and_is_worth_trying_again(storage: LocalStorage, tmp_path: Path) -> None:
    with pytest.raises(Transient) as caught:
        storage.put(KEY, tmp_path / "nowhere")
    assert caught.value.code == "storage_unavailable"
    assert not storage.exists(KEY)
    assert not [name for _, _, names in os.walk(tmp_path / "files") for name in names]


def test_side_by_side_puts_never_show_a_torn_file(storage: LocalStorage, tmp_path: Path) -> None:
    bodies = [bytes([n]) * 300_000 for n in range(4)]
    sources = [source(tmp_path, body, f"source{n}") for n, body in enumerate(bodies)]
    storage.put(KEY, sources[0])
    threads = [threading.Thread(target=storage.put, args=(KEY, path)) for path in sources for _ in range(5)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert storage.fetch(KEY).read_bytes() in bodies
    for thread in threads:
        thread.join()
    assert storage.fetch(KEY).read_bytes() in bodies

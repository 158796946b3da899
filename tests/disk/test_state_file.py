"""Plain data of a session in a file: what is stored is loaded, and no fault leaves half a file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from support.system import System

from bittorrent_threads.disk.state_file import MAX_STATE, StateFile
from bittorrent_threads.errors import StorageError

STATE = {"nodes": [["10.0.0.1", 6881, "ab"]], "id": "00"}


def test_what_is_stored_is_loaded(tmp_path: Path) -> None:
    file = StateFile(str(tmp_path / "new" / "dht"))
    assert file.load() is None
    for count in (1, 2):
        file.store([STATE] * count)
        assert file.load() == [STATE] * count
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["dht"]


def test_it_is_durable_before_it_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    system = System()
    StateFile(str(tmp_path / "dht"), system=system).store(STATE)
    assert system.named("pwritev", "fdatasync", "replace", "fsync") == ["pwritev", "fdatasync", "replace", "fsync"]


@pytest.mark.parametrize("call", ["open", "pwritev", "fdatasync", "replace", "fsync"])
def test_a_fault_anywhere_leaves_the_one_before_or_the_new_one(tmp_path: Path, call: str) -> None:
    path = tmp_path / "dht"
    StateFile(str(path)).store({"before": 1})
    system = System()
    system.fail(call, errno.EIO)
    with pytest.raises(StorageError) as raised:
        StateFile(str(path), system=system).store(STATE)
    assert raised.value.errno == errno.EIO
    assert StateFile(str(path)).load() in ({"before": 1}, STATE)
    assert [each.name for each in tmp_path.iterdir()] == ["dht"]


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b" " * (MAX_STATE + 1)])
def test_what_is_no_state_counts_as_no_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "dht"
    path.write_bytes(data)
    assert StateFile(str(path)).load() is None


def test_a_link_or_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("{}")
    os.symlink(tmp_path / "other", tmp_path / "dht")
    for name in ("dht", ""):
        with pytest.raises(StorageError):
            StateFile(str(tmp_path / name)).load()

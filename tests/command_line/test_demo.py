"""The demonstration sees what it claims to see: a wrong byte, a missing or an extra file, a process that fails."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from bittorrent_threads.command_line import demo
from bittorrent_threads.command_line.console import Console

LENGTHS = {"a": 5, "sub/b": 3}


def write(folder: Path) -> Path:
    for name, length in LENGTHS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(length))
    return folder


@pytest.mark.parametrize("size", [1, 17, 100_000, 3 * 2**20])
def test_the_files_have_the_size_asked_for(tmp_path: Path, size: int) -> None:
    lengths = demo.make_files(tmp_path, size)
    found = {path.relative_to(tmp_path).as_posix(): path.stat().st_size for path in tmp_path.rglob("*.*")}
    assert found == lengths
    assert sum(lengths.values()) == size
    assert lengths["empty.txt"] == 0


def test_equal_folders_pass(tmp_path: Path) -> None:
    demo.compare(write(tmp_path / "one"), write(tmp_path / "two"), LENGTHS)


def test_a_wrong_byte_is_seen(tmp_path: Path) -> None:
    copy = write(tmp_path / "two")
    (copy / "a").write_bytes(b"\0\0\1\0\0")
    with pytest.raises(demo.DemoFailed, match="different: a"):
        demo.compare(write(tmp_path / "one"), copy, LENGTHS)


def test_a_missing_file_is_seen(tmp_path: Path) -> None:
    copy = write(tmp_path / "two")
    (copy / "sub" / "b").unlink()
    with pytest.raises(demo.DemoFailed, match="missing: sub/b"):
        demo.compare(write(tmp_path / "one"), copy, LENGTHS)


def test_an_extra_file_is_seen(tmp_path: Path) -> None:
    copy = write(tmp_path / "two")
    (copy / "sub" / "c").touch()
    with pytest.raises(demo.DemoFailed, match="not of the torrent: sub/c"):
        demo.compare(write(tmp_path / "one"), copy, LENGTHS)


def test_a_process_that_fails_ends_the_demonstration(tmp_path: Path) -> None:
    torrent = tmp_path / "bad.torrent"
    torrent.write_text("not one")
    console = Console(stderr=io.StringIO(), stdout=io.StringIO())
    with pytest.raises(demo.DemoFailed, match=r"the seeder ended with exit code 5: .*bad\.torrent"):
        demo.exchange(console, tmp_path, torrent, lambda: False, 90.0)

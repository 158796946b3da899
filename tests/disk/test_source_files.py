from __future__ import annotations

import os
from pathlib import Path

import pytest

from bittorrent_threads.disk.source_files import Exclusion, Found
from bittorrent_threads.errors import StorageError


def test_files_are_found_as_they_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a/c", "a.d"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = Found(str(tmp_path), Exclusion((), None)).files
    assert [source.parts for source in found] == [("a", "c"), ("a.d",), ("b",)]
    for source in found:
        status = os.stat(source.path)
        assert (source.path, source.size) == (str(tmp_path.joinpath(*source.parts)), status.st_size)
        assert source.mtime_ns == status.st_mtime_ns


def test_one_file_has_no_parts(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (source,) = Found(str(tmp_path / "a"), Exclusion((), None)).files
    assert source.parts == ()


def test_what_is_left_out_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kept/a", "left/b"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    listing = os.listdir
    listed = []

    def listdir(path: str) -> object:
        listed.append(os.path.basename(path))
        return listing(path)

    monkeypatch.setattr(os, "listdir", listdir)
    Found(str(tmp_path), Exclusion(["left"], None))
    assert listed == [tmp_path.name, "kept"]


def test_a_folder_that_cannot_be_read_may_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "a").write_text("a")
    listing = os.listdir

    def listdir(path: str) -> object:
        if path.endswith("lost+found"):
            raise PermissionError(13, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(StorageError) as caught:
        Found(str(tmp_path), Exclusion((), None))
    assert caught.value.path == str(tmp_path / "lost+found")
    assert len(Found(str(tmp_path), Exclusion(["lost+found"], None)).files) == 1

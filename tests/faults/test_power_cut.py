"""What a close did not sync: believed after SIGKILL, as the page cache has it, and hashed after a power cut."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, List

import pytest
from support.children import Child
from support.damage import Watched
from support.pairs import LOCAL, PATIENCE, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.disk import page_cache
from bittorrent_threads.disk.disk import stored_resume
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.page_cache import PageCache
from bittorrent_threads.engine import resume
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

FRESH = SampleTorrent({"a": 500_001, "sub/b": 400_000, "empty": 0}, piece_length=32 * KIB, name="fresh")
COUNT = FRESH.piece_count


@pytest.fixture
def hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop has no time to sync anything; skip where it would take that time."""
    monkeypatch.setattr(resume, "PATIENCE", 0.0)
    if PageCache.of(Folder(str(tmp_path))) is None:
        pytest.skip("the page cache has no name here")


def remembered(folder: Path) -> Any:
    found = stored_resume(bt.Metainfo.parse(FRESH.metainfo()), str(folder))
    assert found is not None
    return found


def hashed(folder: Path) -> List[int]:
    """The pieces that the next start hashes; all of them must be there."""
    with bt.Client(FRESH.metainfo(), folder, settings=LOCAL) as client:
        watched = Watched(client)
        assert client.wait("checked", timeout=PATIENCE).seed
        return [event.index for event in watched.seen(events.PiecePassed)]


@pytest.fixture
def downloaded(hurried: None, tmp_path: Path) -> Path:
    with pair(tmp_path, FRESH) as (_, down):
        down.wait(timeout=PATIENCE)
    found = remembered(tmp_path / "down")
    assert found["page_cache"]
    assert found["unsynced"] == found["doubtful"] != ""
    return tmp_path / "down"


def test_what_a_close_left_to_the_page_cache_is_believed(downloaded: Path) -> None:
    assert hashed(downloaded) == []
    assert FRESH.differences(downloaded) == []


def test_after_a_power_cut_it_is_hashed(downloaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("another\n")
    monkeypatch.setattr(page_cache, "_BOOT_ID", str(boot))
    assert hashed(downloaded) == list(range(COUNT))
    found = remembered(downloaded)
    assert "another" in found["page_cache"], "it was not synced now either"
    assert hashed(downloaded) == [], "in this boot the hash check counts"


def test_what_a_power_cut_took_comes_again(downloaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("another\n")
    monkeypatch.setattr(page_cache, "_BOOT_ID", str(boot))
    path = FRESH.path(downloaded, "a")
    found = path.stat()
    path.write_bytes(bytes(found.st_size))  # the size and the times were written, the data was not
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    with seeder(tmp_path / "again", FRESH) as seed:
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(FRESH.metainfo(), downloaded, settings=LOCAL, peers=peers) as down:
            down.wait(timeout=PATIENCE)
            assert down.downloaded >= 500_001 - 32 * KIB
    assert FRESH.differences(downloaded) == []


def test_the_next_start_syncs_it(downloaded: Path) -> None:
    with bt.Client(FRESH.metainfo(), downloaded, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        assert client.piece_cache["doubtful"] == ""
    assert "page_cache" not in remembered(downloaded)


def test_a_setting_has_a_close_wait_for_the_disk(hurried: None, tmp_path: Path) -> None:
    with pair(tmp_path, FRESH, settings=LOCAL.replace(sync_at_close=True)) as (_, down):
        down.wait(timeout=PATIENCE)
    found = remembered(tmp_path / "down")
    assert "page_cache" not in found
    assert found["doubtful"] == ""


DOWNLOADER = """
    import sys
    import bittorrent_threads as bt
    from bittorrent_threads.disk.disk import stored_resume

    peers = [("127.0.0.1", int(sys.argv[3]))]
    client = bt.Client(sys.argv[1], sys.argv[2], settings=bt.Settings(host="127.0.0.1"), peers=peers)
    client.wait()
    while "page_cache" not in (stored_resume(client.metainfo, sys.argv[2]) or {}):
        pass
    print("complete", flush=True)
    sys.stdin.read()
"""


def test_after_sigkill_of_a_complete_download_nothing_is_hashed(hurried: None, tmp_path: Path) -> None:
    torrent, folder = FRESH.write_torrent(tmp_path), tmp_path / "down"
    with seeder(tmp_path / "seed", FRESH) as seed, Child(DOWNLOADER, torrent, folder, seed.port) as child:
        assert child.line() == "complete"
        child.kill()
    assert hashed(folder) == []
    assert FRESH.differences(folder) == []

"""Magnet links from outside: ``Client``, ``Session``, ``download`` and the command line, on loopback."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Iterator

import pytest
from support.command import Run
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

UNKNOWN = bt.Magnet.parse("magnet:?dn=shown&xt=urn:btih:" + "ab" * 20)
LARGE = SampleTorrent(
    {f"a file with a long name, number {number:04}": 1 for number in range(900)}, piece_length=16 * KIB, name="large"
)
"""Its metadata has four pieces."""


@pytest.fixture
def seed(tmp_path: Path) -> Iterator[bt.Client]:
    """A client that has all of SMALL."""
    with seeder(tmp_path / "seed") as client:
        yield client


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def link(seed: bt.Client, *parts: str) -> str:
    """The magnet link of the torrent of a seeder, which names it as a peer."""
    assert seed.metainfo is not None
    return "&".join([str(seed.metainfo.magnet(peers=[("127.0.0.1", seed.port)])), *parts])


def test_a_magnet_link_downloads(tmp_path: Path, seed: bt.Client) -> None:
    result = bt.download(link(seed), tmp_path / "down", timeout=PATIENCE, settings=LOCAL)
    assert (result.name, result.size, result.infohash) == ("small", SMALL.size, SMALL.infohash)
    assert SMALL.differences(tmp_path / "down") == []


def test_metadata_of_several_pieces_from_several_peers(tmp_path: Path) -> None:
    with seeder(tmp_path / "one", LARGE) as one, seeder(tmp_path / "two", LARGE) as two:
        magnet = bt.Magnet.parse(link(one, f"x.pe=127.0.0.1:{two.port}"))
        with bt.Client(magnet, tmp_path / "down", settings=LOCAL) as client:
            client.wait(timeout=PATIENCE)
            assert client.metainfo == one.metainfo
    assert LARGE.differences(tmp_path / "down") == []


def test_what_works_before_the_metadata_is_known_and_what_does_not(tmp_path: Path) -> None:
    with bt.Client(UNKNOWN, tmp_path, settings=LOCAL) as client:
        assert client.metainfo is None
        assert (client.infohash, client.name, client.state) == (UNKNOWN.infohash, "shown", "active")
        assert (client.size, client.piece_count, client.left, client.files) == (0, 0, 0, ())
        assert (client.complete, client.seed, client.status().metadata) == (False, False, False)
        assert client.basedir == str(tmp_path)
        assert client.piece_cache == {}
        assert "shown" in repr(client)
        client.add_trackers("http://127.0.0.1:1/announce")
        client.reannounce()
        client.download_limit = 5
        for verb in ("pause", "stop", "start", "start"):
            getattr(client, verb)()
        calls: Any = (client.hashcheck, lambda: client.move(tmp_path / "x"), lambda: client.set_priorities({0: 1}))
        for call in calls:
            with pytest.raises(bt.MetadataUnknown, match="that of 'shown' is not known yet"):
                call()
        for until in ("metadata", "checked", "complete"):
            with pytest.raises(bt.WaitTimeout, match="the metadata is missing: "):
                client.wait(until, timeout=0.01)
        with pytest.raises(bt.Stalled, match="the metadata is missing: "):
            client.wait(stall_timeout=0.01)
    assert client.metainfo is None
    assert client.piece_cache == {}


def test_an_event_and_a_wait_say_that_the_metadata_is_known(tmp_path: Path, seed: bt.Client) -> None:
    with bt.Client(link(seed), tmp_path / "down", settings=LOCAL) as client:
        status = client.wait("metadata", timeout=PATIENCE)
        assert status.metadata
        assert client.metainfo is not None
        client.metainfo.save(tmp_path / "saved.torrent")
        client.wait(timeout=PATIENCE)
    received = [event for event in client if isinstance(event, bt.events.MetadataReceived)]
    assert [(event.size, event.stored) for event in received] == [(client.metainfo.info_size, False)]
    saved = bt.Metainfo.load(tmp_path / "saved.torrent")
    assert saved.infohash == SMALL.infohash
    assert saved.magnet() == client.metainfo.magnet()


def test_a_session_takes_a_link_once(tmp_path: Path, seed: bt.Client) -> None:
    with bt.Session(LOCAL) as session:
        client = session.add(link(seed), tmp_path / "down")
        with pytest.raises(bt.StateError, match="already"):
            session.add(SMALL.metainfo(), tmp_path / "down")
        client.wait(timeout=PATIENCE)
        assert session.clients == (client,)


def test_the_link_or_the_program_selects_files(tmp_path: Path, seed: bt.Client) -> None:
    with bt.Client(link(seed, "so=1"), tmp_path / "one", settings=LOCAL) as client:
        client.wait(timeout=PATIENCE)
        assert [file.priority for file in client.files] == [0, 1, 0]
    with bt.Client(link(seed, "so=1"), tmp_path / "two", priorities=[2, 0], settings=LOCAL) as client:
        client.wait(timeout=PATIENCE)
        assert [file.priority for file in client.files] == [2, 0, 1]
    for wrong, kind in (([8], ValueError), (["x"], TypeError)):
        with pytest.raises(kind, match="file 0"):
            bt.Client(UNKNOWN, tmp_path, priorities=wrong)  # type: ignore[arg-type]


def test_files_are_chosen_when_they_are_known_and_before_any_is_made(tmp_path: Path, seed: bt.Client) -> None:
    with bt.Client(link(seed), tmp_path / "down", stop_at_metadata=True, settings=LOCAL) as client:
        client.wait("metadata", timeout=PATIENCE)
        client.set_priorities({0: 0, 2: 0})
        assert client.state == "stopped"
        assert not (tmp_path / "down" / "small").exists()
        client.start()
        client.wait(timeout=PATIENCE)
    assert [path.name for path in (tmp_path / "down" / "small").rglob("*") if path.is_file()] == ["b.bin"]


@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_a_restart_needs_no_peer(tmp_path: Path, where: str) -> None:
    resume: Any = True if where == "beside" else tmp_path / "resume"
    with seeder(tmp_path / "seed") as seed:
        magnet = link(seed)
        bt.download(magnet, tmp_path / "down", timeout=PATIENCE, resume=resume, settings=LOCAL)
    with bt.Client(magnet, tmp_path / "down", resume=resume, settings=LOCAL) as client:
        assert client.wait("seed", timeout=PATIENCE).downloaded == 0
        client.move(tmp_path / "moved")
    with bt.Client(magnet, tmp_path / "moved", resume=resume, settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
    assert [event.stored for event in client if isinstance(event, bt.events.MetadataReceived)] == [True]
    assert list((tmp_path / "down").rglob("*.info")) == [], "it moved with the files"


@pytest.mark.parametrize("where", ["beside", "elsewhere"])
def test_a_link_finds_the_metadata_of_a_folder_that_a_torrent_file_filled(tmp_path: Path, where: str) -> None:
    resume: Any = True if where == "beside" else tmp_path / "resume"
    with seeder(tmp_path / "seed") as seed:
        magnet = link(seed)
        torrent = SMALL.write_torrent(tmp_path)
        peers = [("127.0.0.1", seed.port)]
        bt.download(torrent, tmp_path / "down", timeout=PATIENCE, resume=resume, settings=LOCAL, peers=peers)
    with bt.Client(magnet, tmp_path / "down", resume=resume, settings=LOCAL) as client:
        assert client.wait("seed", timeout=PATIENCE).downloaded == 0
    assert [event.stored for event in client if isinstance(event, bt.events.MetadataReceived)] == [True]


def test_a_piece_cache_of_another_torrent_is_told_when_the_metadata_comes(tmp_path: Path, seed: bt.Client) -> None:
    cache = {"version": 0}
    with bt.Client(link(seed), tmp_path / "down", piece_cache=cache, settings=LOCAL) as client:
        with pytest.raises(bt.StateError, match="piece_cache"):
            client.wait("metadata", timeout=PATIENCE)
        with pytest.raises(bt.StateError, match="piece_cache"):
            client.start()
        assert client.state == "stopped"


def test_a_selection_of_no_file_ends_every_wait(tmp_path: Path, seed: bt.Client) -> None:
    with pytest.raises(bt.MetainfoError, match="so: selects no file that the torrent has: it has 3"):
        bt.download(link(seed, "so=7"), tmp_path / "down", timeout=PATIENCE, settings=LOCAL)
    assert not (tmp_path / "down" / "small").exists()


# -- the command line ----------------------------------------------------------------------------------------------


def test_the_link_of_a_torrent_is_printed(run: Run, tmp_path: Path) -> None:
    path = SMALL.write_torrent(tmp_path, ["http://t.example/announce"])
    ran = run("magnet", path, "--peer", "[::1]:7")
    assert ran.code == 0
    found = bt.Magnet.parse(ran.out)
    assert found == bt.Metainfo.load(path).magnet(peers=[("::1", 7)])
    again = run("magnet", ran.out.strip(), "--json").document
    assert (again["magnet"], again["infohash"]) == (str(found), SMALL.infohash.hex())


def test_the_link_of_a_private_torrent_has_a_warning(run: Run, tmp_path: Path) -> None:
    private = bt.create(SMALL.path(SMALL.write(tmp_path), ""), private=True)
    private.save(tmp_path / "private.torrent")
    ran = run("magnet", tmp_path / "private.torrent")
    assert (ran.code, ran.out.strip()) == (0, str(private.magnet()))
    assert "the torrent is private" in ran.err


def test_info_fetches_the_metadata_and_writes_nothing_else(run: Run, tmp_path: Path, seed: bt.Client) -> None:
    seed.piece_cache  # noqa: B018 - its resume data is stored
    before = sorted(tmp_path.rglob("*"))
    ran = run("info", link(seed), "--timeout", PATIENCE, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["infohash"] == SMALL.infohash.hex()
    assert "the metadata has come" in ran.err
    assert sorted(tmp_path.rglob("*")) == before
    path = tmp_path / "made.torrent"
    bare = f"magnet:?xt=urn:btih:{SMALL.infohash.hex()}"
    ran = run("info", bare, "--peer", f"127.0.0.1:{seed.port}", "--timeout", PATIENCE, "-o", path)
    assert ran.code == 0
    assert "small" in ran.out
    assert bt.Metainfo.load(path).infohash == SMALL.infohash
    ran = run("info", str(UNKNOWN), "--stall-timeout", "0.1")
    assert ran.code == 3
    assert "the metadata is missing: no peer is known" in ran.err


def test_download_check_seed_and_verify_take_a_link(run: Run, tmp_path: Path, seed: bt.Client) -> None:
    magnet, folder = link(seed), tmp_path / "down"
    ran = run("verify", magnet, "-d", tmp_path)
    assert ran.code == 5
    assert "its metadata is not stored in" in ran.err
    ran = run("download", magnet, "-d", folder, "--check", "--timeout", PATIENCE)
    assert ran.code == 0, ran.err
    assert SMALL.differences(folder) == []
    assert run("verify", magnet, "-d", folder).code == 0
    shutil.rmtree(folder / ".bittorrent_threads")
    ran = run("seed", magnet, "-d", folder, "--timeout", "0.2")
    assert ran.code == 3, ran.err
    assert "seeding small" in ran.err

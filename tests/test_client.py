"""The facade: verbs, properties, waiting, callbacks and events, over real sockets."""

from __future__ import annotations

import contextlib
import json
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.damage import mounted
from support.pairs import LOCAL, PATIENCE, SMALL, checks_held, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads import events
from bittorrent_threads.net import resolver
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

PIECES = SMALL.piece_count
FULL = b"\xff\xf8"
assert PIECES == 13


def test_download(tmp_path: Path) -> None:
    passed: List[int] = []
    with pair(tmp_path, on_hash_pass=passed.append) as (seed, down):
        status = down.wait(timeout=PATIENCE, stall_timeout=PATIENCE)
        assert status.complete
        assert status.seed
        assert status.left == 0
        assert down.bitfield == FULL
        assert down.wanted == FULL
        assert down.downloaded == SMALL.size
        assert seed.session.port == seed.port
        assert down.complete
        assert down.seed
        assert down.state == "active"
    assert sorted(passed) == list(range(PIECES))
    assert SMALL.differences(tmp_path / "down") == []


def test_what_a_client_is(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped") as client:
        assert client.infohash == SMALL.infohash
        assert client.name == "small"
        assert client.size == SMALL.size
        assert client.piece_length == 32 * KIB
        assert client.piece_count == PIECES
        assert client.peerid.startswith(b"-TH")
        assert len(client.peerid) == 20
        assert client.port == 0
        assert client.state == "stopped"
        assert client.uploaded == client.downloaded == 0
        assert client.left == SMALL.size
        assert client.bitfield == bytes(2)
        assert client.wanted == FULL
        assert not client.complete
        assert not client.seed
        assert client.peers == ()
        assert client.trackers == ()
        files = client.files
        assert [file.length for file in files] == [300_001, 120_000, 0]
        assert [Path(file.path) for file in files] == [tmp_path / "small" / p for p in ("a.bin", "sub/b.bin", "empty")]
        assert [file.progress for file in files] == [0.0, 0.0, 1.0]
        assert "stopped" in repr(client)
        assert "small" in repr(client)


@pytest.mark.parametrize("how", ["path", "str", "bytes", "metainfo"])
def test_sources(tmp_path: Path, how: str) -> None:
    path = SMALL.write_torrent(tmp_path)
    source: Any = {"path": path, "str": str(path), "bytes": SMALL.metainfo(), "metainfo": bt.Metainfo.load(path)}[how]
    with bt.Client(source, tmp_path, state="stopped") as client:
        assert client.infohash == SMALL.infohash


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/no/such/file.torrent", ["/no/such/file.torrent", "No such file"]),
        (b"not a torrent", ["byte 0"]),
        (b"de", ["info"]),
        ("magnet:?xt=urn:btih:" + "0" * 39, ["magnet", "xt"]),
        (" MAGNET:xt", ["magnet"]),
        (42, ["int"]),
    ],
)
def test_bad_sources_are_told_and_leave_nothing(source: Any, words: List[str]) -> None:
    with pytest.raises(bt.MetainfoError) as caught:
        bt.Client(source)
    for word in words:
        assert word in str(caught.value)


def test_bad_arguments_are_told(tmp_path: Path) -> None:
    with pytest.raises(bt.StateError, match="sleeping"):
        bt.Client(SMALL.metainfo(), tmp_path, state="sleeping")
    for port in (-1, 70000):
        with pytest.raises(bt.SettingsError, match=f"port: must be 0 to 65535, not {port}"):
            bt.Client(SMALL.metainfo(), tmp_path, port=port)
    with pytest.raises(TypeError, match="on_hash_pass"):
        bt.Client(SMALL.metainfo(), tmp_path, on_hash_pass=3)  # type: ignore[arg-type]
    with pytest.raises(bt.StateError, match="piece_cache"):
        bt.Client(SMALL.metainfo(), tmp_path, piece_cache={"version": 0})
    with bt.Session() as session, pytest.raises(bt.StateError, match="session"):
        bt.Client(SMALL.metainfo(), tmp_path, session=session, port=1)


def test_every_verb_in_every_state_any_number_of_times(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL) as client:
        for verb in ("start", "start", "pause", "pause", "stop", "stop", "pause", "start", "stop", "start"):
            getattr(client, verb)()
            assert client.state == {"start": "active", "pause": "paused", "stop": "stopped"}[verb]
            assert client.hashcheck(0).failed == (0,)


def test_started_is_active(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, state="started", settings=LOCAL) as client:
        assert client.state == "active"


def test_stop_and_start_again(tmp_path: Path) -> None:
    with pair(tmp_path) as (seed, down):
        down.stop()
        assert down.state == "stopped"
        assert not down.peers
        down.start()
        down.wait(timeout=PATIENCE)
        seed.stop()
        down.wait(lambda status: not status.connected, timeout=PATIENCE)
    assert SMALL.differences(tmp_path / "down") == []


def test_paused_clients_connect_and_ask_for_nothing(tmp_path: Path) -> None:
    with pair(tmp_path, state="paused") as (_, down):
        down.wait(lambda status: status.connected == 1, timeout=PATIENCE)
        with pytest.raises(bt.Stalled) as stalled:
            down.wait(stall_timeout=0.6)
        assert "paused" in stalled.value.reason
        assert stalled.value.figures["downloaded"] == 0
        down.start()
        down.wait(timeout=PATIENCE)


def test_a_paused_seeder_fills_nothing(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        seed.pause()
        with bt.Client(SMALL.metainfo(), tmp_path / "down", peers=[("127.0.0.1", seed.port)], settings=LOCAL) as down:
            down.wait(lambda status: "chokes us" in status.stall, timeout=PATIENCE)
            with pytest.raises(bt.Stalled, match="chokes us"):
                down.wait(stall_timeout=0.6)
            seed.start()
            down.wait(timeout=PATIENCE)


def test_hashcheck(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    path = tmp_path / "small" / "a.bin"
    data = bytearray(path.read_bytes())
    data[3 * 32 * KIB + 5] ^= 1
    path.write_bytes(data)
    results = []
    with bt.Client(
        SMALL.metainfo(),
        tmp_path,
        state="stopped",
        on_hash_pass=lambda index: results.append((index, True)),
        on_hash_fail=lambda index: results.append((index, False)),
    ) as client:
        assert client.hashcheck(2) == ((2,), (), False, None)
        assert client.bitfield == b"\x20\x00"
        assert client.hashcheck([1, 3], range(4, 6)).failed == (3,)
        result = client.hashcheck()
        assert result.failed == (3,)
        assert len(result.passed) == PIECES - 1
        assert client.left == 32 * KIB
        assert client.port == 0
        for bad in (PIECES, -1):
            with pytest.raises(IndexError, match=str(bad)):
                client.hashcheck(bad)
        with pytest.raises(TypeError):
            client.hashcheck("1")  # type: ignore[arg-type]
    assert results[:5] == [(2, True), (1, True), (4, True), (5, True), (3, False)]
    assert results.count((3, False)) == 2


def test_a_failing_hashcheck_takes_the_bit_away(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped") as client:
        client.hashcheck()
        assert client.seed
        (tmp_path / "small" / "sub" / "b.bin").write_bytes(b"")
        assert client.hashcheck(12).failed == (12,)
        assert not client.seed
        assert client.bitfield == b"\xff\xf0"


def test_hashcheck_without_waiting_and_cancelling(tmp_path: Path) -> None:
    content = SampleTorrent(32 * 1024 * KIB, piece_length=16 * KIB, name="many")
    content.write(tmp_path)
    with bt.Client(content.metainfo(), tmp_path, state="stopped") as client:
        with checks_held(client.session):
            check = client.hashcheck(wait=False)
            assert client.status().checking == content.piece_count, "so that no caller waits for its end in vain"
            check.cancel()
        result = check.wait(PATIENCE)
        assert result.cancelled
        assert check.done
        assert len(result.passed) < content.piece_count
        assert len(client.hashcheck(wait=False).wait(PATIENCE).passed) == content.piece_count


def test_data_that_is_there_is_hashed_before_it_is_used(tmp_path: Path) -> None:
    SMALL.write(tmp_path)
    (tmp_path / "small" / "sub" / "b.bin").unlink()
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        assert client.status().pieces_have == 9
        assert not client.complete


def test_the_piece_cache_of_a_client_that_never_looked_can_be_given_back(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped") as client:
        cache = client.piece_cache
    assert cache == {}
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", piece_cache=cache) as client:
        assert client.left == SMALL.size


def test_piece_cache_resumes_without_hashing(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        down.wait(timeout=PATIENCE)
        cache = down.piece_cache
    assert json.loads(json.dumps(cache)) == cache
    assert pickle.loads(pickle.dumps(cache)) == cache
    with bt.Client(SMALL.metainfo(), tmp_path / "down", piece_cache=cache, settings=LOCAL) as client:
        client.wait(timeout=PATIENCE)
        kinds = {type(event) for event in drained(client)}
    assert events.HashcheckFinished not in kinds
    assert events.Completed in kinds


def drained(client: bt.Client) -> List[events.Event]:
    client.close()
    return list(client)


def test_wait_says_why_nothing_happens(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        with pytest.raises(bt.WaitTimeout, match="no peer is known, and the torrent names no tracker") as caught:
            client.wait(timeout=0.3)
        assert isinstance(caught.value, TimeoutError)
        assert not isinstance(caught.value, bt.Stalled)
        with pytest.raises(bt.Stalled, match="no progress for 0.3 s") as caught:
            client.wait(stall_timeout=0.3)
        assert caught.value.figures["piece_count"] == PIECES
        with pytest.raises(bt.WaitTimeout, match="'small' was not what was waited for after 0.1 s"):
            client.wait(lambda status: False, timeout=0.1)


def test_a_wait_is_cancelled_by_another_thread(tmp_path: Path) -> None:
    cancel = threading.Event()
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE, cancel=cancel)
        setting = threading.Timer(0.1, cancel.set)
        setting.start()
        with pytest.raises(bt.Cancelled):
            client.wait(timeout=PATIENCE, cancel=cancel)
        setting.join()
        assert client.wait("checked", cancel=cancel).state == "active", "what is there is not waited for"


def test_a_cancelled_hashcheck_goes_on_no_more(tmp_path: Path) -> None:
    cancel = threading.Event()
    content = SampleTorrent(32 * 1024 * KIB, piece_length=16 * KIB, name="many")
    content.write(tmp_path)
    with bt.Client(content.metainfo(), tmp_path, state="stopped") as client:
        with checks_held(client.session):
            cancel.set()
            with pytest.raises(bt.Cancelled):
                client.hashcheck(cancel=cancel)
            with pytest.raises(bt.Cancelled):
                client.hashcheck(0, wait=False).wait(cancel=cancel)
        client.wait("checked", timeout=PATIENCE)
        assert client.status().pieces_have < content.piece_count
        assert len(client.hashcheck(cancel=threading.Event()).passed) == content.piece_count


def test_wait_names_the_peer_that_cannot_be_reached(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, peers=[("127.0.0.1", 1)]) as client:
        client.wait(lambda status: "refused" in status.stall, timeout=PATIENCE)


def test_wait_ends_with_the_client(tmp_path: Path) -> None:
    client = bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL)
    closing = threading.Timer(0.2, client.close)
    closing.start()
    with pytest.raises(bt.SessionClosed):
        client.wait(timeout=PATIENCE)
    closing.join()


def test_after_close_verbs_raise_and_properties_stay(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        down.wait(timeout=PATIENCE)
    for verb in (down.start, down.pause, down.stop, down.hashcheck, lambda: down.add_peer("127.0.0.1", 1)):
        with pytest.raises(bt.SessionClosed):
            verb()
    assert down.complete
    assert down.downloaded == SMALL.size
    assert down.status().closed
    down.close()


def test_events_end_with_closed(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        down.wait(timeout=PATIENCE)
    got = list(down)
    kinds = [type(event) for event in got]
    assert kinds[-1] is events.Closed
    assert kinds.count(events.Closed) == 1
    for kind in (events.Listening, events.StateChanged, events.PeerConnected, events.PiecePassed, events.Completed):
        assert kind in kinds
    files = {Path(event.path).name for event in got if isinstance(event, events.FileCompleted)}
    assert files == {"a.bin", "b.bin"}
    assert all(event.infohash == SMALL.infohash and event.time > 1e9 for event in got)


def test_iterating_takes_events_as_they_come(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        for event in down:
            if isinstance(event, events.Completed):
                break
        assert down.complete


def test_a_raising_callback_is_published_and_harmless(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(index: int) -> None:
        raise RuntimeError(f"not piece {index}")

    with pair(tmp_path, on_hash_pass=refuse) as (_, down):
        down.wait(timeout=PATIENCE)
    failures = [event for event in down if isinstance(event, events.CallbackFailed)]
    assert len(failures) == PIECES
    assert failures[0].callback == "on_hash_pass"
    assert "RuntimeError: not piece" in failures[0].error
    assert "on_hash_pass raised" in caplog.text


def test_the_bit_is_set_when_the_callback_runs(tmp_path: Path) -> None:
    seen = []
    with seeder(tmp_path / "seed") as seed:
        down = bt.Client(SMALL.metainfo(), tmp_path / "down", state="stopped", settings=LOCAL)
        with down:
            down.on_hash_pass = lambda i: seen.append(bool(down.bitfield[i >> 3] & (0x80 >> (i & 7))))
            down.add_peer("localhost", seed.port)
            down.start()
            down.wait(timeout=PATIENCE)
    assert seen == [True] * PIECES


def test_file_priorities(tmp_path: Path) -> None:
    with pair(tmp_path, priorities=[0, 1, 1]) as (_, down):
        assert down.wanted == b"\x00\x78"
        down.wait(timeout=PATIENCE)
        assert down.complete
        assert not down.seed
        a, b, _ = down.files
        assert b.complete
        assert not a.complete
        assert a.priority == 0
        down.pause()
        a.priority = 3
        assert not down.complete
        down.start()
        down.wait(timeout=PATIENCE)
        assert down.seed
        with pytest.raises(ValueError, match="8"):
            b.priority = 8
    assert SMALL.differences(tmp_path / "down") == []


def test_full_allocation(tmp_path: Path) -> None:
    with pair(tmp_path, allocate="full", state="paused") as (_, down):
        down.wait(lambda status: status.connected == 1, timeout=PATIENCE)
        path = tmp_path / "down" / "small" / "a.bin"
        down.wait(lambda status: path.exists() and path.stat().st_size == 300_001, timeout=PATIENCE)
        down.start()
        down.wait(timeout=PATIENCE)
    assert SMALL.differences(tmp_path / "down") == []
    with pytest.raises(bt.StateError, match="some"):
        bt.Client(SMALL.metainfo(), tmp_path, allocate="some")


def test_the_zeros_of_full_allocation_are_not_hashed_by_a_later_client(tmp_path: Path) -> None:
    path = tmp_path / "small" / "a.bin"
    for _ in range(2):
        with bt.Client(SMALL.metainfo(), tmp_path, allocate="full", settings=LOCAL) as client:
            client.wait(lambda status: path.exists() and path.stat().st_size == 300_001, timeout=PATIENCE)
            client.wait("checked", timeout=PATIENCE)
        assert events.HashcheckFinished not in {type(event) for event in drained(client)}


MOVED = SampleTorrent(
    {"a": 3_000_001, "b": 2_000_000, "empty": 0, "sub/c": 3_000_000}, piece_length=64 * KIB, name="moved"
)


@pytest.mark.parametrize("mount", [False, True])
def test_moving_both_ends_of_a_transfer(tmp_path: Path, mount: bool) -> None:
    with contextlib.ExitStack() as stack:
        new = stack.enter_context(mounted(tmp_path / "new")) if mount else tmp_path / "new"
        seed, down = stack.enter_context(pair(tmp_path, MOVED, download_limit=700_000))
        down.wait(lambda status: status.pieces_have > 4, timeout=PATIENCE)
        down.move(new / "down", timeout=PATIENCE)
        seed.move(new / "seed", timeout=PATIENCE)
        assert 0 < down.status().pieces_have < MOVED.piece_count
        assert down.status().connected == 1
        assert down.basedir == str(new / "down")
        assert down.files[0].path == str(new / "down" / "moved" / "a")
        assert [path for path in (tmp_path / "down").rglob("*") if path.is_file()] == []
        down.download_limit = 0
        down.wait(timeout=PATIENCE)
        down.stop()
        down.move(tmp_path / "back")
        cache = down.piece_cache
        for options in ({"resume": True}, {"resume": False, "piece_cache": cache}):
            with bt.Client(MOVED.metainfo(), tmp_path / "back", settings=LOCAL, **options) as again:
                again.wait("seed", timeout=PATIENCE)
                assert events.HashcheckFinished not in {type(event) for event in drained(again)}
        assert MOVED.differences(new / "seed") == MOVED.differences(tmp_path / "back") == []
        assert down.status().wasted == 0
        assert not down.status().error


def test_a_move_that_cannot_be_is_told_and_undone(tmp_path: Path) -> None:
    with pair(tmp_path) as (_, down):
        down.wait(timeout=PATIENCE)
        other = tmp_path / "new" / "small" / "sub" / "b.bin"
        other.parent.mkdir(parents=True)
        other.write_bytes(b"precious")
        with pytest.raises(bt.StorageError, match="another file is there") as caught:
            down.move(tmp_path / "new")
        assert caught.value.path == str(other)
        assert other.read_bytes() == b"precious"
        assert down.basedir == str(tmp_path / "down")
        assert down.hashcheck().failed == ()
    with pytest.raises(bt.SessionClosed):
        down.move(tmp_path / "new")


def test_a_renamed_file(tmp_path: Path) -> None:
    with pair(tmp_path) as (seed, down):
        seed.files[0].rename("films/a.bin")
        down.files[1].rename("b")
        down.wait(timeout=PATIENCE)
        a, b, _ = down.files
        assert b.path == str(tmp_path / "down" / "b")
        assert Path(b.path).stat().st_size == 120_000
        a.rename("small/c.bin")
        for bad in ("../x", "b", "small/empty", "/x"):
            with pytest.raises(ValueError, match="x|b|empty"):
                a.rename(bad)
        (tmp_path / "down" / "taken").write_bytes(b"precious")
        with pytest.raises(bt.StorageError, match="another file is there"):
            a.rename("taken")
        cache = down.piece_cache
        assert down.hashcheck().failed == seed.hashcheck().failed == ()
    for options in ({"resume": True}, {"resume": False, "piece_cache": cache}):
        with bt.Client(SMALL.metainfo(), tmp_path / "down", settings=LOCAL, **options) as again:
            again.wait("seed", timeout=PATIENCE)
            assert again.files[1].path == str(tmp_path / "down" / "b")
            assert events.HashcheckFinished not in {type(event) for event in drained(again)}
    with bt.Client(SMALL.metainfo(), tmp_path / "down", state="stopped") as again:
        assert again.hashcheck().failed == (), "a check alone finds it too"
    assert (tmp_path / "seed" / "films" / "a.bin").read_bytes() == SMALL.data("a.bin")
    assert not (tmp_path / "seed" / "small" / "a.bin").exists()


def test_unfinished_pieces_survive_a_move(tmp_path: Path) -> None:
    content = SampleTorrent(600_000, piece_length=512 * KIB, name="halves")
    with pair(tmp_path, content, download_limit=200_000, allocate="full") as (seed, down):
        down.wait(lambda status: status.downloaded > 150_000, timeout=PATIENCE)
        down.stop()
        down.move(tmp_path / "new")
        before = down.downloaded
        down.close()
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(content.metainfo(), tmp_path / "new", peers=peers, settings=LOCAL) as again:
            again.wait(timeout=PATIENCE)
            assert again.downloaded <= 600_000 - before + 32 * KIB


def test_limits_change_while_running(tmp_path: Path) -> None:
    content = SampleTorrent(4_000_000, piece_length=32 * KIB, name="limited")
    with pair(tmp_path, content, download_limit=20_000) as (seed, down):
        assert (down.download_limit, down.upload_limit, seed.download_limit) == (20_000, 0, 0)
        for change in ({"download_limit": -1}, {"upload_limit": 1.5}, {"download_limit": "fast"}):
            for limited in (down, down.session):
                ((name, rate),) = change.items()
                with pytest.raises(bt.SettingsError, match=f"{name}: must be bytes a second"):
                    setattr(limited, name, rate)
        assert down.session.download_limit == 0
        # At the rate of before, or at that of the session, this would take more than three minutes.
        down.session.download_limit = 20_000
        down.download_limit = 0
        assert down.session.download_limit == 20_000
        down.session.download_limit = 0
        down.wait(timeout=PATIENCE)


def test_super_seeding_is_asked_for_and_given_up_at_any_time(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        seed.wait("seed", timeout=PATIENCE)
        assert (seed.super_seeding, seed.status().super_seeding) == (False, False)
        seed.super_seeding = True
        assert (seed.super_seeding, seed.status().super_seeding) == (True, True)
        peers = [("127.0.0.1", seed.port)]
        bt.download(SMALL.metainfo(), tmp_path / "down", peers=peers, settings=LOCAL, timeout=PATIENCE)
        seed.super_seeding = False
        assert (seed.super_seeding, seed.status().super_seeding) == (False, False)
        bt.download(SMALL.metainfo(), tmp_path / "again", peers=peers, settings=LOCAL, timeout=PATIENCE)
    with pytest.raises(bt.SessionClosed):
        seed.super_seeding = True
    magnet = f"magnet:?xt=urn:btih:{SMALL.infohash.hex()}"
    with bt.Client(magnet, tmp_path / "magnet", state="stopped", settings=LOCAL, super_seeding=True) as client:
        assert client.super_seeding
        with pytest.raises(bt.MetadataUnknown):
            client.super_seeding = False


@pytest.mark.parametrize("name", ["download_limit", "upload_limit"])
def test_a_wrong_limit_is_named(tmp_path: Path, name: str) -> None:
    limit: Dict[str, Any] = {name: -1}
    with pytest.raises(bt.SettingsError, match=f"^{name}: "):
        bt.Client(SampleTorrent(1, piece_length=32 * KIB, name="x").metainfo(), tmp_path, settings=LOCAL, **limit)


def test_a_raised_limit_counts(tmp_path: Path) -> None:
    content = SampleTorrent(600_000, piece_length=32 * KIB, name="limited")
    began = time.monotonic()
    with pair(tmp_path, content, download_limit=400_000) as (_, down):
        down.wait(timeout=PATIENCE)
        assert time.monotonic() - began > 0.9


def test_ctrl_c_in_wait_leaves_the_client_usable(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import _thread, sys, threading, time
        import bittorrent_threads as bt
        client = bt.Client(sys.argv[1], sys.argv[2], settings=bt.Settings(host="127.0.0.1"))
        try:
            print("waiting", flush=True)
            client.wait()
        except KeyboardInterrupt:
            began = time.monotonic()
            assert client.state == "active"
            client.stop()
            client.close(timeout=60)
            print("closed", time.monotonic() - began < 20, [t.name for t in threading.enumerate()])
        """
    )
    arguments = [sys.executable, "-c", script, str(SMALL.write_torrent(tmp_path)), str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waiting\n"
        child.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert child.stdout.readline() == "closed True ['MainThread']\n"
        assert time.monotonic() - began < 25
    assert child.returncode == 0


def test_a_process_that_forgets_to_close_exits_promptly(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, bittorrent_threads as bt
        client = bt.Client(sys.argv[1], sys.argv[2], settings=bt.Settings(host="127.0.0.1"))
        print(client.state)
        """
    )
    arguments = [sys.executable, "-c", script, str(SMALL.write_torrent(tmp_path)), str(tmp_path)]
    began = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "active\n", "")
    assert time.monotonic() - began < 20


# -- trackers ----------------------------------------------------------------------------------------------------------


def events_of(tracker: bt.Tracker) -> list[str]:
    return [announced.event for announced in tracker.announces]


def test_trackers_that_are_given_and_added_are_announced_to(tmp_path: Path) -> None:
    with bt.Tracker() as first, bt.Tracker() as second, bt.Tracker() as third:
        with bt.Client(SMALL.metainfo([first.url]), tmp_path, settings=LOCAL, trackers=second.url) as client:
            client.add_trackers([[third.url], [first.url]])
            assert [row.tier for row in client.trackers] == [0, 1, 2]
            client.wait(lambda status: all(row.working for row in status.trackers), timeout=PATIENCE)
            assert [row.url for row in client.trackers] == [first.url, second.url, third.url]
            assert [row.state for row in client.trackers] == ["working"] * 3
            with pytest.raises(bt.SettingsError, match="trackers"):
                client.add_trackers("ftp://example.com/announce")
        for tracker in (first, second, third):
            assert events_of(tracker) == ["started", "stopped"]
        with pytest.raises(bt.SessionClosed):
            client.add_trackers(first.url)
        with pytest.raises(bt.SessionClosed):
            client.reannounce()


def test_reannounce(tmp_path: Path) -> None:
    settings = LOCAL.replace(announce_min_interval=0.2)
    with (
        bt.Tracker(min_interval=0) as tracker,
        seeder(tmp_path, settings=settings, trackers=tracker.url) as client,
    ):
        client.wait(lambda status: status.trackers[0].working, timeout=PATIENCE)
        client.reannounce()
        client.wait(lambda status: len(tracker.announces) == 2, timeout=PATIENCE)
        assert events_of(tracker) == ["started", ""]
        client.stop()
        client.reannounce()
        assert events_of(tracker) == ["started", "", "stopped"]


@pytest.mark.parametrize(
    ("host", "listed"), [("", {"127.0.0.1", "::1"}), ("127.0.0.1", {"127.0.0.1"}), ("::1", {"::1"})]
)
def test_a_tracker_of_two_families_lists_us_where_we_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, listed: set[str]
) -> None:
    with bt.Tracker("::") as tracker:
        addresses = (("::1", tracker.port), ("127.0.0.1", tracker.port))
        monkeypatch.setattr(resolver, "resolve", lambda *_, **__: addresses)
        url = f"http://tracker.test:{tracker.port}/announce"
        with bt.Client(SMALL.metainfo([url]), tmp_path, settings=bt.Settings(host=host)) as client:
            client.wait(lambda status: len(tracker.announces) >= len(listed), timeout=PATIENCE)
            client.wait(lambda status: status.trackers[0].working, timeout=PATIENCE)
            assert {address for address, _ in tracker.swarm(client.infohash)} == listed
        assert tracker.swarm(client.infohash) == ()
        assert sorted(events_of(tracker)) == ["started"] * len(listed) + ["stopped"] * len(listed)


@pytest.mark.parametrize(
    ("name", "value"), [("port", 65536), ("port", -1), ("ip", "example.com"), ("ip", "1.2.3"), ("ip", "::1%lo")]
)
def test_what_cannot_be_announced(name: str, value: object) -> None:
    settings: Dict[str, Any] = {f"announce_{name}": value}
    with pytest.raises(bt.SettingsError, match=f"^announce_{name}: must be"):
        bt.Settings(**settings)
    assert bt.Settings(announce_port=65535, announce_ip="2001:db8::1").announce_port == 65535


@pytest.mark.parametrize(
    "routers", [[("a", 1)], (("a",),), (("", 1),), (("a", 0),), (("a", 65536),), ("a:1",), ((1, 1),)]
)
def test_what_is_no_router_of_the_dht(routers: Any) -> None:
    with pytest.raises(bt.SettingsError, match="^dht_routers: must be"):
        bt.Settings(dht_routers=routers)
    assert bt.Settings(dht_routers=(("a", 1),)).replace(dht=False).dht_routers == (("a", 1),)

"""The command line from outside: exit codes, one clear line for each failure, JSON, signals; never a traceback."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Iterator, List

import pytest
from support.command import CONTENT, Run, finish, start
from support.loopback import Plain, free_port

import bittorrent_threads as bt
from bittorrent_threads.command_line import data_check, option_groups
from bittorrent_threads.events import PeerUnknown
from bittorrent_threads.progress import event_text
from bittorrent_threads.testing.peer_messages import handshake
from bittorrent_threads.testing.sample_torrent import SampleTorrent
from bittorrent_threads.version import __version__

TIMEOUT = 60
MOMENTS = ("0.5", "5", "30")
"""Seconds in which a program gets to the point, on an idle machine and on busier ones."""

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def torrent(tmp_path: Path) -> Path:
    return CONTENT.write_torrent(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return CONTENT.write(tmp_path / "data")


@pytest.fixture
def seeder(torrent: Path, data: Path) -> Iterator[bt.Client]:
    with bt.Client(torrent, data) as client:
        client.wait("seed", timeout=TIMEOUT)
        yield client


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(data_check, "LOOK_INTERVAL", 60.0)  # a check on a busy machine would show its progress
    return Run(capsys)


def local(client: bt.Client) -> str:
    return f"127.0.0.1:{client.port}"


# -- usage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fetch"],
        ["download"],
        ["download", "x.torrent", "--port", "65536"],
        ["download", "x.torrent", "--port", "http"],
        ["download", "x.torrent", "--peer", "nowhere"],
        ["download", "x.torrent", "--peer", "::1:6881"],
        ["download", "x.torrent", "--peer", "host:0"],
        ["download", "x.torrent", "--timeout", "0"],
        ["download", "x.torrent", "--timeout", "nan"],
        ["download", "x.torrent", "--dht-node", "host"],
        ["download", "x.torrent", "--upload-limit", "fast"],
        ["download", "x.torrent", "--upload-limit", "-5K"],
        ["download", "x.torrent", "--upload-limit", "0.5"],
        ["demo", "--size", "0.5"],
        ["demo", "--size", "0"],
        ["create", "folder"],
    ],
)
def test_wrong_usage_is_explained(run: Run, arguments: List[str]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert ran.err.startswith("usage: bittorrent-threads")
    assert "error: " in ran.err


def test_help_and_version(run: Run) -> None:
    assert run("--version").out.strip() == f"bittorrent-threads {__version__}"
    ran = run("--help")
    assert ran.code == 0
    for verb in ("download", "seed", "create", "info", "verify", "tracker", "demo", "exit codes"):
        assert verb in ran.out


# -- torrents that cannot be used ----------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["download", "seed", "info", "verify"])
def test_no_such_file(run: Run, tmp_path: Path, verb: str) -> None:
    path = tmp_path / "missing.torrent"
    ran = run(verb, path)
    assert ran.code == 5
    assert ran.err == f"bittorrent-threads: {path}: No such file or directory\n"
    assert ran.out == ""


@pytest.mark.parametrize("verb", ["download", "seed", "info", "verify", "magnet"])
def test_a_bad_magnet_link_is_one_line_that_names_the_part(run: Run, verb: str) -> None:
    ran = run(verb, f"magnet:?xt=urn:btih:{'a' * 40}&so=x")
    assert ran.code == 5
    assert (
        ran.err == "bittorrent-threads: magnet link: so: 'x' is no index of a file, or range of indexes such as '2-5'\n"
    )
    assert ran.out == ""


@pytest.mark.parametrize("verb", ["download", "seed", "info", "verify"])
def test_not_a_torrent(run: Run, tmp_path: Path, verb: str) -> None:
    path = tmp_path / "page.torrent"
    path.write_text("<html>")
    ran = run(verb, path, "--json")
    assert ran.code == ran.document["exit_code"] == 5
    assert ran.err.startswith(f"bittorrent-threads: {path}: ")
    assert ran.err.count("\n") == 1
    assert ran.document["error"] in ran.err
    assert ran.document["command"] == verb


def test_a_broken_torrent_names_the_key(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.torrent"
    path.write_bytes(CONTENT.metainfo().replace(b"12:piece lengthi16384e", b"12:piece lengthi-1e"))
    ran = run("info", path)
    assert ran.code == 5
    assert "info.piece length" in ran.err


def test_hostile_names_stay_below_the_folder(run: Run, tmp_path: Path) -> None:
    hostile = SampleTorrent({"../../etc/passwd": 10, "\x1b[2J/b": 5}, piece_length=16384, name="..")
    path = tmp_path / "hostile.torrent"
    path.write_bytes(hostile.metainfo())
    ran = run("info", path, "--json")
    assert ran.code == 0
    for file in ran.document["files"]:
        assert not {"..", "", "."} & set(file["path"].split("/"))
        assert "\x1b" not in file["path"]
    assert "\x1b" not in run("info", path).out


# -- info, create, verify ------------------------------------------------------------------------------------------


def test_info_tells_what_a_torrent_holds(run: Run, tmp_path: Path) -> None:
    path = CONTENT.write_torrent(tmp_path, ["http://one.example/announce"], ["http://two.example/announce"])
    document = run("info", path, "--json").document
    assert document["infohash"] == CONTENT.infohash.hex()
    assert document["total_size"] == CONTENT.size
    assert document["trackers"] == [["http://one.example/announce"], ["http://two.example/announce"]]
    assert [(file["path"], file["length"]) for file in document["files"]] == [
        (f"some/{name}", length) for name, length in CONTENT.files
    ]
    text = run("info", path).out
    for part in (CONTENT.infohash.hex(), "http://two.example/announce", "70000  some/a.bin"):
        assert part in text


def test_files_that_are_gone_are_accepted_after_a_check(
    run: Run, seeder: bt.Client, torrent: Path, tmp_path: Path
) -> None:
    command = ["download", torrent, "-d", tmp_path / "copy", "--peer", local(seeder), "--timeout", TIMEOUT]
    assert run(*command).code == 0
    (tmp_path / "copy" / "some" / "a.bin").unlink()
    assert run("verify", torrent, "-d", tmp_path / "copy").code == 1
    ran = run(*command)
    assert ran.code == 4
    assert "--check" in ran.err, "verify accepts nothing"
    assert run(*command, "--check").code == 0
    assert CONTENT.differences(tmp_path / "copy") == []


def test_create_leaves_out_what_it_is_told_to_and_its_own_output(run: Run, data: Path) -> None:
    root = data / "some"
    (root / ".DS_Store").write_bytes(b"x")
    (root / "broken").symlink_to("nowhere")
    target = root / "some.torrent"
    for _ in range(2):
        exclude = ["--exclude", ".DS_Store", "--exclude", "sub/*"]
        ran = run("create", root, "-o", target, *exclude, "--source", "T", "--json")
        assert (ran.code, ran.document["source"]) == (0, "T")
        assert [file["path"] for file in ran.document["files"]] == ["some/a.bin", "some/empty"]
        (warning,) = ran.document["warnings"]
        assert f"bittorrent-threads: warning: {warning}\n" in ran.err
        assert "broken" in warning
    assert run("verify", target, "-d", data).code == 0
    assert "source:     T" in run("info", target).out


def test_create_warns_of_names_that_other_systems_change(run: Run, tmp_path: Path) -> None:
    album = SampleTorrent({"What now?.mp3": 20_000}, piece_length=16384, name="Album: best of")
    album.write(tmp_path)
    ran = run("create", tmp_path / album.name, "-o", tmp_path / "x.torrent")
    assert ran.code == 0
    assert "warning: names that are not valid on every system" in ran.err
    for names in ("portable", "native"):
        ran = run("verify", tmp_path / "x.torrent", "-d", tmp_path, "--names", names, "--json")
        assert (ran.code, ran.document["files"][0]["path"]) == (0, str(tmp_path / "Album: best of" / "What now?.mp3"))


def test_names_of_a_download(run: Run, tmp_path: Path) -> None:
    album = SampleTorrent({"What now?.mp3": 20_000}, piece_length=16384, name="Album: best of")
    torrent = album.write_torrent(tmp_path)
    with bt.Client(torrent, album.write(tmp_path / "data")) as client:
        client.wait("seed", timeout=TIMEOUT)
        command = ["download", torrent, "-d", tmp_path / "copy", "--peer", local(client), "--timeout", TIMEOUT]
        assert run(*command, "--names", "native").code == 0
    assert album.differences(tmp_path / "copy") == []


def test_a_tracker_that_is_given(run: Run, seeder: bt.Client, torrent: Path, tmp_path: Path) -> None:
    with bt.Tracker() as tracker:
        seeder.add_trackers(tracker.url)
        seeder.wait(lambda status: status.trackers[0].working, timeout=TIMEOUT)
        folder = tmp_path / "copy"
        ran = run("download", torrent, "-d", folder, "--tracker", tracker.url, "--timeout", TIMEOUT, "--json")
        assert ran.code == 0
        assert ran.document["trackers"][0]["url"] == tracker.url
    assert CONTENT.differences(tmp_path / "copy") == []
    assert run("download", torrent, "--tracker", "ftp://example.com/").code == 2


@pytest.mark.parametrize("verb", ["download", "seed", "info", "verify", "create"])
def test_one_limit_for_the_torrents_that_are_made_and_read(run: Run, torrent: Path, data: Path, verb: str) -> None:
    arguments = [data / "some", "-o", data / "x.torrent"] if verb == "create" else [torrent]
    ran = run(verb, *arguments, "--max-metainfo-size", "100")
    assert ran.code == (2 if verb == "create" else 5)
    assert "100" in ran.err
    assert ".torrent" in ran.err


def test_create_of_nothing(run: Run, tmp_path: Path) -> None:
    ran = run("create", tmp_path / "missing", "-o", tmp_path / "x.torrent")
    assert ran.code == 4
    assert str(tmp_path / "missing") in ran.err
    assert ran.err.count("\n") == 1


def test_create_where_nothing_can_be_written(run: Run, data: Path, tmp_path: Path) -> None:
    target = tmp_path / "no such folder" / "x.torrent"
    ran = run("create", data / "some", "-o", target)
    assert ran.code == 4
    assert str(target) in ran.err


# -- download and seed ---------------------------------------------------------------------------------------------


def test_download_from_a_peer(run: Run, torrent: Path, seeder: bt.Client, tmp_path: Path) -> None:
    ran = run("download", torrent, "-d", tmp_path / "copy", "--peer", local(seeder), "--timeout", TIMEOUT, "--json")
    assert ran.code == 0, ran.err
    assert CONTENT.differences(tmp_path / "copy") == []
    assert (ran.document["complete"], ran.document["left"], ran.document["error"]) == (True, 0, None)
    assert ran.document["downloaded"] >= CONTENT.size
    assert ran.document["infohash"] == CONTENT.infohash.hex()


def test_a_blocklist_keeps_a_peer_away(run: Run, torrent: Path, seeder: bt.Client, tmp_path: Path) -> None:
    blocklist = tmp_path / "ipfilter.dat"
    blocklist.write_text("127.0.0.0 - 127.255.255.255 , 000 , this machine\nnonsense\n")
    arguments = ("-d", tmp_path / "copy", "--peer", local(seeder), "--stall-timeout", "0.5", "--json")
    ran = run("download", torrent, *arguments, "--ip-filter", blocklist)
    assert ran.code == 3
    assert (ran.document["downloaded"], ran.document["refused"]) == (0, 1)
    assert "the IP filter refused addresses or connections 1 time" in ran.document["error"]
    assert f"warning: skipped 1 line of {blocklist}, the first is line 2: 'nonsense'" in ran.err


@pytest.mark.parametrize("verb", ["download", "seed"])
def test_a_blocklist_that_cannot_be_used_is_named(run: Run, torrent: Path, data: Path, verb: str) -> None:
    ran = run(verb, torrent, "-d", data, "--ip-filter", data / "some" / "b.bin")
    assert ran.code == 4
    assert f"{data / 'some' / 'b.bin'}: No such file or directory" in ran.err
    ran = run(verb, torrent, "-d", data, "--ip-filter", torrent)
    assert ran.code == 2
    assert f"bittorrent-threads: --ip-filter: {torrent} has no range of addresses" in ran.err


def test_a_tracker_that_cannot_be_reached_is_told_and_no_end(run: Run, seeder: bt.Client, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/announce"
    (tmp_path / "t").mkdir()
    torrent = CONTENT.write_torrent(tmp_path / "t", [url])
    for timeout in MOMENTS:
        ran = run("download", torrent, "-d", tmp_path / "copy", "--stall-timeout", timeout)
        assert ran.code == 3
        if f"tracker {url}: " in ran.err:
            break
    assert f"tracker {url}: " in ran.err
    ran = run("download", torrent, "-d", tmp_path / "copy", "--peer", local(seeder), "--timeout", TIMEOUT)
    assert ran.code == 0
    assert ran.out.startswith(f"{tmp_path / 'copy' / 'some'}: complete, received ")


@pytest.mark.parametrize("option", ["--timeout", "--stall-timeout"])
def test_a_download_without_peers_ends_in_time(run: Run, torrent: Path, tmp_path: Path, option: str) -> None:
    for timeout in MOMENTS:
        ran = run("download", torrent, "-d", tmp_path / "copy", option, timeout, "--json")
        assert ran.code == ran.document["exit_code"] == 3
        if "looked up" not in ran.err:
            break
    assert "no peer is known" in ran.err
    assert ran.document["left"] == CONTENT.size


def test_the_dht(run: Run, torrent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
        node.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{node.getsockname()[1]}"
        arguments = (torrent, "-d", tmp_path / "copy", "--dht-node", where, "--timeout", "0.5")
        assert run("download", *arguments, "--no-dht").code == 3
        node.setblocking(False)
        with pytest.raises(BlockingIOError):
            node.recv(2000)
        nodes = tmp_path / "nodes"
        monkeypatch.setattr(option_groups, "Settings", lambda: bt.Settings(dht=True))
        assert run("download", *arguments, "--dht-state", nodes).code == 3
        assert node.recv(2000).startswith(b"d")
    assert nodes.exists()


def test_a_taken_port(run: Run, torrent: Path, tmp_path: Path) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("download", torrent, "-d", tmp_path / "copy", "--port", port, "--timeout", TIMEOUT)
    assert ran.code == 1
    assert f":{port}: " in ran.err
    assert "in use" in ran.err
    assert ran.err.count("\n") == 1


def test_seeding_what_is_not_there_fails(run: Run, torrent: Path, data: Path) -> None:
    (data / "some" / "a.bin").unlink()
    ran = run("seed", torrent, "-d", data, "--timeout", TIMEOUT)
    assert ran.code == 1
    assert "not right: some/a.bin is missing; some/sub/b.bin shares a failed piece with some/a.bin, which" in ran.err


@pytest.mark.parametrize("option", ["--timeout", "--stall-timeout"])
def test_seeding_may_be_bounded(run: Run, torrent: Path, data: Path, option: str) -> None:
    ran = run("seed", torrent, "-d", data, option, "0.3", "--json")
    assert (ran.code, ran.document["seed"], ran.document["uploaded"]) == (3, True, 0)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_seed_serves_until_it_is_interrupted(
    run: Run, torrent: Path, data: Path, tmp_path: Path, number: signal.Signals
) -> None:
    process = start("seed", torrent, "-d", data, "--json", "--timeout", TIMEOUT)
    try:
        assert process.stderr is not None
        line = next(line for line in process.stderr if line.startswith("seeding some on port "))
        peer = f"127.0.0.1:{line.split()[-1]}"
        assert run("download", torrent, "-d", tmp_path / "copy", "--peer", peer, "--timeout", TIMEOUT).code == 0
        process.send_signal(number)
    finally:
        ran = finish(process)
    assert ran.code == ran.document["exit_code"] == 130
    assert ran.document["error"] == "interrupted"
    assert ran.document["uploaded"] >= CONTENT.size


@posix
def test_a_download_is_interrupted(torrent: Path, tmp_path: Path) -> None:
    process = start("download", torrent, "-d", tmp_path / "copy", "--timeout", TIMEOUT)
    try:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
    finally:
        ran = finish(process)
    assert ran.code == 130
    assert "interrupted" in ran.err


def test_files_that_are_gone_end_a_download(run: Run, seeder: bt.Client, torrent: Path, tmp_path: Path) -> None:
    command = ["download", torrent, "-d", tmp_path / "copy", "--peer", local(seeder), "--timeout", TIMEOUT]
    assert run(*command).code == 0
    (tmp_path / "copy" / "some" / "a.bin").unlink()
    ran = run(*command)
    assert ran.code == 4
    assert "a.bin" in ran.err
    assert "gone" in ran.err


def test_a_peer_of_an_unknown_name_is_told() -> None:
    assert event_text(PeerUnknown(bytes(20), 0.0, reason="cannot resolve nobody")) == "cannot resolve nobody"


# -- the rest ------------------------------------------------------------------------------------------------------


def test_logging_is_asked_for(torrent: Path, data: Path) -> None:
    assert finish(start("verify", torrent, "-d", data, "-vv")).code == 0


def test_a_demonstration_may_be_too_short(run: Run) -> None:
    ran = run("demo", "--size", "1Mi", "--timeout", "0.01")
    assert ran.code == 1
    assert "not done after 0.01 seconds" in ran.err


def test_the_demonstration(run: Run) -> None:
    ran = run("demo", "--size", "1Mi", "--timeout", TIMEOUT, "--json")
    assert ran.code == 0, ran.err
    nodes = ran.document["nodes"]
    assert set(nodes) == {"seeder", "downloader-1", "downloader-2"}
    assert sum(node["uploaded"] for node in nodes.values()) >= 2 * 2**20
    assert sum(ran.document["files"].values()) == 2**20


@pytest.mark.parametrize("options", [[], ["--no-lsd"]])
def test_local_discovery_is_on_unless_an_option_turns_it_off(options: List[str], torrent: Path, tmp_path: Path) -> None:
    ran = finish(start("download", torrent, "-d", tmp_path / "copy", "--stall-timeout", "0.3", *options))
    assert ran.code == 3
    assert ("local discovery" in ran.err) == (not options)


@pytest.mark.parametrize("options", [[], ["--no-pex"]])
def test_peer_exchange_is_on_unless_an_option_turns_it_off(
    options: List[str], run: Run, torrent: Path, tmp_path: Path
) -> None:
    with Plain() as listening:
        host, port = listening.address
        arguments = ("-d", tmp_path / "copy", "--peer", f"{host}:{port}", "--timeout", "20", *options)
        process = start("download", torrent, *arguments, "--no-lsd")
        with listening.accept() as sock:
            sock.sendall(handshake(CONTENT.infohash, extended=True))
            said = b""
            while b"upload_only" not in said:
                said += sock.recv(4096)
        process.kill()
        finish(process)
    assert (b"ut_pex" in said) == (not options)

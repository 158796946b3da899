"""``verify``: what is not right is named, and nothing is changed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support.command import Run, finish, start
from support.damage import snapshot

import bittorrent_threads as bt

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

AUDITED = """
import socket, sys

NETWORK = {f"socket.{name}" for name in ("bind", "connect", "sendto", "sendmsg", "getaddrinfo", "gethostbyname")}
used = []

def audit(event, arguments):
    # The pair that wakes the network thread is no socket of the network.
    if event in NETWORK or (event == "socket.__new__" and arguments[1] != getattr(socket, "AF_UNIX", None)):
        used.append((event, *map(str, arguments[1:])))

sys.addaudithook(audit)
from bittorrent_threads import cli

code = cli.main(sys.argv[1:])
print(used, file=sys.stderr)
sys.exit(code)
"""


def test_create_then_verify(run: Run, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "made.torrent"
    options = ["--tracker", "http://t.example/announce", "--piece-length", "32Ki", "--private", "--comment", "ours"]
    ran = run("create", data / "some", "-o", path, *options, "--json")
    assert ran.code == 0
    assert ran.document["piece_length"] == 32768
    assert ran.document["private"] is True
    assert ran.document["comment"] == "ours"
    assert bt.Metainfo.load(path).infohash.hex() == ran.document["infohash"]
    ran = run("verify", path, "-d", data, "--json")
    assert (ran.code, ran.document["failed"]) == (0, [])
    assert ran.document["passed"] == ran.document["piece_count"] > 0


def test_verify_names_the_files_that_are_not_right(run: Run, torrent: Path, data: Path) -> None:
    with (data / "some" / "a.bin").open("r+b") as file:
        file.seek(20_000)
        file.write(b"wrong")
    ran = run("verify", torrent, "-d", data, "--json")
    assert ran.code == 1
    assert ran.document["failed"] == [1]
    where = f"bittorrent-threads: some in {data}"
    assert ran.err == f"{where}: 1 of 3 files is not right: some/a.bin is wrong in 1 of 5 pieces\n"
    assert {file["name"]: (file["state"], file["complete"]) for file in ran.document["files"]} == {
        "some/a.bin": ("wrong", False),
        "some/empty": ("right", True),
        "some/sub/b.bin": ("right", True),
    }
    assert run("verify", torrent, "-d", data).out == "wrong      some/a.bin\n"


def test_verify_misses_an_empty_file(run: Run, torrent: Path, data: Path) -> None:
    (data / "some" / "empty").unlink()
    ran = run("verify", torrent, "-d", data, "--json")
    assert (ran.code, ran.document["failed"]) == (1, [])
    assert "1 of 3 files is not right: some/empty is missing" in ran.err
    assert [file["state"] for file in ran.document["files"]] == ["right", "missing", "right"]


@pytest.mark.parametrize("damage", ["none", "missing", "short", "all", "renamed"])
def test_verify_changes_nothing(run: Run, torrent: Path, data: Path, damage: str) -> None:
    if damage == "renamed":
        with bt.Client(torrent, data, state="stopped") as client:
            client.files[0].rename("some/other.bin")
    elif damage == "missing":
        (data / "some" / "a.bin").unlink()
    elif damage == "short":
        os.truncate(data / "some" / "a.bin", 100)
    elif damage == "all":
        shutil.rmtree(data / "some")
    before = snapshot(data)
    for _ in range(2):
        ran = run("verify", torrent, "-d", data)
        assert ran.code == (0 if damage in ("none", "renamed") else 1), ran.err
    assert snapshot(data) == before


def test_bytes_behind_the_end_of_a_file_are_a_warning(run: Run, torrent: Path, data: Path) -> None:
    with (data / "some" / "a.bin").open("ab") as file:
        file.write(b"more")
    ran = run("verify", torrent, "-d", data)
    assert (ran.code, ran.out) == (0, "some: 3 files and 7 pieces, all right\n")
    path = data / "some" / "a.bin"
    assert ran.err == f"bittorrent-threads: warning: {path} has 4 bytes behind its end\n"


@posix
@pytest.mark.parametrize("code", [0, 1], ids=["good", "damaged"])
def test_verify_opens_no_socket(torrent: Path, data: Path, code: int) -> None:
    if code:
        (data / "some" / "a.bin").write_bytes(bytes(70_000))
    ran = finish(start("verify", torrent, "-d", data, "--json", program=["-c", AUDITED]))
    assert (ran.code, ran.document["exit_code"], bool(ran.document["failed"])) == (code, code, bool(code)), ran.err
    assert ran.err.splitlines()[-1] == "[]"


@posix
def test_a_download_is_seen_to_open_sockets(torrent: Path, tmp_path: Path) -> None:
    for timeout in ("0.5", "5", "30"):  # on busier machines it connects later
        arguments = ["download", torrent, "-d", tmp_path / "copy", "--peer", "127.0.0.1:1", "--timeout", timeout]
        ran = finish(start(*arguments, program=["-c", AUDITED]))
        assert ran.code == 3
        if "socket.connect" in ran.err.splitlines()[-1]:
            break
    for event in ("socket.__new__", "socket.bind", "socket.connect"):
        assert event in ran.err.splitlines()[-1], "the hook works"

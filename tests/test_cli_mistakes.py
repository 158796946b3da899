"""What a new user does wrong with each command: the message names the thing and the reason, the code is as documented.

No command may leave a traceback (``Ran`` looks for one), hang, or change what it was not asked to change.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.command import TIMEOUT, Run, finish, start
from support.damage import snapshot

import bittorrent_threads as bt
from bittorrent_threads.metainfo import metainfo as metainfo_module
from bittorrent_threads.testing.bencode import bencode
from bittorrent_threads.testing.sample_torrent import SampleTorrent

CONTENT = SampleTorrent({"a.bin": 70_000, "empty": 0, "sub/b.bin": 33_333}, piece_length=16384, name="some")
READERS = ["download", "seed", "info", "verify"]
FOLDERS = ["download", "seed", "verify"]

posix = pytest.mark.skipif(os.name != "posix", reason="devices and locales of POSIX")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


@pytest.fixture
def torrent(tmp_path: Path) -> Path:
    return CONTENT.write_torrent(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return CONTENT.write(tmp_path / "data")


def said(text: str) -> str:
    """What is behind the name of the program, in the one line there is."""
    assert text.startswith("bittorrent-threads: ")
    assert text.count("\n") == 1, text
    return text[len("bittorrent-threads: ") : -1]


# -- usage ---------------------------------------------------------------------------------------------------------

ARGUMENTS: Dict[str, List[str]] = {
    "argument --port: 'http' is not a port: 0 to 65535": ["seed", "t", "--port", "http"],
    "argument --port: '-1' is not a port: 0 to 65535": ["seed", "t", "--port", "-1"],
    "argument --port: '65536' is not a port: 0 to 65535": ["seed", "t", "--port", "65536"],
    f"argument --port: '{'9' * 30}' is not a port: 0 to 65535": ["seed", "t", "--port", "9" * 30],
    "argument --port: '0000100000' is not a port: 0 to 65535": ["seed", "t", "--port", "0000100000"],
    "argument --timeout: 'soon' is not a number of seconds above 0": ["seed", "t", "--timeout", "soon"],
    "argument --timeout: '-1' is not a number of seconds above 0": ["seed", "t", "--timeout", "-1"],
    "argument --timeout: '1e400' is not a number of seconds above 0": ["seed", "t", "--timeout", "1e400"],
    "argument --stall-timeout: 'nan' is not a number of seconds above 0": ["seed", "t", "--stall-timeout", "nan"],
    "argument --upload-limit: '' is not a size such as 500K, 5M or 256Ki": ["seed", "t", "--upload-limit", ""],
    "argument --upload-limit: 'inf' is not a size such as 500K, 5M or 256Ki": ["seed", "t", "--upload-limit", "inf"],
    "argument --download-limit: '5Q' is not a size such as 500K, 5M or 256Ki": ["seed", "t", "--download-limit", "5Q"],
    "argument --peer: 'a:b' is not HOST:PORT": ["seed", "t", "--peer", "a:b"],
    "argument --peer: ':1' is not HOST:PORT": ["seed", "t", "--peer", ":1"],
    "argument -d/--dir: it is empty": ["verify", "t", "-d", ""],
    "argument TORRENT: it is empty": ["verify", ""],
    "argument SOURCE: it is empty": ["info", ""],
    "argument PATH: it is empty": ["create", "", "-o", "x"],
    "argument -o/--output: it is empty": ["create", "x", "-o", ""],
    "argument --host: it is empty": ["tracker", "--host", ""],
    "argument --max-metainfo-size: '0' is not a size": ["info", "t", "--max-metainfo-size", "0"],
    "argument --names: invalid choice: 'short'": ["verify", "t", "--names", "short"],
}


@pytest.mark.parametrize("message", ARGUMENTS)
def test_an_option_that_cannot_be(run: Run, message: str) -> None:
    ran = run(*ARGUMENTS[message])
    assert (ran.code, ran.out) == (2, "")
    assert f"error: {message}" in ran.err


CREATION: Dict[str, List[str]] = {
    "--piece-length: must be a power of two from 16384 to 536870912, not 100": ["--piece-length", "100"],
    "--tracker: 'foo' is no URL of http, https, udp that could be used": ["--tracker", "foo"],
    "--web-seed: 'ftp://x/' is no URL of http, https that could be used": ["--web-seed", "ftp://x/"],
    "--exclude: '' is no pattern: it has an empty name": ["--exclude", ""],
    "--comment: 'x\\udcff' cannot be written as UTF-8": ["--comment", "x\udcff"],
    "--source: '\\udcff' cannot be written as UTF-8": ["--source", "\udcff"],
    "--tracker: ": ["--tracker", "http://x/\udcff"],
}


@pytest.mark.parametrize("message", CREATION)
def test_an_option_of_create_that_cannot_be(run: Run, data: Path, tmp_path: Path, message: str) -> None:
    ran = run("create", data / "some", "-o", tmp_path / "x.torrent", *CREATION[message], "--json")
    assert ran.code == ran.document["exit_code"] == 2
    assert said(ran.err).startswith(message)
    assert not (tmp_path / "x.torrent").exists()


# -- what is given as a torrent --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", READERS)
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "is a folder, not a .torrent file"),
        ("empty", "is empty (at byte 0)"),
        ("page", "is not a .torrent file, which begins with 'd' (at byte 0)"),
        ("cut", "the data ends inside a value (at byte 50)"),
        ("many", "info.pieces: 562949953421312 pieces, where a torrent may have 2097152"),
        ("no\nsuch\x1b[2J\u202efile", "No such file or directory"),
        ("no\udcffsuch", "No such file or directory"),
        ("empty/x", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_what_is_no_torrent(run: Run, tmp_path: Path, verb: str, name: str, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "page").write_text("<html>")
    (tmp_path / "cut").write_bytes(CONTENT.metainfo()[:50])
    info = {"length": 2**63 - 1, "name": "x", "piece length": 16384, "pieces": b""}
    (tmp_path / "many").write_bytes(bencode({"info": info}))
    before = snapshot(tmp_path)
    ran = run(verb, tmp_path / name, "--json")
    assert ran.code == ran.document["exit_code"] == 5
    shown = said(ran.err)
    assert shown.endswith(f": {message}")
    assert shown.isprintable()
    assert shown.startswith(str(tmp_path))
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("verb", READERS)
def test_a_url_is_known_for_what_it_is(run: Run, verb: str) -> None:
    ran = run(verb, "https://example.com/x.torrent?passkey=secret")
    assert ran.code == 5
    assert said(ran.err) == (
        "https://example.com/x.torrent?passkey=***: is a URL: download the .torrent file, and give its path"
    )


@pytest.mark.parametrize("verb", READERS)
def test_a_torrent_that_may_not_be_read(run: Run, torrent: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    def refuse(path: Any, mode: str) -> Any:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(metainfo_module, "open", refuse, raising=False)
    ran = run(verb, torrent)
    assert (ran.code, said(ran.err)) == (5, f"{torrent}: Permission denied")


def test_a_torrent_may_come_by_a_pipe(torrent: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, torrent.read_bytes())
    os.close(writer)
    with open(reader, "rb") as pipe:
        ran = finish(start("info", "/dev/stdin", stdin=pipe))
    assert (ran.code, ran.out.splitlines()[0]) == (0, "name:       some")


def test_a_torrent_without_a_byte(run: Run, tmp_path: Path) -> None:
    torrent = tmp_path / "x.torrent"
    torrent.write_bytes(bencode({"info": {"length": 0, "name": "x", "piece length": 16384, "pieces": b""}}))
    assert run("info", torrent).code == 0
    assert run("verify", torrent, "-d", tmp_path).code == 1
    assert run("download", torrent, "-d", tmp_path, "--timeout", TIMEOUT).code == 0
    assert run("verify", torrent, "-d", tmp_path).code == 0


# -- folders -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["seed", "verify"])
def test_a_folder_that_may_not_be_looked_at(
    run: Run, torrent: Path, data: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    real = os.stat

    def refuse(path: Any, **options: Any) -> os.stat_result:
        if path == str(data):
            raise PermissionError(13, "Permission denied", path)
        return real(path, **options)

    monkeypatch.setattr(os, "stat", refuse)
    ran = run(verb, torrent, "-d", data)
    assert (ran.code, said(ran.err)) == (4, f"{data}: Permission denied")


@pytest.mark.parametrize("verb", [*FOLDERS, "stream"])
def test_a_folder_that_is_a_file_is_told_before_anything_begins(
    run: Run, torrent: Path, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    before = snapshot(tmp_path)
    ran = run(verb, torrent, "-d", tmp_path / "file")  # without a time limit
    assert (ran.code, said(ran.err)) == (
        4,
        f"{tmp_path}/file: is not a folder: give a folder, which is made if it is not there",
    )
    ran = run(verb, torrent, "-d", tmp_path / "file" / "a" / "b")
    assert ran.code == 4
    assert f"{tmp_path}/file/a/b: cannot be made, as {tmp_path}/file is not a folder" in said(ran.err)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("verb", FOLDERS)
def test_folders_with_names_that_a_terminal_obeys(run: Run, torrent: Path, tmp_path: Path, verb: str) -> None:
    folder = tmp_path / "a\nb\x1b[2J\u202e\udcff"
    CONTENT.write(folder)
    (folder / "some" / "a.bin").write_bytes(bytes(70_000))
    ran = run(verb, torrent, "-d", folder, "--timeout", "0.2") if verb != "verify" else run(verb, torrent, "-d", folder)
    assert ran.code in (1, 3)
    assert "\x1b" not in ran.err + ran.out
    assert "\u202e" not in ran.err + ran.out
    assert all(line.isprintable() for line in (ran.err + ran.out).splitlines())


# -- create --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a\nb", "e\x1b[2Jx", "x\u202ey", "a\\b", "\udcff"])
def test_files_that_cannot_be_in_a_torrent(run: Run, tmp_path: Path, name: str) -> None:
    root = tmp_path / "x"
    root.mkdir()
    (root / "good").write_text("good")
    (root / name).write_text("bad")
    before = snapshot(root)
    ran = run("create", root, "-o", root / "x.torrent")
    assert ran.code == 4
    assert said(ran.err).endswith("rename it, or exclude it")
    assert ran.err[:-1].isprintable()
    assert snapshot(root) == before
    assert run("create", root, "-o", tmp_path / "x.torrent", "--exclude", name.replace("\\", "[\\]")).code == 0


@pytest.mark.parametrize(
    ("output", "code", "message"),
    [
        ("folder", 4, "is a folder: give the name of a file"),
        ("no/x.torrent", 4, "there is no folder {}/no"),
        ("file/x.torrent", 4, "there is no folder {}/file"),
        ("x" * 300, 4, "File name too long"),
        ("loop", 4, "Too many levels of symbolic links"),
    ],
)
def test_an_output_that_cannot_be(run: Run, data: Path, tmp_path: Path, output: str, code: int, message: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    before = snapshot(tmp_path)
    ran = run("create", data / "some", "-o", tmp_path / output, "--json")
    assert ran.code == ran.document["exit_code"] == code
    assert said(ran.err) == f"{tmp_path / output}: {message.format(tmp_path)}"
    assert snapshot(tmp_path) == before


def test_the_output_is_the_only_file(run: Run, data: Path) -> None:
    ran = run("create", data / "some" / "a.bin", "-o", data / "some" / "a.bin")
    assert ran.code == 2
    assert "is the file that the torrent would be made of" in said(ran.err)
    assert CONTENT.differences(data) == []


@posix
def test_what_is_no_file_is_written_to_and_not_replaced(run: Run, data: Path, tmp_path: Path) -> None:
    # A pipe, as a device that is replaced is missed by the whole machine.
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    os.mkfifo(pipe)
    link.symlink_to("pipe")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for output in (pipe, link):
            assert run("create", data / "some", "-o", output).code == 0
            assert bt.Metainfo.parse(os.read(reader, 60_000)).name == "some"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert link.is_symlink()


@posix
def test_a_link_is_written_through(run: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link, target = tmp_path / "x.torrent", tmp_path / "elsewhere" / "y.torrent"
    for _ in range(2):  # a broken link, then a good one
        if not link.is_symlink():
            link.symlink_to("elsewhere/y.torrent")
        assert run("create", data / "some", "-o", link).code == 0
        assert link.is_symlink()
        assert bt.Metainfo.load(target).name == "some"


def test_the_name_of_the_output_is_shown_in_one_line(run: Run, data: Path, tmp_path: Path) -> None:
    ran = run("create", data / "some", "-o", tmp_path / "a\nb.torrent")
    assert ran.code == 0
    assert ran.out.startswith(f"{tmp_path}/a\\nb.torrent: ")
    assert ran.out.count("\n") == 2


# -- streams and locales -------------------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize("verb", ["info", "verify", "create"])
def test_a_standard_output_that_is_full(
    torrent: Path, data: Path, tmp_path: Path, verb: str, options: List[str]
) -> None:
    commands: Dict[str, List[Any]] = {
        "info": [torrent],
        "verify": [torrent, "-d", data],
        "create": [data / "some", "-o", tmp_path / "x.torrent"],
    }
    with open("/dev/full", "w") as full:
        ran = finish(start(verb, *commands[verb], *options, stdout=full))
    assert ran.code == 4
    assert ran.err.endswith("bittorrent-threads: standard output: No space left on device\n")


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="the encoding of file names is UTF-8 there")
def test_a_locale_without_utf8(tmp_path: Path) -> None:
    content = SampleTorrent({"日本/ü": 20_000}, piece_length=16384, name="é")
    torrent = content.write_torrent(tmp_path).rename(tmp_path / "x.torrent")
    content.write(tmp_path)
    plain = {**os.environ, "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = finish(start("info", torrent, environment=plain))
    assert (ran.code, ran.out.splitlines()[0]) == (0, "name:       \\xe9")
    refusal = "the system's encoding, ascii, does not have its name: use a locale of UTF-8"
    for arguments in (["verify", torrent, "-d", tmp_path], ["download", torrent, "-d", tmp_path / "copy"]):
        ran = finish(start(*arguments, environment=plain))
        assert ran.code == 4
        assert refusal in ran.err, ran.err
    ran = finish(start("create", os.fsencode(tmp_path / "é"), "-o", tmp_path / "y.torrent", environment=plain))
    assert ran.code == 4
    assert refusal in ran.err, ran.err
    usual = {name: value for name, value in plain.items() if not name.startswith("PYTHON")}
    assert finish(start("verify", torrent, "-d", tmp_path, environment=usual)).code == 0, "Python takes UTF-8 for C"

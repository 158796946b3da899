"""What programs give to a client, right and wrong: each mistake is told at the call, in words of the caller."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, Callable

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads.options import given_folder, given_peers

Use = Callable[[bt.Client], object]
NO_FLAG: Any = 5


def test_folders(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert given_folder(tmp_path / "new" / "newer") == str(tmp_path / "new" / "newer")
    assert given_folder(str(tmp_path)) == str(tmp_path)
    assert not (tmp_path / "new").exists(), "it is made when it is used"
    for path in (file, file / "a" / "b"):
        with pytest.raises(bt.StorageError, match="is not a folder: give a folder, which is made") as caught:
            given_folder(path)
        assert (caught.value.path, caught.value.errno) == (str(path), errno.ENOTDIR)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"basedir": None}, TypeError, "basedir must be the path of a folder, not None"),
        ({"resume": 5}, TypeError, "resume must be the path of a folder, not 5"),
        ({"cancel": 5}, TypeError, "cancel must have a method is_set"),
        ({"piece_cache": [1]}, bt.StateError, r"must be what the property of that name returned, not \[1\]"),
    ],
)
def test_mistakes_in_a_download(tmp_path: Path, options: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        bt.download(SMALL.metainfo(), **{"basedir": tmp_path, "settings": LOCAL, **options})


@pytest.mark.parametrize("option", ["basedir", "resume"])
def test_a_folder_that_is_a_file_is_told_at_the_call(tmp_path: Path, option: str) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    options: Any = {"basedir": tmp_path, option: file / "below"}
    for call in (bt.Client, bt.download):
        with pytest.raises(bt.StorageError, match="cannot be made, as .* is not a folder"):
            call(SMALL.metainfo(), settings=LOCAL, state="stopped", **options)
    with bt.Session(LOCAL) as session, pytest.raises(bt.StorageError, match="is not a folder"):
        session.add(SMALL.metainfo(), **options)


def test_peers() -> None:
    assert given_peers([("192.0.2.1", 6881), ["peer.example", "6882"]]) == [  # type: ignore[list-item]
        ("192.0.2.1", 6881),
        ("peer.example", 6882),
    ]
    assert given_peers(()) == []


@pytest.mark.parametrize(
    ("peers", "kind", "text"),
    [
        ("192.0.2.1:6881", TypeError, r"peers must be pairs .* not '192"),
        (5, TypeError, "peers must be pairs"),
        (["192.0.2.1:6881"], TypeError, r"a peer is a host and a port, .* not '192\.0\.2\.1:6881'"),
        ([("192.0.2.1",)], TypeError, "a peer is a host and a port"),
        ([(None, 5)], TypeError, r"not \(None, 5\)"),
        ([("192.0.2.1", True)], TypeError, "not"),
        ([("192.0.2.1", 0)], ValueError, "port 0 of peer 192.0.2.1 is not 1 to 65535"),
        ([("192.0.2.1", 65536)], ValueError, "port 65536"),
        ([("192.0.2.1", -1)], ValueError, "port -1 of peer 192.0.2.1 is not 1 to 65535"),
        ([("192.0.2.1", "http")], ValueError, "port 'http' of peer 192.0.2.1 is no number"),
    ],
)
def test_what_is_no_peer(tmp_path: Path, peers: Any, kind: Any, text: str) -> None:
    with pytest.raises(kind, match=text):
        bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, peers=peers)


@pytest.mark.parametrize(
    ("use", "kind", "text"),
    [
        (lambda client: client.add_peer(None, 5), TypeError, "a peer is a host and a port"),
        (lambda client: client.add_peer("192.0.2.1", 0), ValueError, "is not 1 to 65535"),
        (lambda client: client.set_priorities([1]), TypeError, "must be a dictionary from the indexes"),
        (lambda client: client.set_priorities({"a.bin": 1}), TypeError, "a file is given by its index, not as 'a.bin'"),
        (lambda client: client.files[0].rename(5), TypeError, "the path of a file is a text"),
        (lambda client: client.open(0, readahead="1M"), TypeError, "readahead must be bytes"),
        (lambda client: client.open(0, readahead=-1), ValueError, "readahead -1 is negative"),
        (lambda client: client.open(0, timeout=-1), ValueError, "timeout must be 0 seconds or more"),
        (lambda client: client.open(0, stall_timeout="5"), TypeError, "stall_timeout must be seconds"),
        (lambda client: client.open(0, cancel=5), TypeError, "cancel must have a method is_set"),
        (lambda client: client.wait(cancel=5), TypeError, r"as threading.Event\(\) has, not 5"),
        (lambda client: client.hashcheck(cancel=5), TypeError, "cancel must have"),
        (lambda client: client.hashcheck(wait=False).wait(cancel=5), TypeError, "cancel must have"),
        (lambda client: bt.wait_all([client], cancel=NO_FLAG), TypeError, "cancel must have"),
        (lambda client: bt.as_completed([client], cancel=NO_FLAG), TypeError, "cancel must have"),
        (lambda client: client.stop(-1), ValueError, "timeout must be 0 seconds or more"),
        (lambda client: client.scrape("soon"), TypeError, "timeout must be seconds"),
        (lambda client: client.move(5), TypeError, "basedir must be the path of a folder, not 5"),
        (lambda client: client.serve(stall_timeout=-1), ValueError, "stall_timeout must be 0 seconds or more"),
    ],
)
def test_mistakes_in_calls(tmp_path: Path, use: Use, kind: Any, text: str) -> None:
    with seeder(tmp_path) as client:
        with pytest.raises(kind, match=text):
            use(client)
        assert client.wait("seed", timeout=PATIENCE).seed


def test_mistakes_at_the_begin(tmp_path: Path) -> None:
    wrong: Any = {0: 1}
    with pytest.raises(TypeError, match="priorities must be a list with that of each file"):
        bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, priorities=wrong)
    wrong = {"port": 5}
    with pytest.raises(bt.StateError, match="settings must be Settings, not dict"):
        bt.Session(wrong)
    wrong = "d4:infoe"
    with pytest.raises(TypeError, match=r"is bytes, not str; Metainfo\.load\(\) takes a path"):
        bt.Metainfo.parse(wrong)

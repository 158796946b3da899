"""``edit``: other trackers, web seeds and comment, and the same infohash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

import bittorrent_threads as bt
from bittorrent_threads.metainfo.bencode import decode, decode_document
from bittorrent_threads.testing.bencode import bencode

# Its keys are not sorted, so that an encoder would give other bytes.
INFO = b"d6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:" + b"\x07" * 20 + b"5:extrai1e4:more1:xe"
OUTER: Dict[str, Any] = {
    "announce": "http://old/",
    "announce-list": [["http://old/"], ["http://older/"]],
    "comment": "old",
    "comment.utf-8": "old",
    "created by": "another program",
    "creation date": 1_600_000_000,
    "nodes": [["router.example", 6881]],
    "url-list": ["http://seed/"],
    "x": {"key": [1, b"\xff"]},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.torrent"
    found.write_bytes(with_info(bencode(OUTER)))
    return found


def with_info(outer: bytes) -> bytes:
    return b"d4:info" + INFO + outer[1:]


def outer_of(data: bytes) -> Dict[bytes, Any]:
    found: Dict[bytes, Any] = decode_document(data, b"info").value
    found.pop(b"info")
    return found


OLD = outer_of(with_info(bencode(OUTER)))


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, {}),
        ({"trackers": "http://new/"}, {b"announce": b"http://new/", b"announce-list": None}),
        (
            {"trackers": [["http://a/", "udp://b:1"], "http://c/"]},
            {b"announce": b"http://a/", b"announce-list": [[b"http://a/", b"udp://b:1"], [b"http://c/"]]},
        ),
        ({"trackers": []}, {b"announce": None, b"announce-list": None}),
        ({"web_seeds": ["http://x/", "https://y/"]}, {b"url-list": [b"http://x/", b"https://y/"]}),
        ({"web_seeds": ()}, {b"url-list": None}),
        ({"comment": "k\xe4se"}, {b"comment": b"k\xc3\xa4se", b"comment.utf-8": None}),
        ({"comment": ""}, {b"comment": None, b"comment.utf-8": None}),
    ],
)
def test_only_what_is_named_changes(path: Path, change: Any, keys: Dict[bytes, Any]) -> None:
    before = bt.Metainfo.load(path)
    edited = bt.edit(path, **change)
    data = path.read_bytes()
    assert data == edited.to_bytes()
    assert INFO in data
    assert edited.infohash == before.infohash == bt.Metainfo.parse(data).infohash
    wanted = {key: value for key, value in {**OLD, **keys}.items() if value is not None}
    assert outer_of(data) == wanted
    assert list(decode(data, sorted_keys=False)) == sorted([*wanted, b"info"])


def test_the_object_says_what_the_file_says(path: Path) -> None:
    edited = bt.edit(path, trackers="http://new/", web_seeds="http://x/", comment="k\xe4se")
    again = bt.Metainfo.load(path)
    for found in (edited, again):
        assert (found.trackers, found.web_seeds, found.comment) == ((("http://new/",),), ("http://x/",), "k\xe4se")
        assert (found.info_bytes(), found.created_by, found.creation_date) == (INFO, "another program", 1_600_000_000)
        assert found.nodes == (("router.example", 6881),)
    assert edited.trackers_trusted
    assert not again.trackers_trusted


def test_a_comment_is_in_the_encoding_of_the_torrent(tmp_path: Path) -> None:
    path = tmp_path / "a.torrent"
    path.write_bytes(with_info(bencode({"encoding": "GBK"})))
    assert bt.edit(path, comment="\u4e2d\u6587").comment == "\u4e2d\u6587"
    assert outer_of(path.read_bytes())[b"comment"] == "\u4e2d\u6587".encode("gbk")
    assert bt.Metainfo.load(path).comment == "\u4e2d\u6587"


def test_the_result_may_go_elsewhere(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    edited = bt.edit(path, comment="new", output=tmp_path / "b.torrent")
    assert path.read_bytes() == before
    assert (tmp_path / "b.torrent").read_bytes() == edited.to_bytes()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_who_may_read_the_file_stays(path: Path) -> None:
    path.chmod(0o600)
    bt.edit(path, trackers="http://tracker/passkey")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_cannot_be_replaced_is_unharmed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def refuse(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(bt.StorageError, match="No space left on device"):
        bt.edit(path, comment="new")
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"trackers": "ftp://x/"}, "trackers"),
        ({"trackers": [["http://a/", "nothing"]]}, "trackers"),
        ({"web_seeds": ["udp://x:1"]}, "web_seeds"),
        ({"comment": "\ud800"}, "comment"),
        ({"comment": 5}, "comment"),
    ],
)
def test_arguments_that_cannot_be(path: Path, change: Any, setting: str) -> None:
    before = path.read_bytes()
    with pytest.raises(bt.SettingsError) as caught:
        bt.edit(path, **change)
    assert caught.value.name == setting
    assert path.read_bytes() == before


def test_a_key_of_info_is_no_argument(path: Path) -> None:
    edit: Any = bt.edit
    for key in ("source", "private", "name", "piece_length"):
        with pytest.raises(TypeError, match=key):
            edit(path, **{key: "x"})


def test_what_is_no_torrent(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"nothing")
    with pytest.raises(bt.BencodeError):
        bt.edit(tmp_path / "x", comment="new")
    assert (tmp_path / "x").read_bytes() == b"nothing"

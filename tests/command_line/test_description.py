"""What is told of a torrent: all that matters, no secret of a URL, and no endless text."""

from __future__ import annotations

import json

import bittorrent_threads as bt
from bittorrent_threads.command_line.description import MAX_COMMENT, description
from bittorrent_threads.testing.bencode import bencode

INFO = {
    "files": [
        {"length": 5, "path": ["a", "b"]},
        {"attr": "p", "length": 16379, "path": [".pad", "16379"]},
        {"length": 0, "path": ["c"]},
    ],
    "name": "some",
    "piece length": 16384,
    "pieces": b"h" * 20,
}


def test_everything_is_told() -> None:
    outer = {"created by": "me", "nodes": [["router.example", 6881]], "info": INFO}
    metainfo = bt.Metainfo.parse(bencode(outer))
    told = description(metainfo)
    assert json.loads(json.dumps({**told, "infohash": told["infohash"].hex()})) == {
        "name": "some",
        "infohash": metainfo.infohash.hex(),
        "total_size": metainfo.total_size,
        "piece_length": 16384,
        "piece_count": 1,
        "private": False,
        "creation_date": None,
        "trackers": [],
        "infohash_v2": None,
        "info_size": len(bencode(INFO)),
        "multi_file": True,
        "nodes": [["router.example", 6881]],
        "web_seeds": [],
        "comment": None,
        "created_by": "me",
        "source": None,
        "files": [
            {"path": "some/a/b", "length": 5, "pad": False},
            {"path": "some/.pad/16379", "length": 16379, "pad": True},
            {"path": "some/c", "length": 0, "pad": False},
        ],
    }


def test_secrets_of_urls_are_left_out() -> None:
    secret = "http://me:hunter2@t.example/announce?passkey=hunter3"
    told = description(bt.Metainfo.parse(bencode({"announce": secret, "url-list": [secret], "info": INFO})))
    assert len(told["trackers"][0]) == len(told["web_seeds"]) == 1
    assert "t.example" in told["trackers"][0][0]
    assert "hunter" not in json.dumps([told["trackers"], told["web_seeds"]])


def test_texts_have_a_bound_and_no_control_characters() -> None:
    told = description(bt.Metainfo.parse(bencode({"comment": "\x1b[2J" + "x" * 5000, "info": INFO})))
    assert "\x1b" not in told["comment"]
    assert len(told["comment"]) <= MAX_COMMENT + 1

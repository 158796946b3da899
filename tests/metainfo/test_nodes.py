"""The key ``nodes`` of a torrent: what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from bittorrent_threads.metainfo import bencode
from bittorrent_threads.metainfo.metainfo import Metainfo
from bittorrent_threads.metainfo.nodes import MAX_ENTRIES, MAX_HOST, MAX_NODES, dht_nodes


def test_those_of_bep_5() -> None:
    value = [[b"127.0.0.1", 6881], [b"your.router.node", 4804], [b"2001:db8:100:0:d5c8:db3f:995e:c0f7", 1941]]
    nodes = (("127.0.0.1", 6881), ("your.router.node", 4804), ("2001:db8:100:0:d5c8:db3f:995e:c0f7", 1941))
    assert dht_nodes(value) == nodes
    info = {"name": "a", "piece length": 16384, "pieces": bytes(20), "length": 1}
    assert Metainfo.parse(bencode.encode({"info": info, "nodes": value})).nodes == nodes
    assert Metainfo.parse(bencode.encode({"info": info})).nodes == ()


@pytest.mark.parametrize(
    "entry",
    [
        b"127.0.0.1:6881",
        7,
        [b"127.0.0.1"],
        [b"127.0.0.1", 6881, 1],
        [6881, b"127.0.0.1"],
        [b"127.0.0.1", b"6881"],
        [b"127.0.0.1", 0],
        [b"127.0.0.1", 65536],
        [b"", 6881],
        [b"a" * (MAX_HOST + 1), 6881],
        [b"a b", 6881],
        [b"a\r\nb", 6881],
        [b"\xc3\xa4", 6881],
    ],
)
def test_an_entry_that_is_no_host_and_port_is_left_out(entry: Any) -> None:
    assert dht_nodes([entry, [b"host", 1]]) == (("host", 1),)


@pytest.mark.parametrize("value", [None, b"nodes", 1, {b"a": 1}])
def test_no_list_is_no_node(value: Any) -> None:
    assert dht_nodes(value) == ()


def test_many_are_bounded() -> None:
    assert dht_nodes([[b"host", port] for port in range(1, 10_000)]) == tuple(("host", 1 + n) for n in range(MAX_NODES))
    assert dht_nodes([[b"host", 0]] * MAX_ENTRIES + [[b"host", 1]]) == ()
    assert dht_nodes([[b"host", 1]] * 10) == (("host", 1),)

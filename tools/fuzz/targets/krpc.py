"""Datagrams for a DHT node: none raises, and each is answered by at most one datagram of a bounded size.

The node never asks or stores more than it may, its next timeout is not in the past, and it does not tell an address of
the local network to a host on the internet.
"""

from __future__ import annotations

import random
from typing import List

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.dht import Dht
from bittorrent_threads.dht.krpc import MAX_NODES, MAX_SENT, MAX_VALUES
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.external_address import ExternalAddress

from ..choices import Choices
from ..loose import recipe, written
from ..target import Target, require

NOW = 1000.0
SENDERS: List[Address] = [("8.8.8.8", 6881), ("10.0.0.1", 6881), ("2001:4860::1", 6881), ("9.9.9.9", 1)]
NODE, NODE6 = b"n" * 20 + b"\1\2\3\4\x1a\xe1", b"n" * 20 + b"\x20\1\x48\x60" + bytes(11) + b"\1\x1a\xe1"
KEYS = (
    *(b"t", b"y", b"q", b"a", b"r", b"e", b"v", b"ip", b"ro", b"id", b"target", b"info_hash", b"token", b"port"),
    *(b"implied_port", b"nodes", b"nodes6", b"values", b"want"),
)
VALUES = (
    *(b"ping", b"find_node", b"get_peers", b"announce_peer", b"n4", b"n6", b"i" * 20, b"\1\2\3\4\x1a\xe1", NODE, NODE6),
    *(bytes(15) + b"\1\x1a\xe1", b"\x7f\0\0\1\0\5", b"aa"),
)
WORDS = (*KEYS, *VALUES)


def check(data: bytes) -> None:
    """The first bytes choose the sender and the encoding; the rest is a datagram, which comes twice."""
    choices = Choices(data)
    sender = choices.pick(SENDERS)
    datagram = written(choices, WORDS) if choices.below(2) else choices.rest()
    _parsed(datagram, sender)
    dht = Dht(random.Random(1), ExternalAddress(), now=NOW)
    dht.add_node(SENDERS[0], NOW)
    dht.get_peers(b"i" * 20, NOW)
    dht.outgoing()
    for at in (NOW, NOW + 1):
        dht.receive(datagram, sender, at)
        answers = [sent for sent, receiver in dht.outgoing() if receiver == sender]
        require(len(answers) <= 1, f"{len(answers)} answers")
        require(all(len(sent) <= MAX_SENT for sent in answers), "a long answer")
        require(dht.statistics().stored_peers == 0, "a peer without a token")
        require(dht.node_count(4) == dht.node_count(6) == 0, "a node that was not asked")
    dht.advance(NOW + 2)
    require(dht.next_timeout > NOW + 2, "a timeout in the past")


def _parsed(datagram: bytes, sender: Address) -> None:
    message = krpc.parse(datagram)
    if isinstance(message, krpc.Query):
        require(message.target is None or 0 <= message.target < 2**160, "a target")
        require(0 <= message.port(sender) < 65536, "a port")
        require(set(message.wanted(4)) <= {4, 6}, "a family")
    elif isinstance(message, krpc.Reply):
        for family in (4, 6):
            require(len(message.nodes(family)) <= MAX_NODES, "many nodes")
            require(len(message.peers(family)) <= MAX_VALUES, "many peers")


def seeds() -> List[bytes]:
    """Return messages in both encodings."""
    arguments = {b"id": b"i" * 20, b"info_hash": b"i" * 20, b"token": b"aa", b"port": 5, b"implied_port": 1}
    values = {b"id": b"i" * 20, b"nodes": NODE, b"nodes6": NODE6, b"token": b"aa", b"values": [b"\1\2\3\4\x1a\xe1"]}
    messages = [
        {b"t": b"aa", b"y": b"q", b"q": b"get_peers", b"a": {**arguments, b"want": [b"n4", b"n6"]}, b"ro": 1},
        {b"t": b"aa", b"y": b"q", b"q": b"announce_peer", b"a": arguments},
        {b"t": b"aa", b"y": b"q", b"q": b"find_node", b"a": {b"id": b"i" * 20, b"target": b"i" * 20}},
        {b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": {b"id": b"i" * 20}},
        {b"t": b"aa", b"y": b"r", b"r": values, b"ip": b"\1\2\3\4\x1a\xe1"},
        {b"t": b"aa", b"y": b"e", b"e": [201, b"aa"]},
    ]
    plain = [b"\0\0" + bencode.encode(each) for each in messages]
    return plain + [b"\0\1" + recipe(each, WORDS) for each in messages]


TARGET = Target(check, seeds, tuple(b"%d:%s" % (len(word), word) for word in WORDS), longest=600)

"""Datagrams to a DHT node (BEP 5, 32, 42, 43): queries, answers to its own queries, and anything else, as time passes.

Nothing is raised; the usual reply is what the decoder makes of it; a datagram gets at most one answer, which is of
bounded length; what is sent stays in the budget; a peer is stored only after a token was given; the node never spins;
and what it saves can be loaded, as can garbage.
"""

from __future__ import annotations

import random
from typing import Any, Dict, List, Tuple

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.dht import Dht
from bittorrent_threads.dht.krpc import (
    ANNOUNCE_PEER,
    FIND_NODE,
    GET_PEERS,
    MAX_NODES,
    MAX_RECEIVED,
    MAX_SENT,
    MAX_VALUES,
    PING,
)
from bittorrent_threads.dht.limits import Limits
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.swarm.external_address import ExternalAddress

from ..choices import Choices
from ..loose import recipe, written
from ..target import Target, require

LIMITS = Limits()
ID, OTHER = b"i" * 20, b"j" * 20
SENDERS: Tuple[Address, ...] = (
    *(("8.8.8.8", 6881), ("8.8.8.9", 6881), ("10.0.0.2", 6881), ("127.0.0.1", 7000)),
    *(("2a00::1", 6881), ("fe80::1%1", 6881), ("0.0.0.0", 1), ("not an address", 0)),
)
NODES = OTHER + bytes([8, 8, 4, 4, 26, 225])
KEYS = (b"t", b"y", b"q", b"r", b"e", b"a", b"v", b"ro", b"ip", b"id", b"target", b"info_hash", b"token", b"port")
WORDS = (
    *(*KEYS, b"implied_port", b"want", b"n4", b"n6", b"nodes", b"nodes6", b"values", PING, FIND_NODE, GET_PEERS),
    *(
        ANNOUNCE_PEER,
        ID,
        OTHER,
        NODES,
        3 * NODES,
        8 * NODES,
        b"aaaa",
        OTHER + bytes(15) + b"\1\x1a\xe1",
        NODES[20:],
        b"aa",
    ),
)
DATAGRAM, ANSWER, NOISE, WAIT, SEARCH, NAME, SAVE = range(7)
"""Steps."""
PAUSES = (0.1, 1.0, 16.0, 1000.0)


class Run:
    """One node, and what must be true of it after each step."""

    def __init__(self) -> None:
        self.now = 0.0
        self.dht = Dht(random.Random(1), ExternalAddress(), now=0.0, limits=LIMITS)
        self.asked: List[Tuple[bytes, Address]] = []
        self.token = b""
        self.sent = 0

    def step(self, kind: int, choices: Choices) -> None:
        """Do one thing, then look at what came of it."""
        if kind == DATAGRAM:
            self._receive(written(choices, (*WORDS, self.token)), choices.pick(SENDERS))
        elif kind == ANSWER and self.asked:
            transaction, address = choices.pick(self.asked[-8:])
            body = written(choices, WORDS)
            self._receive(b"d1:r%s1:t%d:%s1:y1:re" % (body, len(transaction), transaction), address)
        elif kind == NOISE:
            self._receive(choices.take(choices.byte()), choices.pick(SENDERS))
        elif kind == WAIT:
            self.now += choices.pick(PAUSES)
            self.dht.advance(self.now)
        elif kind == SEARCH:
            self.dht.get_peers(choices.pick((ID, OTHER)), self.now, announce_port=6881)
        elif kind == NAME:
            self.dht.add_node(choices.pick(SENDERS), self.now)
        elif kind == SAVE:
            saved: object = self.dht.state()
            if choices.below(2):
                saved = _altered(saved, choices)
            self.dht = Dht(random.Random(1), ExternalAddress(), now=self.now, limits=LIMITS, state=saved)
            self.asked.clear()
        self._look()

    def _receive(self, datagram: bytes, sender: Address) -> None:
        _parse(datagram, sender)
        before = self.dht.statistics()
        self.dht.receive(datagram, sender, self.now)
        after = self.dht.statistics()
        require(after.answers_sent - before.answers_sent <= 1, "two answers")
        stored = after.stored_peers - before.stored_peers
        require(stored <= (1 if self.token else 0), f"{stored} peers stored")

    def _look(self) -> None:
        for data, address in self.dht.outgoing():
            require(len(data) <= MAX_SENT, f"a datagram of {len(data)} bytes")
            self.sent += len(data)
            said: Dict[bytes, object] = bencode.decode(data)
            transaction, reply = said[b"t"], said.get(b"r")
            if said[b"y"] == b"q" and isinstance(transaction, bytes):
                self.asked.append((transaction, address))
            elif isinstance(reply, dict) and b"token" in reply:
                self.token = reply[b"token"]
        self.dht.events()
        require(self.sent <= LIMITS.upload_rate * (self.now + 10), f"{self.sent} bytes in {self.now} s")
        self.dht.advance(self.now)
        require(self.dht.next_timeout > self.now, f"due at {self.dht.next_timeout} and it is {self.now}")


def _parse(datagram: bytes, sender: Address) -> None:
    message = krpc.parse(datagram)
    if len(datagram) <= MAX_RECEIVED:
        require(message == krpc._decoded(datagram), "the usual reply means something else")
    if isinstance(message, krpc.Query):
        require(message.target is None or 0 <= message.target < 2**160, "a target")
        require(0 <= message.port(sender) < 65536, "a port")
        require(set(message.wanted(4)) <= {4, 6}, "a family")
    elif isinstance(message, krpc.Reply):
        for family in (4, 6):
            require(len(message.nodes(family)) <= MAX_NODES, "many nodes")
            require(len(message.peers(family)) <= MAX_VALUES, "many peers")


def _altered(value: object, choices: Choices) -> object:
    """Return plain data with other values at some places."""
    if not choices.below(4):
        return choices.pick((None, -1, 2**200, "", "é", choices.take(choices.byte()).hex(), [[]], {"": 0}, value))
    if isinstance(value, dict):
        return {key: _altered(item, choices) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_altered(item, choices) for item in value]
    return value


def check(data: bytes) -> None:
    """The steps, each a byte and what follows it."""
    choices = Choices(data)
    run = Run()
    for _ in range(200):
        if not choices:
            return
        run.step(choices.below(7), choices)


def seeds() -> List[bytes]:
    """Return queries of each kind, answers to a search with nodes and peers, and a node that is started anew."""
    body = {b"id": ID, b"target": OTHER, b"info_hash": ID, b"port": 7, b"token": b"aa", b"want": [b"n4", b"n6"]}
    queries = [
        bytes([DATAGRAM]) + recipe({b"t": b"aa", b"y": b"q", b"q": name, b"a": body}, WORDS) + bytes([sender])
        for sender, name in enumerate((PING, FIND_NODE, GET_PEERS, ANNOUNCE_PEER, b"vote"))
    ]
    told = {b"id": ID, b"nodes": 3 * NODES, b"values": [NODES[20:]], b"token": b"aa", b"nodes6": WORDS[-3]}
    answers = [bytes([ANSWER, at]) + recipe(told, WORDS) for at in range(3)]
    refused = bytes([DATAGRAM]) + recipe({b"t": b"aa", b"y": b"e", b"e": [201, b"no"]}, WORDS) + bytes([1])
    usual: Dict[bytes, Any] = {b"id": ID, b"nodes": 8 * NODES, b"token": b"aaaa", b"values": [NODES[20:]]}
    short: Dict[bytes, Any] = dict(usual)
    short[b"nodes"] = b""
    reply = bencode.encode({b"ip": NODES[20:], b"r": short, b"t": b"aaaa", b"v": b"aaaa", b"y": b"r"})
    return [
        bytes([NOISE, len(reply)]) + reply + bytes([0, NAME, 0, SEARCH, 0, ANSWER, 0]) + recipe(usual, WORDS),
        b"".join(queries),
        bytes([NAME, 0, NAME, 4, SEARCH, 0]) + b"".join(answers) + bytes([WAIT, 1, WAIT, 2]) + b"".join(answers),
        b"".join(4 * queries) + bytes([WAIT, 3]) + refused + bytes([SAVE, 0, SEARCH, 1, WAIT, 2]),
        bytes([NOISE, 4]) + b"d1:e" + bytes([0, SAVE, 1, 1, 1, 0, 2, 1, 0, 5, 4]) + bytes(4),
    ]


TOKENS = (*(b"%d:%s" % (len(word), word) for word in WORDS), bytes([WAIT, 2]), bytes([SEARCH, 0]), bytes([ANSWER, 0]))
TARGET = Target(check, seeds, TOKENS, longest=1200)

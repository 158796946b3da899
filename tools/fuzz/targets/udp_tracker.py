"""Datagrams to the machine of a UDP tracker: right, wrong, late and repeated answers, between requests and timeouts.

Nothing is raised; each exchange ends at most once; what is kept of an answer is bounded by it; the machine sends at
most one datagram for a request or a cancelled one, and ``MAX_SENT`` for a connection id; and it never spins.
"""

from __future__ import annotations

import random
import struct
from typing import Dict, List

from bittorrent_threads.protocol.announce import MAX_PEERS, AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.tracker_reply import MAX_TEXT, TrackerFailure
from bittorrent_threads.protocol.udp_tracker import (
    MAX_SENT,
    Answer,
    Exchange,
    UdpTracker,
    announce_exchange,
    scrape_exchange,
)
from bittorrent_threads.protocol.udp_tracker_messages import is_answer

from ..choices import Choices
from ..target import Target, require, require_shown

REQUEST = AnnounceRequest(infohash=b"i" * 20, peerid=b"p" * 20, port=6881, uploaded=0, downloaded=0, left=1)
HOSTS = ("192.0.2.1", "2001:db8::1")
ANNOUNCE, SCRAPE, ANSWER, FORGE, WAIT, CANCEL, FAIL = range(7)
"""Steps."""


class Run:
    """One machine, and what must be true of it after each step."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.tracker = UdpTracker(random.Random(1))
        self.now = 0.0
        self.asked: Dict[Exchange, bool] = {}
        """Whether an exchange is over."""
        self.sent: List[bytes] = []

    def step(self, kind: int, choices: Choices) -> None:
        """Do one thing, then look at what came of it."""
        room = 1
        size = 0
        if kind == ANNOUNCE:
            self._ask(announce_exchange(REQUEST, "udp://t:1/a", self.host))
        elif kind == SCRAPE:
            self._ask(scrape_exchange(b"i" * 20))
        elif kind in (ANSWER, FORGE):
            datagram = self._datagram(choices, right=kind == ANSWER)
            is_answer(datagram)
            size = len(datagram)
            room = MAX_SENT
            self.tracker.receive(memoryview(datagram), self.now)
        elif kind == WAIT:
            self.now += (0.5, 15.0, 61.0, 4000.0)[choices.below(4)]
            room = MAX_SENT + 1
            self.tracker.handle_timeouts(self.now)
        elif kind == CANCEL and self.asked:
            exchange = choices.pick(list(self.asked)[:256])
            self.asked[exchange] = True
            self.tracker.cancel(exchange, self.now)
        elif kind == FAIL:
            self.tracker.fail("network unreachable")
        self._look(room, size)

    def _ask(self, exchange: Exchange) -> None:
        self.asked[exchange] = False
        self.tracker.request(exchange, self.now)

    def _datagram(self, choices: Choices, *, right: bool) -> bytes:
        """Return an answer to one of the last datagrams, or one whose head is a choice."""
        body = choices.take(choices.byte())
        if not right or not self.sent:
            return body
        (transaction,) = struct.unpack_from(">I", self.sent[-1 - choices.below(len(self.sent[-8:]))], 12)
        return struct.pack(">II", choices.below(5), transaction) + body

    def _look(self, room: int, size: int) -> None:
        output = self.tracker.take_output()
        require(len(output) <= room, f"{len(output)} datagrams at once")
        self.sent = (self.sent + output)[-64:]
        for exchange, answer in self.tracker.take_answers():
            require(self.asked.get(exchange) is False, "an exchange that is over ends")
            self.asked[exchange] = True
            _usable(answer, size)
        due = self.tracker.next_timeout()
        require(due > self.now or self.tracker.over(self.now), f"due at {due} and it is {self.now}")


def check(data: bytes) -> None:
    """One byte selects the family of the tracker; then come the steps."""
    choices = Choices(data)
    run = Run(choices.pick(HOSTS))
    while choices:
        run.step(choices.below(7), choices)


def _usable(answer: Answer, size: int) -> None:
    if isinstance(answer, TrackerFailure):
        require_shown(answer.reason, MAX_TEXT, "the failure")
    elif isinstance(answer, AnnounceReply):
        require(len(answer.peers) <= min(MAX_PEERS, size // 6), f"{len(answer.peers)} peers of {size} bytes")
        require(all(0 < port < 65536 for _, port in answer.peers), "a port")
        counts = (answer.interval, answer.complete, answer.incomplete)
        require(all(count is None or count >= 0 for count in counts), "a negative count")


def seeds() -> List[bytes]:
    """Return whole announces and scrapes, lost ones, refused ones, and many at once."""
    connect = bytes([ANSWER, 8]) + b"connectn" + bytes([0, 0])
    announced = bytes([ANSWER, 24]) + bytes([0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 26, 225]) + bytes(6)
    scraped = bytes([ANSWER, 12]) + bytes(12) + bytes([0, 2])
    refused = bytes([ANSWER, 5]) + b"no!!!" + bytes([0, 3])
    forgotten = bytes([ANSWER, 13]) + b"connection id" + bytes([0, 3])
    runs = [
        bytes([ANNOUNCE]) + connect + announced + bytes([0, 1]),
        bytes([SCRAPE]) + connect + scraped,
        bytes([ANNOUNCE, WAIT, 1, WAIT, 1]) + connect + bytes([WAIT, 2, WAIT, 1]) + connect + refused,
        bytes([ANNOUNCE] * 80) + connect + announced + bytes([0, 1, CANCEL, 3, CANCEL, 70]),
        bytes([ANNOUNCE]) + connect + forgotten + bytes([WAIT, 1]) + connect + forgotten,
        bytes([ANNOUNCE, FAIL, ANNOUNCE, WAIT, 1, FORGE, 16]) + bytes(16),
    ]
    return [bytes([family]) + run for family in (0, 1) for run in runs]


TOKENS = (
    bytes([ANNOUNCE]),
    bytes([SCRAPE]),
    bytes([ANSWER, 8]) + bytes(8) + bytes([0, 0]),
    bytes([ANSWER, 12]) + bytes(12) + bytes([0, 1]),
    bytes([ANSWER, 255]),
    bytes([WAIT, 1]),
    bytes([WAIT, 2]),
    b"connection id",
    b"\xff\xff\xff\xff",
)
TARGET = Target(check, seeds, TOKENS, longest=600)

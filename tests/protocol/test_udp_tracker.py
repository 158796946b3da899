"""The machine of one UDP tracker: the time tables of BEP 15, lost and wrong answers, many torrents at once."""

from __future__ import annotations

import random
import struct
from typing import Dict, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bittorrent_threads.protocol.announce import AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.scrape import SwarmCounts
from bittorrent_threads.protocol.tracker_reply import TrackerFailure
from bittorrent_threads.protocol.udp_tracker import (
    CONNECTION_LIFE,
    FIRST_TIMEOUT,
    MAX_SENT,
    Answer,
    Exchange,
    UdpTracker,
    announce_exchange,
    scrape_exchange,
)

HOST = "192.0.2.1"
URL = "udp://t:1/announce"
REQUEST = AnnounceRequest(infohash=b"i" * 20, peerid=b"p" * 20, port=6881, uploaded=0, downloaded=0, left=1)
CONNECT, ANNOUNCE, SCRAPE, ERROR = range(4)
NAMES = {CONNECT: "connect", ANNOUNCE: "announce", SCRAPE: "scrape"}


class Line:
    """A machine, the clock, and what it sent, as lists of ``(time, action)``."""

    def __init__(self) -> None:
        self.tracker = UdpTracker(random.Random(1))
        self.now = 0.0
        self.sent: List[Tuple[float, str]] = []
        self.datagrams: List[bytes] = []
        self.answers: List[Answer] = []
        self.connections = 0

    def ask(self, exchange: Exchange) -> Exchange:
        self.tracker.request(exchange, self.now)
        self._drain()
        return exchange

    def announce(self) -> Exchange:
        return self.ask(announce_exchange(REQUEST, URL, HOST))

    def scrape(self) -> Exchange:
        return self.ask(scrape_exchange(b"i" * 20))

    def run(self, until: float) -> None:
        """Let time pass, and call the machine when it wants it."""
        while self.tracker.next_timeout() <= until and not self.tracker.over(self.now):
            self.now = max(self.now, self.tracker.next_timeout())
            self.tracker.handle_timeouts(self.now)
            self._drain()
        self.now = until

    def receive(self, datagram: bytes) -> None:
        self.tracker.receive(datagram, self.now)
        self._drain()

    def reply(self, at: float, *, index: int = -1) -> None:
        """Answer one of the sent datagrams as a tracker does."""
        self.run(at)
        self.receive(self.reply_to(self.datagrams[index]))

    def reply_to(self, datagram: bytes) -> bytes:
        connection, action, transaction = struct.unpack_from(">8sII", datagram)
        if action == CONNECT:
            self.connections += 1
            return struct.pack(">IIQ", CONNECT, transaction, self.connections)
        assert struct.unpack(">Q", connection) == (self.connections,)
        if action == SCRAPE:
            return struct.pack(">IIIII", SCRAPE, transaction, 1, 2, 3)
        return struct.pack(">IIIII", ANNOUNCE, transaction, 1800, 1, 0)

    def refuse(self, text: bytes, *, index: int = -1) -> None:
        (transaction,) = struct.unpack_from(">I", self.datagrams[index], 12)
        self.receive(struct.pack(">II", ERROR, transaction) + text)

    def _drain(self) -> None:
        for datagram in self.tracker.take_output():
            self.datagrams.append(datagram)
            self.sent.append((self.now, NAMES[struct.unpack_from(">I", datagram, 8)[0]]))
        self.answers += [answer for _, answer in self.tracker.take_answers()]


REPLY = AnnounceReply(interval=1800, complete=0, incomplete=1, host=HOST)


@pytest.fixture
def line() -> Line:
    return Line()


# -- the time tables of BEP 15 -----------------------------------------------------------------------------------------


def test_a_normal_announce(line: Line) -> None:
    line.announce()
    line.reply(1)
    assert line.sent == [(0, "connect"), (1, "announce")]
    line.reply(3)
    assert line.answers == [REPLY]
    line.run(1000)
    assert len(line.sent) == 2


def test_connect_times_out(line: Line) -> None:
    line.announce()
    line.run(15 * (2**10))
    assert line.sent[:4] == [(0, "connect"), (15, "connect"), (45, "connect"), (105, "connect")]
    pauses = [later - earlier for (earlier, _), (later, _) in zip(line.sent, line.sent[1:])]
    assert pauses == [15 * 2 ** min(n, 8) for n in range(len(pauses))]
    assert max(pauses) == 3840
    assert len({datagram for datagram in line.datagrams}) == 1, "the transaction id stays"


def test_announce_times_out(line: Line) -> None:
    line.announce()
    line.reply(1)
    line.run(2)
    line.run(230)
    assert line.sent == [
        (0, "connect"),
        (1, "announce"),
        (16, "announce"),
        (46, "announce"),
        (106, "connect"),  # the connection id has expired
        (226, "connect"),
    ]


def test_multiple_requests(line: Line) -> None:
    line.announce()
    line.reply(1)
    line.reply(3)
    line.run(4)
    line.announce()
    line.reply(5)
    line.run(60)
    line.announce()
    line.reply(61)
    line.run(62)
    line.announce()
    line.scrape()
    line.scrape()
    line.announce()
    assert line.sent[-1] == (62, "connect")
    line.reply(63)
    assert line.sent[-4:] == [(63, "announce"), (63, "scrape"), (63, "scrape"), (63, "announce")]
    assert [what for _, what in line.sent].count("connect") == 2
    for index in (-4, -1, -3, -2):
        line.reply(64, index=index)
    counts = SwarmCounts(complete=1, incomplete=3, downloaded=2)
    assert line.answers == [REPLY, REPLY, REPLY, REPLY, REPLY, counts, counts]


# -- lost and wrong answers --------------------------------------------------------------------------------------------


def test_a_connection_id_that_comes_late_ends_the_patience(line: Line) -> None:
    line.announce()
    line.run(50)
    line.reply(51)
    assert line.sent[-1] == (51, "announce")
    line.run(66)
    assert line.sent[-1] == (66, "announce")


def test_a_late_answer_counts_while_another_connection_id_is_asked_for(line: Line) -> None:
    line.announce()
    line.reply(1)
    line.run(106)
    assert line.sent[-1] == (106, "connect")
    (announced,) = {each for each in line.datagrams if len(each) > 16}
    line.receive(line.reply_to(announced))
    assert line.answers == [REPLY]
    line.run(1000)
    assert line.sent[-1] == (106, "connect")


@pytest.mark.parametrize(
    ("wrong", "phase"),
    [
        *(("transaction", CONNECT), ("action", CONNECT), ("short", CONNECT), ("empty", CONNECT)),
        *(("transaction", ANNOUNCE), ("action", ANNOUNCE), ("empty", ANNOUNCE)),
    ],
)
def test_a_wrong_answer_is_ignored_and_the_right_one_counts(line: Line, wrong: str, phase: int) -> None:
    exchange = line.announce()
    if phase == ANNOUNCE:
        line.reply(1)
    connections = line.connections
    right = line.reply_to(line.datagrams[-1])
    action, transaction = struct.unpack_from(">II", right)
    line.receive(
        {
            "transaction": struct.pack(">II", action, transaction ^ 1) + right[8:],
            "action": struct.pack(">II", SCRAPE, transaction) + right[8:],
            "short": right[:15],
            "empty": b"",
        }[wrong]
    )
    assert line.answers == []
    assert exchange.malformed == (wrong in ("action", "short"))
    line.connections = connections
    line.reply(2)
    if phase == CONNECT:
        assert line.sent[-1] == (2, "announce")
        line.reply(3)
    assert line.answers == [REPLY]


def test_an_answer_that_comes_twice_counts_once(line: Line) -> None:
    line.announce()
    first = line.reply_to(line.datagrams[-1])
    line.receive(first)
    line.receive(first)
    assert len(line.sent) == 2
    second = line.reply_to(line.datagrams[-1])
    line.receive(second)
    line.receive(second)
    assert line.answers == [REPLY]


def test_what_was_not_sent_yet_cannot_be_answered(line: Line) -> None:
    exchange = line.announce()
    line.receive(struct.pack(">IIIII", ANNOUNCE, exchange.transaction, 1800, 1, 0))
    assert line.answers == []


def test_transaction_ids_cannot_be_guessed_from_one_another(line: Line) -> None:
    exchanges = [line.announce() for _ in range(100)]
    numbers = [exchange.transaction for exchange in exchanges]
    assert len({number >> 16 for number in numbers}) > 90
    assert len(set(numbers)) == 100


def test_a_transaction_id_that_is_in_use_is_not_taken(line: Line) -> None:
    class Repeating:
        def __init__(self) -> None:
            self.numbers = [5, 5, 6, 6, 5, 7]

        def getrandbits(self, k: int) -> int:
            return self.numbers.pop(0)

    line.tracker = UdpTracker(Repeating())
    one, other = line.announce(), line.announce()
    assert (one.transaction, other.transaction) == (5, 7)
    assert struct.unpack_from(">I", line.datagrams[0], 12) == (6,)


# -- errors ------------------------------------------------------------------------------------------------------------


def test_an_error_ends_the_announce(line: Line) -> None:
    line.announce()
    line.reply(1)
    line.refuse(b"not today")
    (failure,) = line.answers
    assert isinstance(failure, TrackerFailure)
    assert failure.reason == "not today"


@pytest.mark.parametrize(("size", "reason"), [(8, "refused without a reason"), (19, "the answer has 19 bytes only")])
def test_a_short_answer_ends_the_announce(line: Line, size: int, reason: str) -> None:
    line.announce()
    line.reply(1)
    line.receive(line.reply_to(line.datagrams[-1])[:size])
    assert [str(answer) for answer in line.answers] == [reason]


def test_an_error_in_place_of_a_connection_id_ends_all_that_wait_for_it(line: Line) -> None:
    line.announce()
    line.scrape()
    line.refuse(b"banned")
    assert [str(answer) for answer in line.answers] == ["banned", "banned"]
    line.announce()
    assert line.sent == [(0, "connect")]
    line.run(15)
    assert line.sent == [(0, "connect"), (15, "connect")]


def test_a_tracker_that_forgot_the_connection_id_is_asked_for_another_once(line: Line) -> None:
    line.announce()
    line.reply(1)
    line.reply(2)
    line.run(30)
    line.announce()
    line.refuse(b"Connection ID missmatch.\0")
    assert line.sent[-1] == (30, "connect")
    line.reply(31)
    assert line.sent[-1] == (31, "announce")
    line.refuse(b"Connection ID missmatch.\0")
    assert [str(answer) for answer in line.answers[1:]] == ["Connection ID missmatch."]
    assert line.sent[-1] == (31, "announce")


def test_a_tracker_that_forgets_every_connection_id_causes_one_request_in_15_s(line: Line) -> None:
    for _ in range(40):
        line.announce()
        line.run(line.now + 1)
        if line.sent[-1][1] == "connect":
            line.reply(line.now)
        line.refuse(b"connection id expired")
    connects = [time for time, what in line.sent if what == "connect"]
    assert all(later - earlier >= FIRST_TIMEOUT for earlier, later in zip(connects, connects[1:]))


def test_when_nothing_can_be_sent_everything_fails(line: Line) -> None:
    line.announce()
    line.scrape()
    line.tracker.fail("network unreachable")
    line.run(1)
    line.ask(scrape_exchange(b"j" * 20))
    assert [str(answer) for answer in line.answers] == ["network unreachable"] * 2
    line.run(15)
    assert line.sent == [(0, "connect"), (15, "connect")]


# -- many at once ------------------------------------------------------------------------------------------------------


def test_a_thousand_torrents_ask_for_one_connection_id_and_are_no_flood(line: Line) -> None:
    for _ in range(1000):
        line.announce()
    assert line.sent == [(0, "connect")]
    line.reply(1)
    assert len(line.sent) == 1 + MAX_SENT
    answered = 1
    while answered < len(line.datagrams):
        line.receive(line.reply_to(line.datagrams[answered]))
        answered += 1
        assert len(line.datagrams) - answered <= MAX_SENT
    assert line.answers == [REPLY] * 1000
    assert len(line.sent) == 1001


def test_a_dead_tracker_gets_one_datagram_in_15_s_however_many_ask(line: Line) -> None:
    for second in range(600):
        line.run(second)
        exchange = line.announce()
        line.run(second + 0.5)
        if second % 3:
            line.tracker.cancel(exchange, line.now)
    times = [time for time, _ in line.sent]
    assert all(later - earlier >= FIRST_TIMEOUT for earlier, later in zip(times, times[1:]))


def test_whoever_asks_after_others_gave_up_need_not_be_patient(line: Line) -> None:
    exchange = line.announce()
    line.run(100)
    assert line.sent[-1] == (45, "connect")
    line.tracker.cancel(exchange, line.now)
    line.announce()
    assert line.sent[-1] == (100, "connect")
    line.run(116)
    assert line.sent[-1] == (115, "connect")


def test_a_cancelled_exchange_makes_room_for_the_next(line: Line) -> None:
    exchanges = [line.announce() for _ in range(MAX_SENT + 1)]
    line.reply(1)
    assert not exchanges[-1].sent
    line.tracker.cancel(exchanges[0], line.now)
    assert exchanges[-1].sent
    line.tracker.cancel(exchanges[0], line.now)
    line._drain()
    line.receive(line.reply_to(line.datagrams[1]))
    assert line.answers == []


def test_it_is_over_when_nothing_is_known_that_is_of_use(line: Line) -> None:
    assert line.tracker.over(0)
    line.announce()
    assert not line.tracker.over(1e9)
    line.reply(1)
    line.reply(2)
    assert line.tracker.next_timeout() == 1 + CONNECTION_LIFE
    assert not line.tracker.over(60)
    assert line.tracker.over(61)


# -- properties --------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(["ask", "answer", "garbage", "wait", "cancel"]), max_size=60))
def test_whatever_happens_nothing_spins_and_little_is_sent(seed: int, steps: List[str]) -> None:
    chance = random.Random(seed)
    line = Line()
    asked: Dict[Exchange, None] = {}
    for step in steps:
        before = len(line.datagrams)
        if step == "ask":
            asked[line.announce()] = None
        elif step == "answer" and line.datagrams:
            datagram = chance.choice(line.datagrams)
            line.connections = struct.unpack_from(">Q", datagram)[0] if len(datagram) > 16 else line.connections
            line.receive(line.reply_to(datagram))
        elif step == "garbage":
            head = struct.pack(">II", chance.randrange(6), chance.getrandbits(32))
            line.receive((head + chance.randbytes(20))[: chance.randrange(29)])
        elif step == "wait":
            line.run(line.now + chance.choice([0.1, 15, 61]))
        elif step == "cancel" and asked:
            line.tracker.cancel(chance.choice(list(asked)), line.now)
            line._drain()
        assert len(line.datagrams) - before <= MAX_SENT + 4
        assert line.tracker.next_timeout() > line.now or line.tracker.over(line.now)

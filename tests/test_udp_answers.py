"""The tracker's side of BEP 15, read by the library's own parsers."""

from __future__ import annotations

import random
import struct

from bittorrent_threads.protocol import udp_tracker_messages as udp
from bittorrent_threads.protocol.announce import STARTED, STOPPED, AnnounceRequest
from bittorrent_threads.protocol.registry import Registry
from bittorrent_threads.udp_answers import MAX_CONNECTIONS, UdpAnswers

INFOHASH = b"i" * 20


def made() -> UdpAnswers:
    return UdpAnswers(Registry(interval=900, min_interval=60, random=random.Random(1)))


def connection_of(answers: UdpAnswers, host: str = "1.2.3.4") -> bytes:
    answer = answers.answer(udp.connect_request(77), host)
    assert udp.parse_header(answer) == (udp.CONNECT, 77)
    connection = udp.parse_connect(answer)
    assert connection is not None
    return connection


def announce(answers: UdpAnswers, host: str, port: int, *, left: int = 5, event: str = STARTED) -> bytes:
    request = AnnounceRequest(
        infohash=INFOHASH,
        peerid=b"p%019d" % port,
        port=port,
        uploaded=0,
        downloaded=0,
        left=left,
        event=event,
        numwant=50,
        key="1f",
    )
    return answers.answer(udp.announce_request(request, b"", connection_of(answers, host), 5), host)


def test_peers_of_both_families_meet() -> None:
    answers = made()
    announce(answers, "1.2.3.4", 1000, left=0)
    reply = udp.parse_announce(announce(answers, "1.2.3.5", 2000), "9.9.9.9")
    assert reply is not None
    assert (reply.peers, reply.interval, reply.complete, reply.incomplete) == ((("1.2.3.4", 1000),), 900, 1, 1)
    announce(answers, "2001:db8::1", 3000)
    six = udp.parse_announce(announce(answers, "2001:db8::2", 4000), "2001:db8::9")
    assert six is not None
    assert six.peers == (("2001:db8::1", 3000),)
    announce(answers, "1.2.3.4", 1000, event=STOPPED)
    last = udp.parse_announce(announce(answers, "1.2.3.5", 2000), "9.9.9.9")
    assert last is not None
    assert (last.peers, last.complete) == ((), 0)


def test_a_scrape_counts() -> None:
    answers = made()
    announce(answers, "1.2.3.4", 1000, left=0)
    answer = answers.answer(udp.scrape_request(INFOHASH, connection_of(answers), 6), "1.2.3.4")
    assert udp.parse_scrape(answer) == (1, 0, 0, None)


def test_a_connection_id_is_that_of_a_host() -> None:
    answers = made()
    connection = connection_of(answers)
    answer = answers.answer(udp.scrape_request(INFOHASH, connection, 6), "1.2.3.9")
    assert udp.parse_header(answer) == (udp.ERROR, 6)
    assert udp.parse_error(answer) == "the connection id is not known"


def test_what_is_refused_says_why() -> None:
    answers = made()
    assert udp.parse_error(announce(answers, "1.2.3.4", 0)) == "port is 0, not 1 to 65535"
    assert (
        udp.parse_error(answers.answer(connection_of(answers) + struct.pack(">II", 9, 9), "1.2.3.4")) == "not a request"
    )
    assert answers.answer(b"hello", "1.2.3.4") == b""


def test_connection_ids_are_bounded() -> None:
    answers = made()
    first = connection_of(answers)
    for _ in range(MAX_CONNECTIONS):
        last = connection_of(answers)
    for connection, action in ((first, udp.ERROR), (last, udp.SCRAPE)):
        header = udp.parse_header(answers.answer(udp.scrape_request(INFOHASH, connection, 6), "1.2.3.4"))
        assert header == (action, 6)

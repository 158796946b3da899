"""The tracker with faults, over HTTP and UDP, asked by plain sockets and by the library."""

from __future__ import annotations

import http.client
import socket
import struct
import time
from pathlib import Path
from typing import Callable, Iterator, Optional

import pytest

import bittorrent_threads as bt
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.testing import SampleTorrent, Tracker, no_leaks, quiet_settings, seeder

SAMPLE = SampleTorrent(50_000)
PATIENT = quiet_settings(stop_announce_timeout=20.0)
"""A tracker is told everything also on a busy machine."""
CONNECT = struct.pack(">QII", 0x41727101980, 0, 7)
QUERY = "/announce?info_hash=iiiiiiiiiiiiiiiiiiii&peer_id=pppppppppppppppppppp&port=1&uploaded=0&downloaded=0&left=0"


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with no_leaks(), Tracker() as running:
        yield running


def get(tracker: Tracker, path: str = QUERY, timeout: float = 10.0) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", tracker.port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().read()
    finally:
        connection.close()


def raw(tracker: Tracker) -> bytes:
    with socket.create_connection(("127.0.0.1", tracker.port), 10) as sock:
        sock.sendall(f"GET {QUERY} HTTP/1.1\r\n\r\n".encode())
        data = b""
        while True:
            part = sock.recv(65536)
            if not part:
                return data
            data += part


def ask(tracker: Tracker, timeout: float = 10.0, *, answers: int = 1) -> Optional[bytes]:
    """Send a connect request over UDP; return the last answer, None if there is none in time."""
    answer = None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.sendto(CONNECT, ("127.0.0.1", tracker.port))
        try:
            for _ in range(answers):
                answer = sock.recv(100)
        except socket.timeout:
            return None
    return answer


@pytest.mark.parametrize("url", [lambda t: t.url, lambda t: t.udp_url], ids=["http", "udp"])
def test_a_download_that_knows_only_the_tracker(
    tracker: Tracker, url: Callable[[Tracker], str], tmp_path: Path
) -> None:
    with seeder(SAMPLE, trackers=[url(tracker)]) as seed:
        tracker.wait_until(lambda: tracker.swarm(SAMPLE.infohash))
        assert tracker.swarm(SAMPLE.infohash) == (("127.0.0.1", seed.port),)
        bt.download(SAMPLE.metainfo([url(tracker)]), tmp_path, settings=PATIENT, timeout=30)
        (scraped,) = seed.scrape()
        assert (scraped.error, scraped.seeds) == ("", 1)
    assert SAMPLE.differences(tmp_path) == []
    assert {announced.event for announced in tracker.announces} == {"started", "completed", "stopped"}


@pytest.mark.parametrize("url", [lambda t: t.url, lambda t: t.udp_url], ids=["http", "udp"])
def test_a_slow_tracker_hears_of_the_completion_before_the_end(
    tracker: Tracker, url: Callable[[Tracker], str], tmp_path: Path
) -> None:
    with (
        seeder(SAMPLE) as seed,
        bt.Client(SAMPLE.metainfo([url(tracker)]), tmp_path, settings=PATIENT) as client,
    ):
        client.wait(lambda status: status.trackers[0].working, timeout=30)
        tracker.delay(0.3, 1)
        client.add_peer("127.0.0.1", seed.port)
        client.wait(timeout=30)
    assert [announced.event for announced in tracker.announces] == ["started", "completed", "stopped"]
    assert tracker.swarm(SAMPLE.infohash) == ()


def test_lost_requests(tracker: Tracker) -> None:
    tracker.lose(2)
    assert ask(tracker, 0.2) is None
    with pytest.raises(socket.timeout):
        get(tracker, timeout=0.2)
    assert ask(tracker) is not None
    assert tracker.requests == 3
    assert tracker.announces == ()


def test_delayed_answers(tracker: Tracker) -> None:
    tracker.delay(0.2, 2)
    began = time.monotonic()
    assert ask(tracker)
    halfway = time.monotonic()
    assert get(tracker)
    assert min(halfway - began, time.monotonic() - halfway) >= 0.2


def test_repeated_answers(tracker: Tracker) -> None:
    tracker.repeat(2)
    assert ask(tracker, answers=2) is not None
    assert raw(tracker).count(b"200 OK") == 2
    assert raw(tracker).count(b"200 OK") == 1


def test_garbled_answers(tracker: Tracker) -> None:
    right = ask(tracker)
    assert right is not None
    tracker.garble()
    for _ in range(8):
        garbled = ask(tracker)
        assert garbled is not None
        assert garbled[:8] != right[:8]
    assert b"<html>" in get(tracker)
    tracker.recover()
    assert b"interval" in get(tracker)


def test_failure_reasons(tracker: Tracker) -> None:
    tracker.fail("not registered", 2)
    assert bencode.decode(get(tracker)) == {b"failure reason": b"not registered"}
    assert ask(tracker) == struct.pack(">II", 3, 7) + b"not registered"
    assert b"interval" in get(tracker)


def test_a_client_gets_over_all_of_them(tracker: Tracker, tmp_path: Path) -> None:
    tracker.garble(1)
    tracker.repeat(1)
    tracker.delay(0.1, 1)
    with (
        seeder(SAMPLE) as seed,
        bt.Client(
            SAMPLE.metainfo([tracker.udp_url]), tmp_path, settings=quiet_settings(), peers=[("127.0.0.1", seed.port)]
        ) as client,
    ):
        client.wait(timeout=30)
        assert tracker.requests > 0


def test_a_client_says_what_a_tracker_answered(tracker: Tracker, tmp_path: Path) -> None:
    tracker.fail("not registered")
    with bt.Client(SAMPLE.metainfo([tracker.url]), tmp_path, settings=quiet_settings()) as client:
        client.wait(lambda status: "not registered" in status.trackers[0].error, timeout=30)


def test_what_is_no_request_gets_no_answer_or_an_error(tracker: Tracker) -> None:
    assert get(tracker, "/nothing") == b""
    assert bencode.decode(get(tracker, "/announce")) == {b"failure reason": b"port is missing"}


def test_a_wait_in_vain_says_how_much_was_asked(tracker: Tracker) -> None:
    get(tracker)
    with pytest.raises(TimeoutError, match="1 requests, 1 announces accepted"):
        tracker.wait_until(lambda: False, timeout=0.01)


def test_over_ipv6(tmp_path: Path) -> None:
    with Tracker(host="::1") as six:
        assert six.udp_url == f"udp://[::1]:{six.port}/announce"
        with seeder(SAMPLE, trackers=[six.udp_url], settings=quiet_settings(host="::1")) as seed:
            six.wait_until(lambda: six.announces)
            assert six.swarm(SAMPLE.infohash) == (("::1", seed.port),)


def test_it_ends_while_clients_wait() -> None:
    with Tracker() as tracker:
        tracker.lose()
        sock = socket.create_connection(("127.0.0.1", tracker.port), 10)
        sock.sendall(f"GET {QUERY} HTTP/1.1\r\n\r\n".encode())
        tracker.wait_until(lambda: tracker.requests == 1)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    with sock:
        assert sock.recv(10) == b""

"""The tracker over real sockets: HTTP as clients speak it, limits, and an end that leaves nothing behind."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import selectors
import socket
import textwrap
import threading
import urllib.request
from typing import Iterator, Tuple

import pytest
from support.loopback import free_port, run_child

from bittorrent_threads import tracker as tracker_module
from bittorrent_threads.errors import ListenError, ThreadError
from bittorrent_threads.protocol import udp_tracker_messages as udp
from bittorrent_threads.protocol.announce import AnnounceReply, AnnounceRequest
from bittorrent_threads.protocol.scrape import parse_scrape, scrape_url
from bittorrent_threads.tracker import Tracker

INFOHASH = bytes(range(200, 220))
TIMEOUT = 30.0


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with Tracker(interval=15, min_interval=5) as running:
        yield running


def request(number: int = 1, *, port: int = 6881, event: str = "started") -> AnnounceRequest:
    return AnnounceRequest(INFOHASH, b"-TH0100-%012d" % number, port, 0, 0, 5, event=event)


OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Made once: from Python 3.12 on each one reads the certificates of the system."""


def get(url: str) -> bytes:
    with OPENER.open(url, timeout=TIMEOUT) as response:
        body: bytes = response.read()
        return body


def ask_udp(sock: socket.socket, datagram: bytes) -> bytes:
    sock.send(datagram)
    return sock.recv(2048)


def udp_peers(subject: Tracker, number: int, family: int = socket.AF_INET, host: str = "") -> AnnounceReply:
    """Announce by UDP; returns the answer."""
    host = host or subject.host
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect((host, subject.port))
        connection = udp.parse_connect(ask_udp(sock, udp.connect_request(7)))
        assert connection is not None
        sock.send(b"no request")
        announce = udp.announce_request(request(number, port=6000 + number), b"/announce", connection, 8)
        reply = udp.parse_announce(ask_udp(sock, announce), host)
        counts = udp.parse_scrape(ask_udp(sock, udp.scrape_request(INFOHASH, connection, 9)))
    assert reply is not None
    assert counts is not None
    assert counts.incomplete == reply.incomplete
    return reply


def target(subject: Tracker, number: int) -> str:
    return request(number).url(subject.url).partition(str(subject.port))[2]


def raw(subject: Tracker, data: bytes) -> bytes:
    """Everything that comes back until the tracker hangs up."""
    with socket.create_connection((subject.host, subject.port), TIMEOUT) as sock:
        sock.sendall(data)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def threads() -> Tuple[str, ...]:
    return tuple(thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-"))


def test_udp_on_the_same_port(tracker: Tracker) -> None:
    assert tracker.udp_url == tracker.url.replace("http", "udp")
    assert udp_peers(tracker, 1).interval == 15
    assert udp_peers(tracker, 2).peers == (("127.0.0.1", 6001),)
    assert AnnounceReply.parse(get(request(3).url(tracker.url))).incomplete == 3, "one registry for both"
    assert len(tracker.swarm(INFOHASH)) == 3


def test_udp_of_both_families() -> None:
    with Tracker("::") as running:
        udp_peers(running, 1, host="127.0.0.1")
        udp_peers(running, 2, host="127.0.0.1")
        udp_peers(running, 3, socket.AF_INET6, "::1")
        assert udp_peers(running, 4, host="127.0.0.1").peers
        hosts = {host for host, _ in running.swarm(INFOHASH)}
        assert hosts == {"127.0.0.1", "::1"}, "a mapped address is the IPv4 address"


def test_a_port_that_another_program_has_for_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        tracker = Tracker(port=taken.getsockname()[1])
        with pytest.raises(ListenError) as caught:
            tracker.start()
    assert caught.value.errno == errno.EADDRINUSE


def test_announce_and_scrape(tracker: Tracker) -> None:
    assert AnnounceReply.parse(get(request(1).url(tracker.url))).interval == 15
    assert AnnounceReply.parse(get(request(2, port=7000).url(tracker.url))).peers == (("127.0.0.1", 6881),)
    assert tracker.swarm(INFOHASH) == (("127.0.0.1", 6881), ("127.0.0.1", 7000))
    assert [announced.event for announced in tracker.announces] == ["started", "started"]
    url = scrape_url(tracker.url, [INFOHASH])
    assert url is not None
    assert parse_scrape(get(url))[INFOHASH].incomplete == 2


def test_a_connection_is_kept_and_used_again(tracker: Tracker) -> None:
    connection = http.client.HTTPConnection(tracker.host, tracker.port, timeout=TIMEOUT)
    connection.connect()
    sock = connection.sock
    for number in range(5):
        connection.request("GET", target(tracker, number))
        assert AnnounceReply.parse(connection.getresponse().read()).interval == 15
    assert connection.sock is sock
    connection.close()


def test_requests_in_one_packet_and_in_many(tracker: Tracker) -> None:
    one = f"GET {target(tracker, 1)} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    last = f"GET {target(tracker, 2)} HTTP/1.1\r\nConnection: Close\r\n\r\n".encode()
    assert raw(tracker, one + one + last).count(b"HTTP/1.1 200 OK") == 3
    with socket.create_connection((tracker.host, tracker.port), TIMEOUT) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for pos in range(len(last)):
            sock.send(last[pos : pos + 1])
        assert b"".join(iter(lambda: sock.recv(65536), b"")).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET {} HTTP/1.0", "200 OK"),
        ("GET /nothing HTTP/1.0", "404 Not Found"),
        ("POST {} HTTP/1.1\r\nContent-Length: 5", "405 Method Not Allowed"),
        ("GET {} HTTP/1.1\r\nContent-Length: 5", "405 Method Not Allowed"),
        ("GET {}", "400 Bad Request"),
        ("\x16\x03\x01\x02\x00", "400 Bad Request"),
    ],
)
def test_one_answer_and_an_end(tracker: Tracker, head: str, status: str) -> None:
    answer = raw(tracker, f"{head.format(target(tracker, 1))}\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 {status}\r\n".encode())
    assert b"\r\nConnection: close\r\n" in answer


def test_a_request_without_end_is_refused(tracker: Tracker) -> None:
    # No more is sent than the tracker reads: closing with unread bytes would reset the connection.
    assert raw(tracker, b"x" * (tracker_module.MAX_HEAD + 1)).startswith(b"HTTP/1.1 431 ")


def test_bad_announces_get_a_failure_reason(tracker: Tracker) -> None:
    assert get(f"{tracker.url}?port=1") == b"d14:failure reason29:info_hash has 0 bytes, not 20e"


def test_a_client_that_hangs_up_harms_nobody(tracker: Tracker) -> None:
    for data in (b"", b"GET /announce", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection((tracker.host, tracker.port), TIMEOUT) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            b"".join(iter(lambda: sock.recv(65536), b""))
    assert get(request().url(tracker.url))


def test_a_bug_in_one_answer_harms_nobody_else(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tracker._registry, "answer", lambda *_, **__: 1 / 0)
        assert raw(tracker, b"GET /announce HTTP/1.1\r\n\r\n") == b""
    assert "ZeroDivisionError" in caplog.text
    assert get(request().url(tracker.url))


def test_too_many_connections_cost_the_quietest_its_own(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "MAX_CONNECTIONS", 2)
    head = f"GET {target(tracker, 1)} HTTP/1.1\r\n\r\n".encode()
    sockets = []
    for _ in range(3):
        sockets.append(socket.create_connection((tracker.host, tracker.port), TIMEOUT))
        sockets[-1].sendall(head)
        assert sockets[-1].recv(65536)
    assert sockets[0].recv(1) == b""
    sockets[2].sendall(head)
    assert sockets[2].recv(65536)
    for sock in sockets:
        sock.close()


def test_connections_of_the_greediest_host_go_first(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "MAX_CONNECTIONS", 3)
    with contextlib.ExitStack() as stack:

        def connect(host: str) -> socket.socket:
            sock = socket.create_connection((tracker.host, tracker.port), TIMEOUT, (host, 0))
            stack.callback(sock.close)
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.recv(65536)
            return sock

        lonely = connect("127.0.0.2")
        greedy = [connect("127.0.0.3") for _ in range(10)]
        lonely.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert lonely.recv(65536)
        assert [sock.recv(1) for sock in greedy[:8]] == [b""] * 8


def test_long_answers_are_made_as_they_are_taken(tracker: Tracker) -> None:
    for number in range(300):
        get(request(number, port=1000 + number).url(tracker.url))
    head = f"GET {target(tracker, 999)}&numwant=200 HTTP/1.1\r\n\r\n".replace("compact=1", "compact=0").encode()
    connection = tracker_module._Connection(socket.socket(), "127.0.0.1")
    with connection.sock, socket.socket() as sock, selectors.DefaultSelector() as selector:
        serving = tracker_module._Serving(tracker._registry, sock, sock, sock, selector)
        connection.received += head * 100
        serving._respond_to_all(connection)
        longest = len(connection.sending)
        assert 10_000 < longest < tracker_module.MAX_SENDING + 20_000
        assert len(connection.received) > 90 * len(head)
    answers = raw(tracker, head * 99 + head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    assert answers.count(b"HTTP/1.1 200 OK") == 100


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("", b"200 OK"),
        ("Sec-Fetch-Site: none\r\n", b"200 OK"),
        ("Sec-Fetch-Site: cross-site\r\n", b"403 Forbidden"),
        ("Sec-Fetch-Site: same-origin\r\n", b"403 Forbidden"),
        ("Origin: null\r\n", b"403 Forbidden"),
        ("Referer: http://evil.example/\r\n", b"403 Forbidden"),
    ],
)
def test_a_page_in_a_browser_is_no_client(tracker: Tracker, headers: str, status: bytes) -> None:
    answer = raw(tracker, f"GET {target(tracker, 1)} HTTP/1.0\r\n{headers}\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert len(tracker.announces) == (status == b"200 OK")


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ("", "10.1.2.3"),
        ("Host: localhost:80\r\n", "10.1.2.3"),
        ("Host: [::1]\r\n", "10.1.2.3"),
        ("Host: 127.0.0.1\r\nUser-Agent: libtorrent/2\r\n", "10.1.2.3"),
        ("Host: evil.example:80\r\n", "127.0.0.1"),
        ("Host: 127.0.0.1\r\nUser-Agent: Mozilla/5.0 (X11)\r\n", "127.0.0.1"),
        ("Sec-Fetch-Site: none\r\n", "127.0.0.1"),
    ],
)
def test_another_address_counts_in_what_no_browser_sends(tracker: Tracker, headers: str, host: str) -> None:
    raw(tracker, f"GET {target(tracker, 1)}&ip=10.1.2.3 HTTP/1.0\r\n{headers}\r\n".encode())
    assert tracker.swarm(INFOHASH) == ((host, 6881),)


def test_a_silent_connection_is_closed(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "IDLE_TIMEOUT", 0.05)
    with contextlib.suppress(ConnectionError):  # closed before all of it was read
        assert raw(tracker, b"GET /announce HTTP/1.1\r\n") == b""


def test_all_addresses_of_this_machine() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with Tracker("::") as everywhere:
        assert everywhere.url.startswith("http://127.0.0.1:")
        get(request(1).url(everywhere.url))
        reply = AnnounceReply.parse(get(request(2).url(f"http://[::1]:{everywhere.port}/announce")))
        assert (reply.peers, reply.external_ip) == ((("127.0.0.1", 6881),), "::1")
        assert AnnounceReply.parse(get(request(3).url(everywhere.url))).peers[-1] == ("::1", 6881)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(ListenError, match="0 to 65535"):
        Tracker(port=port).start()


def test_a_port_that_is_taken(tracker: Tracker) -> None:
    with pytest.raises(ListenError) as caught:
        Tracker(port=tracker.port).start()
    assert (caught.value.address, caught.value.errno != 0) == (f"127.0.0.1:{tracker.port}", True)


def test_start_and_close_any_number_of_times() -> None:
    before = threads()
    tracker = Tracker()
    tracker.close()
    for _ in range(3):
        tracker.start()
        assert tracker.start() is tracker
        assert threads() == (*before, f"bittorrent-tracker-{tracker.port}")
        assert get(request().url(tracker.url))
        tracker.close()
        tracker.close()
        assert threads() == before


def test_closing_hangs_up_on_those_who_stay() -> None:
    tracker = Tracker(port=free_port()).start()
    kept = socket.create_connection((tracker.host, tracker.port), TIMEOUT)
    kept.sendall(f"GET {target(tracker, 1)} HTTP/1.1\r\n\r\n".encode())
    assert kept.recv(65536)
    tracker.close()
    assert kept.recv(1) == b""
    kept.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((tracker.host, tracker.port), TIMEOUT)


def test_a_tracker_without_a_thread_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    tracker = Tracker()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(ThreadError, match="cannot start the thread bittorrent-tracker-"):
            tracker.start()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((tracker.host, tracker.port))
    with tracker:
        assert tracker.announces == ()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_the_child_of_a_fork_closes_its_copies_of_the_sockets() -> None:
    program = """
        import os, socket, warnings
        import bittorrent_threads as bt
        warnings.simplefilter("ignore", DeprecationWarning)
        reader, writer = os.pipe()
        with bt.Tracker() as tracker:
            tracker.swarm(bytes(20))
            child = os.fork()
            if not child:
                os.close(writer)
                assert tracker.announces == () and tracker.swarm(bytes(20)) == ()
                os.read(reader, 1)  # until the parent has looked
                os._exit(0)
            socket.create_connection((tracker.host, tracker.port)).close()
        try:
            socket.create_connection((tracker.host, tracker.port))
        except ConnectionRefusedError:
            print("the port is closed", flush=True)
        os.close(writer)
        os.waitpid(child, 0)
        """
    assert run_child(textwrap.dedent(program)) == "the port is closed\n"

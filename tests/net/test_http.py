from __future__ import annotations

import base64
import errno
import gzip
import socket
import ssl
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any, List, Tuple

import pytest
from support.loopback import PATIENCE, free_port
from support.webserver import Answer, WebServer, chunked, drip, flood, gzipped, ok, silence

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.net import http, resolver
from bittorrent_threads.net.http import Fetch, Response, is_tracker_path, parse_url


def fetch(url: str, *, timeout: float = PATIENCE, max_body: int = 1 << 20, **options: Any) -> Response:
    return Fetch(url, timeout=timeout, max_body=max_body, user_agent="tests/1", **options).run()


def refused(answer: Answer, *, timeout: float = PATIENCE, max_body: int = 1 << 20) -> str:
    """The reason why this answer of a server is none."""
    with WebServer(answer) as server:
        with pytest.raises(TrackerError) as caught:
            fetch(server.url(), timeout=timeout, max_body=max_body)
        assert caught.value.url == server.url()
    return caught.value.reason


# -- what is asked and answered ----------------------------------------------------------------------------------------


def test_asks_and_answers() -> None:
    with WebServer(ok(b"d8:intervali1800ee", "127.0.0.1")) as server:
        url = server.url("/announce?info_hash=%01%02&left=0")
        assert fetch(url) == Response(url, 200, b"d8:intervali1800ee", "127.0.0.1")
    assert server.requests == [
        b"GET /announce?info_hash=%01%02&left=0 HTTP/1.1\r\n"
        + f"Host: 127.0.0.1:{server.port}\r\n".encode()
        + b"User-Agent: tests/1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    ]


def test_asks_over_ipv6() -> None:
    with WebServer(ok(b"x"), host="::1") as server:
        assert fetch(server.url()).body == b"x"
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"body"),
        b"HTTP/1.0 200 OK\r\n\r\nbody",
        b"HTTP/1.1 200 OK\nContent-Length: 4\n\nbody",
        b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"body"),
        chunked(b"bo", b"d", b"y"),
        chunked(b"body", end=b"0\r\nTrailer: x\r\n\r\n"),
        gzipped(b"body"),
        ok(gzip.compress(b"body"), "Content-Encoding: X-GZIP"),
        chunked(b"body").replace(b"\r\n4\r\n", b"\r\n4;extension=1\r\n"),
        ok(b"body", "Content-Encoding: identity"),
    ],
    ids=["plain", "HTTP/1.0", "bare line ends", "100", "chunked", "trailer", "gzip", "x-gzip", "extension", "identity"],
)
def test_answers_of_all_kinds(answer: bytes) -> None:
    with WebServer(answer) as server:
        assert fetch(server.url()).body == b"body"


def test_an_answer_in_pieces_of_every_size() -> None:
    answer = gzipped(bytes(range(256)) * 4)
    with WebServer(*[lambda sock, server, cut=cut: send_cut(sock, answer, cut) for cut in (1, 7, 100)]) as server:
        for _ in range(3):
            assert fetch(server.url()).body == bytes(range(256)) * 4


def send_cut(sock: socket.socket, data: bytes, cut: int) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for begin in range(0, len(data), cut):
        sock.sendall(data[begin : begin + cut])


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "503 Busy", "204 No Content", "304 Same"])
def test_an_error_of_http_is_an_answer(status: str) -> None:
    with WebServer(ok(b"d14:failure reason2:noe", status=status)) as server:
        response = fetch(server.url())
    assert response.status == int(status[:3])
    assert response.body == (b"" if status[:3] in ("204", "304") else b"d14:failure reason2:noe")


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with WebServer(ok(b"direct")) as server:
        assert fetch(server.url()).body == b"direct"


def test_credentials_in_the_url_are_sent_to_that_host_only() -> None:
    with WebServer(ok(b"")) as other, WebServer(ok(b"", f"Location: {other.url()}", status="302 Found")) as server:
        fetch(server.url().replace("//", "//us%40er:pass%3aword@"))
        assert b"Authorization: Basic " + base64.b64encode(b"us@er:pass:word") + b"\r\n" in server.requests[0]
        assert b"Authorization" not in other.requests[0]


# -- URLs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("http://example.com", ("http", "example.com", 80, "/", "")),
        ("HTTP://Example.COM:80/a?b=c", ("http", "example.com", 80, "/a?b=c", "")),
        ("https://u:p@[2001:db8::1]:8443/x#fragment", ("https", "2001:db8::1", 8443, "/x", "u:p")),
    ],
)
def test_urls(url: str, parts: Any) -> None:
    assert tuple(parse_url(url)) == parts


def test_the_host_header() -> None:
    assert parse_url("https://example.com:443/").authority == "example.com"
    assert parse_url("https://example.com:80/").authority == "example.com:80"
    assert parse_url("http://[::1]/").authority == "[::1]"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.com/", "neither http nor https"),
        ("file:///etc/passwd", "neither http nor https"),
        (" http://example.com/", "not allowed"),
        ("http://example.com/a b", "not allowed"),
        ("http://example.com/\r\nHost: evil", "not allowed"),
        ("http://exa\tmple.com/", "not allowed"),
        ("http://bücher.example/", "not allowed"),
        ("http://example.com\\@evil.com/", "not allowed"),
        ("http://example.com:99999/", "malformed"),
        ("http://example.com:x/", "malformed"),
        ("http://[::1/", "malformed"),
        ("http://example.com:0/", "no usable host"),
        ("http:///path", "no usable host"),
        ("http://[fe80::1%25eth0]/", "no usable host"),
        ("http://example.com/" + "a" * 8192, "characters long"),
        ("", "neither http nor https"),
    ],
)
def test_urls_that_are_refused(url: str, reason: str) -> None:
    with pytest.raises(TrackerError, match=reason):
        fetch(url)


# -- redirects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
def test_follows_a_redirect(status: str) -> None:
    with WebServer(ok(b"ignored", "Location: ../there?x=1", status=status), ok(b"found")) as server:
        moved = server.url("/announce/there?x=1")
        assert fetch(server.url("/announce/here/x")) == Response(moved, 200, b"found", "127.0.0.1")


def test_a_redirect_that_leads_nowhere_is_an_answer() -> None:
    with WebServer(ok(b"body", status="302 Found")) as server:
        assert fetch(server.url()) == Response(server.url(), 302, b"body", "127.0.0.1")


def test_a_redirect_loop_ends() -> None:
    with WebServer(ok(b"", "Location: /announce", status="302 Found")) as server:
        with pytest.raises(TrackerError, match="more than 5 redirects"):
            fetch(server.url())
        assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "scheme 'file'"),
        ("ftp://example.com/", "scheme 'ftp'"),
        ("javascript:alert(1)", "scheme 'javascript'"),
        ("http://[::1/", "malformed"),
        ("http://exam ple.com/", "not allowed"),
        ("http://b\xfccher.example/", "not allowed"),
        ("http://example.com:99999/", "malformed"),
        ("/" + "a" * 9000, "characters long"),
    ],
)
def test_a_redirect_that_is_not_followed(location: str, reason: str) -> None:
    with WebServer(ok(b"", f"Location: {location}", status="302 Found")) as server:
        with pytest.raises(TrackerError, match=reason):
            fetch(server.url())
        assert len(server.requests) == 1


def test_the_deadline_covers_all_redirects() -> None:
    with WebServer(ok(b"", "Location: /announce/again", status="302 Found"), silence) as server:
        start = time.monotonic()
        with pytest.raises(TrackerError, match=r"no whole answer within 0\.2 s"):
            fetch(server.url(), timeout=0.2)
        assert time.monotonic() - start < 20


# -- servers that lie or dawdle ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        silence,
        drip(b"HTTP/1.1 200 OK\r\nA: a"),
        drip(ok(bytes(100_000))),
        drip(chunked(end=b"0")),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    ],
    ids=["silence", "headers", "body", "chunk size", "100 Continue"],
)
def test_a_server_that_drips_gains_nothing(answer: Answer) -> None:
    start = time.monotonic()
    assert refused(answer, timeout=0.2) == "no whole answer within 0.2 s"
    assert time.monotonic() - start < 20


def test_no_address_accepts() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with socket.create_connection(address), pytest.raises(TrackerError, match=r"no whole answer within 0\.2 s"):
            fetch(f"http://127.0.0.1:{address[1]}/announce", timeout=0.2)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ok(bytes(1001)), "answer of 1001 bytes, more than 1000"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(5000), "answer of more than 1000 bytes"),
        (chunked(bytes(600), bytes(600)), "answer of more than 1000 bytes"),
        (gzipped(bytes(1001)), "answer of more than 1000 bytes when decompressed"),
        (ok(b"12345").replace(b": 5", b": 500"), "answer ends 495 bytes too early"),
        (ok(b"not gzip", "Content-Encoding: gzip"), "answer is not valid gzip"),
        (ok(gzip.compress(b"body", mtime=0)[:-4], "Content-Encoding: gzip"), "answer ends inside its gzip data"),
        (ok(zlib.compress(b"body"), "Content-Encoding: deflate"), "answer has the unknown encoding 'deflate'"),
        (chunked(b"body", end=b""), "answer ends too early"),
        (chunked(end=b"5\r\nabc"), "answer ends too early"),
        (chunked(end=b"xyz\r\n\r\n"), "answer ends too early"),
        (chunked(end=b"fffffffffffffff\r\nabc"), "answer ends too early"),
        (b"", "closed by the server without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not a valid HTTP answer"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "not a valid HTTP answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "not a valid HTTP answer: got more than 100 headers"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\n\r\n", "not a valid HTTP answer"),
        (b"HTTP/1.1 200 " + b"y" * 70000 + b"\r\n\r\n", "not a valid HTTP answer"),
    ],
)
def test_an_answer_that_is_none(answer: bytes, reason: str) -> None:
    assert reason in refused(answer, max_body=1000)


def test_the_limit_itself_is_allowed() -> None:
    for answer in (ok(bytes(1000)), chunked(bytes(1000)), gzipped(bytes(1000))):
        with WebServer(answer) as server:
            assert fetch(server.url(), max_body=1000).body == bytes(1000)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536),
        (b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 60000 + b"\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\n\r\n", bytes(65536)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", bytes(65536)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n", bytes(65536)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"Trailer: x\r\n" * 6000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1" + b";x" * 20000 + b"\r\nx\r\n"),
    ],
    ids=[
        *("a header line", "headers", "100 Continue", "body", "negative chunk", "huge chunk", "chunk size line"),
        *("trailers", "tiny chunks", "chunk extensions"),
    ],
)
def test_a_flood_is_cut_off_long_before_the_deadline(head: bytes, body: bytes) -> None:
    tracemalloc.start()
    try:
        reason = refused(flood(head, body), max_body=10_000, timeout=60)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reason.startswith(("answer", "not a valid HTTP answer"))
    assert peak < 3_000_000


def test_a_gzip_bomb_costs_no_more_than_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    tracemalloc.start()
    try:
        reason = refused(ok(bomb, "Content-Encoding: gzip"), max_body=100_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reason == "answer of more than 100000 bytes when decompressed"
    assert peak < 3_000_000


def test_connection_errors_in_plain_words() -> None:
    def resetting(sock: socket.socket, server: WebServer) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    assert refused(resetting) == "reset by peer"
    with pytest.raises(TrackerError) as caught:
        fetch(f"http://127.0.0.1:{free_port()}/announce")
    assert caught.value.reason == "connection refused"
    with pytest.raises(TrackerError, match="cannot resolve"):
        fetch("http://a..b/announce")


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_private_addresses_are_refused_when_asked_to() -> None:
    with WebServer(ok(b"secret")) as server:
        with pytest.raises(TrackerError, match=r"resolves to 127\.0\.0\.1, which is not public"):
            fetch(server.url(), allow_private=False)
        assert server.requests == []


def test_a_redirect_from_the_internet_leads_to_no_private_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        WebServer(ok(b"secret")) as inside,
        WebServer(ok(b"", f"Location: {inside.url()}", status="302 Found")) as outside,
    ):
        assert fetch(outside.url()).body == b"secret"  # from this machine it may
        answers = iter([True])
        monkeypatch.setattr(resolver, "is_public", lambda host: next(answers, False))
        with pytest.raises(TrackerError, match="which is not public"):
            fetch(outside.url())
        assert len(inside.requests) == 1


def test_a_redirect_to_a_private_address_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        WebServer(ok(b"secret")) as inside,
        WebServer(ok(b"", f"Location: {inside.url()}", status="302 Found")) as outside,
    ):
        real = resolver.is_public
        monkeypatch.setattr(resolver, "is_public", lambda host: True)
        assert fetch(outside.url(), allow_private=False).body == b"secret"
        answers = iter([True])
        monkeypatch.setattr(resolver, "is_public", lambda host: next(answers, None) or real(host))
        with pytest.raises(TrackerError, match="which is not public"):
            fetch(outside.url(), allow_private=False)
        assert len(inside.requests) == 1


def test_connects_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups: List[str] = []

    def resolve(host: str, port: int, *, allow_private: bool) -> Any:
        lookups.append(host)
        return (("127.0.0.1", port),) if len(lookups) == 1 else ()

    monkeypatch.setattr(resolver, "resolve", resolve)
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with WebServer(ok(b"x")) as server:
        assert fetch(f"http://tracker.example:{server.port}/announce").body == b"x"
        assert f"Host: tracker.example:{server.port}".encode() in server.requests[0]
    assert lookups == ["tracker.example"]


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with WebServer(ok(b"x")) as server:
        addresses = (("127.0.0.1", free_port()), ("::1", free_port()), ("127.0.0.1", server.port))
        monkeypatch.setattr(resolver, "resolve", lambda *_, **__: addresses)
        assert fetch("http://tracker.example/announce").body == b"x"


def test_one_silent_address_does_not_use_up_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as full, WebServer(ok(b"x")) as server:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            addresses = (full.getsockname(), *[("127.0.0.1", server.port)] * 99)
            monkeypatch.setattr(resolver, "resolve", lambda *_, **__: addresses)
            assert fetch("http://tracker.example/announce").body == b"x"


# -- what a torrent may have us ask of this machine and its network ----------------------------------------------------


@pytest.mark.parametrize(
    ("path", "tracker"),
    [
        ("/announce", True),
        ("/announce.php?passkey=x&y=/../z", True),
        ("/scrape/x", True),
        ("/%61nnounce/key/announce", True),
        ("/", False),
        ("/admin/reboot?x=/announce", False),
        ("//announce", False),
        ("/announce/../admin", False),
        ("/announce/%2e%2e/admin", False),
        ("/announce%2f..%2fadmin", False),
        ("/announce/%252e%252e/admin", False),
        ("/announce\\..\\admin", False),
        ("/x/announce", False),
        ("/ANNOUNCE", False),
    ],
)
def test_paths_of_trackers(path: str, tracker: bool) -> None:
    assert is_tracker_path(path) is tracker


def test_a_private_address_is_asked_for_paths_of_trackers_only() -> None:
    with WebServer(ok(b"rebooted")) as router:
        for url in (router.url("/reboot?yes=1"), f"http://localhost:{router.port}/reboot"):
            with pytest.raises(TrackerError, match=r"(127\.0\.0\.1|::1) is not public, and only /announce…"):
                fetch(url)
        assert router.requests == []
        assert fetch(router.url("/scrape")).body == b"rebooted"
        assert fetch(router.url("/reboot"), trusted=True).body == b"rebooted"
        assert fetch(router.url("/reboot"), check_paths=False).body == b"rebooted"


def test_the_rule_for_paths_applies_to_redirects_of_trusted_urls_too() -> None:
    with WebServer(ok(b"", "Location: /reboot", status="302 Found")) as server:
        for options in ({}, {"trusted": True}):
            with pytest.raises(TrackerError, match="only /announce"):
                fetch(server.url(), **options)
        assert len(server.requests) == 2


def test_public_addresses_are_asked_for_any_path_and_private_ones_of_the_same_name_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: List[str] = []

    def resolve(host: str, *_: object, **__: object) -> Tuple[Tuple[str, int], ...]:
        calls.append(host)
        return (("127.0.0.1", inside.port), ("127.0.0.2", outside.port))

    with WebServer(ok(b"private")) as inside, WebServer(ok(b"public")) as outside:
        monkeypatch.setattr(resolver, "resolve", resolve)
        monkeypatch.setattr(resolver, "is_public", lambda host: host == "127.0.0.2")
        real = socket.socket.connect
        monkeypatch.setattr(
            socket.socket, "connect", lambda sock, place: real(sock, (place[0].replace(".2", ".1"), place[1]))
        )
        assert fetch("http://tracker.example/anything").body == b"public"
        assert (inside.requests, calls) == ([], ["tracker.example"])  # and it was resolved once


@pytest.mark.parametrize(
    "answer",
    [
        b"\x1b[2J\x07" + b"A" * 60_000 + b"\r\n\r\n",
        b"HTTP/1.1 \x1b]0;x\x07 " + b"A" * 60_000 + b"\r\n\r\n",
        ok(b"x", "Content-Encoding: \x1b[2J\x07\xe2\x80\xae" + "A" * 60_000),
        ok(b"", "Location: x\x1b\x07" + "A" * 60_000 + "://y", status="302 Found"),
        ok(b"", "Location: x" + "A" * 60_000 + "://y", status="302 Found"),
        ok(b"", "Location: http://h:" + "A" * 60_000, status="302 Found"),
    ],
)
def test_what_a_server_says_is_printable_and_short_in_an_error(answer: bytes) -> None:
    with WebServer(answer) as server, pytest.raises(TrackerError) as caught:
        fetch(server.url())
    assert str(caught.value).isprintable()
    assert repr(caught.value).isprintable()
    assert len(str(caught.value)) < 700
    assert len(repr(caught.value)) < 700


# -- address families --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("family", "host"), [(4, "127.0.0.1"), (6, "::1")])
def test_only_addresses_of_a_family_are_used(monkeypatch: pytest.MonkeyPatch, family: int, host: str) -> None:
    with WebServer(ok(b"4")) as four, WebServer(ok(b"6"), host="::1") as six:
        addresses = (("::1", six.port), ("127.0.0.1", four.port))
        monkeypatch.setattr(resolver, "resolve", lambda *_, **__: addresses)
        assert fetch("http://tracker.example/announce", family=family).body == b"%d" % family
        assert fetch("http://tracker.example/announce").body == b"6"
        monkeypatch.setattr(resolver, "resolve", lambda *_, **__: [each for each in addresses if each[0] != host])
        with pytest.raises(resolver.FamilyUnavailable, match=f"has no address of IPv{family}") as caught:
            fetch("http://tracker.example/announce", family=family)
        assert caught.value.url == "http://tracker.example/announce"


def test_a_family_that_this_machine_cannot_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(sock: socket.socket, place: Any) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(resolver, "resolve", lambda *_, **__: (("2001:db8::1", 80),))
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(resolver.FamilyUnavailable, match="network unreachable over IPv6"):
        fetch("http://tracker.example/announce", family=6)
    with pytest.raises(TrackerError, match="network unreachable") as caught:
        fetch("http://tracker.example/announce")
    assert type(caught.value) is TrackerError


def test_the_connection_comes_from_the_address_we_listen_on() -> None:
    came: List[str] = []

    def note(sock: socket.socket, server: WebServer) -> None:
        came.append(sock.getpeername()[0])
        sock.sendall(ok(b"x"))

    with WebServer(note) as server:
        fetch(server.url(), family=4, source="127.0.0.7")
        fetch(server.url())
    assert came == ["127.0.0.7", "127.0.0.1"]


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_cancelling_ends_it_soon() -> None:
    asked = threading.Event()
    reasons: List[str] = []

    def ask(sock: socket.socket, server: WebServer) -> None:
        asked.set()
        silence(sock, server)

    with WebServer(ask) as server:
        request = Fetch(server.url(), timeout=60, max_body=1000, user_agent="tests/1")

        def run() -> None:
            try:
                request.run()
            except TrackerError as error:
                reasons.append(error.reason)

        thread = threading.Thread(target=run)
        thread.start()
        assert asked.wait(PATIENCE)
        request.cancel()
        thread.join(PATIENCE)
        assert reasons == ["cancelled"]
    request.cancel()


def test_cancelled_before_it_began() -> None:
    with WebServer(ok(b"x")) as server:
        request = Fetch(server.url(), timeout=60, max_body=1000, user_agent="tests/1")
        request.cancel()
        with pytest.raises(TrackerError, match="cancelled"):
            request.run()
        assert server.requests == []


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of ``localhost`` with its key."""
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    try:
        subprocess.run([*command, "-keyout", path, "-out", f"{path}.crt"], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def tls_server(certificate: Path, *answers: Answer) -> WebServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return WebServer(*answers, wrap=lambda sock: context.wrap_socket(sock, server_side=True))


def test_https(certificate: Path) -> None:
    with tls_server(certificate, ok(bytes(200_000), "127.0.0.1")) as server:
        url = f"https://localhost:{server.port}/announce"
        response = fetch(url, tls=lambda: ssl.create_default_context(cafile=str(certificate)))
        assert response == Response(url, 200, bytes(200_000), "127.0.0.1")


def test_a_certificate_of_an_unknown_authority_is_refused(certificate: Path) -> None:
    with tls_server(certificate, ok(b"secret")) as server:
        with pytest.raises(TrackerError, match=r"certificate refused: self.signed certificate"):
            fetch(f"https://localhost:{server.port}/announce")
        assert server.requests == []


def test_a_certificate_of_another_name_is_refused(certificate: Path) -> None:
    with tls_server(certificate, ok(b"secret")) as server:
        with pytest.raises(TrackerError, match=r"certificate refused: .*127\.0\.0\.1"):
            fetch(server.url(scheme="https"), tls=lambda: ssl.create_default_context(cafile=str(certificate)))
        assert server.requests == []


def test_no_way_from_https_to_http(certificate: Path) -> None:
    with (
        WebServer(ok(b"plain")) as plain,
        tls_server(certificate, ok(b"", f"Location: {plain.url()}", status="302 Found")) as server,
    ):
        with pytest.raises(TrackerError, match="redirect from https to http"):
            fetch(
                f"https://localhost:{server.port}/announce",
                tls=lambda: ssl.create_default_context(cafile=str(certificate)),
            )
        assert plain.requests == []


def test_a_server_without_tls() -> None:
    def plain(sock: socket.socket) -> socket.socket:
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        return sock

    with WebServer(silence, wrap=plain) as server, pytest.raises(TrackerError, match="TLS failed"):
        fetch(server.url(scheme="https"))


def test_a_silent_tls_handshake_ends_in_time() -> None:
    def no_handshake(sock: socket.socket) -> socket.socket:
        silence(sock, server)
        return sock

    with WebServer(silence, wrap=no_handshake) as server:
        with pytest.raises(TrackerError) as caught:
            fetch(server.url(scheme="https"), timeout=0.2)
        assert caught.value.reason == "no whole answer within 0.2 s"


def test_the_default_context_verifies() -> None:
    context = http.default_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_python_without_tls_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ssl", None)
    with WebServer(silence) as server, pytest.raises(TrackerError, match="this Python has no TLS"):
        fetch(server.url(scheme="https"))

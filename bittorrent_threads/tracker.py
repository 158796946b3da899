"""A small HTTP and UDP tracker (BEP 3, BEP 15), for tests, demonstrations and local networks.

One thread serves all connections and datagrams without waiting for any of them.  ``protocol.registry`` makes the
answers, ``udp_answers`` those to datagrams; this module has the sockets and HTTP.

A page in a browser can make the browser request any URL of this machine.  Therefore requests that a page made are
refused, and the parameter ``ip`` is accepted only in requests that no browser sends.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import logging
import random
import re
import selectors
import socket
import time
from collections import Counter
from types import TracebackType
from typing import Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Tuple, Type, TypeVar

from .address_scope import owner
from .errors import ListenError
from .net import sockets
from .protocol.addresses import Address, numeric_host
from .protocol.registry import Announced, Registry
from .threads.fork import close_after_fork
from .threads.latch import SLICE, Latch
from .threads.original import original, sleep
from .threads.thread import Thread
from .threads.uninterrupted import run_uninterrupted
from .udp_answers import UdpAnswers

INTERVAL = 1800
MIN_INTERVAL = 60
"""Default intervals in seconds that are told to the clients."""

MAX_CONNECTIONS = 200
"""Most connections; a further one replaces the longest idle one of the host with the most connections."""
MAX_HEAD = 16 * 1024
"""Most bytes of a request, which has no body; enough for a scrape of 70 infohashes."""
MAX_SENDING = 64 * 1024
"""Bytes of answers that wait for a client, above which its next request is not read."""
IDLE_TIMEOUT = 30.0
"""Seconds of silence after which a connection is closed."""

EXHAUSTED_PAUSE = 0.1
"""Seconds without accepting when the system has no descriptor or memory for a connection."""

MAX_DATAGRAM = 2048
"""Bytes that are read of a datagram; a scrape of 74 infohashes has fewer."""
BATCH = 64
"""Datagrams that are answered before the connections are looked at again."""
PORTS = 20
"""Ports of the system's choice to try until one is free for TCP and UDP."""

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_END = b"\r\n\r\n"
_CHUNK = 64
T = TypeVar("T")
_log = logging.getLogger(__name__)


class _Connection:
    """One connection: bytes received, answers to complete requests, bytes to send."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        self.sock = sock
        self.host = host
        self.active = 0.0
        self.received = bytearray()
        self.sending = b""
        self.closing = False
        """No further request is answered."""
        self.ended = False
        """The client closed its side."""


class Tracker:
    """An HTTP and UDP tracker that runs from ``start()`` to ``close()``, or in a ``with`` block.

    It is meant for tests, demonstrations and local networks.  One thread serves all connections and datagrams.

    Args:
        host: Address to listen on; ``"::"`` for all addresses, IPv4 and IPv6.
        port: Port to listen on, of TCP and UDP; 0 lets the system choose one.
        interval: Seconds between the announces of a client.
        min_interval: Least seconds between two announces of a client.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, interval: int = INTERVAL, min_interval: int = MIN_INTERVAL
    ) -> None:
        self.host = host
        """Address on which the tracker listens."""
        self.port = port
        """Listening port; 0 before ``start`` if the system is to choose it."""
        self._registry = Registry(interval=interval, min_interval=min_interval, random=random.Random())
        self._running: Optional[_Running] = None
        close_after_fork(self)

    @property
    def url(self) -> str:
        """The announce URL for HTTP; with the loopback address if the tracker listens on all addresses."""
        return self._url("http")

    @property
    def udp_url(self) -> str:
        """The announce URL for UDP (BEP 15); with the loopback address if the tracker listens on all addresses."""
        return self._url("udp")

    def _url(self, scheme: str) -> str:
        host = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(self.host, self.host)
        return f"{scheme}://[{host}]:{self.port}/announce" if ":" in host else f"{scheme}://{host}:{self.port}/announce"

    @property
    def announces(self) -> Tuple[Announced, ...]:
        """The latest 1000 announces, the oldest first."""
        return self._ask(lambda: tuple(self._registry.announces))

    def swarm(self, infohash: bytes) -> Tuple[Address, ...]:
        """Return the addresses of the peers of a torrent.

        Args:
            infohash: Infohash of the torrent, 20 bytes.
        """
        return self._ask(lambda: self._registry.swarm(infohash, time.monotonic()))

    def start(self) -> Tracker:
        """Listen and serve; does nothing if the tracker runs.

        Returns:
            The tracker itself.

        Raises:
            ListenError: If the address or the port cannot be used.
            ThreadError: If the system cannot start a thread.
        """
        if self._running is not None:
            return self
        if not 0 <= self.port <= 65535:
            raise ListenError("a port is a number from 0 to 65535", f"{self.host}:{self.port}")
        try:
            self._running = running = run_uninterrupted(self._make, "bittorrent-tracker")
            self.port = running.port
            running.thread.start()
        except BaseException:
            self.close()
            raise
        return self

    def _make(self) -> _Running:
        try:
            listener, datagrams = _listen(self.host, self.port)
        except OSError as error:
            raise ListenError(error.strerror or str(error), f"{self.host}:{self.port}", error.errno or 0) from error
        waker, woken = sockets.pair()
        port: int = listener.getsockname()[1]
        serving = _Serving(self._registry, listener, datagrams, woken, original("selectors", "DefaultSelector")())
        return _Running(port, serving, waker, Thread(serving.run, f"bittorrent-tracker-{port}"))

    def close(self, timeout: float = 5.0) -> None:
        """Close every connection and end the thread.

        It may be called any number of times.  After an interrupt, or a ``timeout`` that was too short, a further call
        continues.

        Args:
            timeout: Most seconds to wait for the end of the thread.
        """
        running = self._running
        if running is None:
            return
        running.waker.close()
        if running.thread.cancel() or running.thread.inherited:
            running.serving.close()
        if running.thread.join(timeout):
            self._running = None

    def _ask(self, question: Callable[[], T]) -> T:
        """Return the answer to a question about the registry, which only the thread uses while it runs."""
        running = self._running
        if running is None or running.thread.inherited:
            return question()
        answers: List[T] = []
        answered = Latch()

        def answer() -> None:
            answers.append(question())
            answered.set()

        running.serving.questions.append(answer)
        with contextlib.suppress(OSError):  # it is being closed
            running.waker.send(b"\0")
        while not answered.wait(SLICE):
            if running.thread.join(0):
                return question()
        return answers[0]

    def __enter__(self) -> Tracker:
        return self.start()

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()


class _Serving:
    """The loop of the thread; it ends when the other end of ``woken`` is closed."""

    def __init__(
        self,
        registry: Registry,
        listener: socket.socket,
        datagrams: socket.socket,
        woken: socket.socket,
        selector: selectors.BaseSelector,
    ) -> None:
        self.questions: Deque[Callable[[], None]] = collections.deque()
        """Calls to make in the thread; a byte sent to ``woken`` announces each."""
        self._registry = registry
        self._udp_answers = UdpAnswers(registry)
        self._listener = listener
        self._datagrams = datagrams
        self._woken = woken
        self._connections: Dict[socket.socket, _Connection] = {}
        self._selector = selector

    def close(self) -> None:
        """Close the sockets of a thread that did not run, or runs in the parent of a fork."""
        with contextlib.suppress(OSError):  # a kqueue is not inherited
            self._selector.close()
        for sock in (self._woken, self._listener, self._datagrams, *self._connections):
            sock.close()

    def run(self) -> None:
        """Serve until woken."""
        with self._woken, self._listener, self._datagrams, self._selector as selector:
            for sock in (self._woken, self._listener, self._datagrams):
                selector.register(sock, selectors.EVENT_READ)
            try:
                while self._turn():
                    pass
            finally:
                for connection in list(self._connections.values()):
                    self._drop(connection)

    def _turn(self) -> bool:
        for key, mask in self._selector.select(IDLE_TIMEOUT if self._connections else None):
            if key.fileobj is self._woken:
                if not self._woken.recv(_CHUNK):
                    return False
                for _ in range(len(self.questions)):
                    self.questions.popleft()()
            elif key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._datagrams:
                self._answer_datagrams()
            elif key.data.sock in self._connections:
                self._serve(key.data, mask)
        now = time.monotonic()
        for connection in list(self._connections.values()):
            if now - connection.active >= IDLE_TIMEOUT:
                self._drop(connection)
        return True

    def _accept(self) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            connections = self._connections.values()
            owners = Counter(owner(connection.host) for connection in connections)
            self._drop(min(connections, key=lambda connection: (-owners[owner(connection.host)], connection.active)))
        try:
            sock, address = self._listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:  # the next call would fail too
                sleep(EXHAUSTED_PAUSE)
            return
        sock.setblocking(False)
        connection = _Connection(sock, address[0].partition("%")[0])
        connection.active = time.monotonic()
        self._connections[sock] = connection
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _answer_datagrams(self) -> None:
        """Answer the datagrams that have come, at most ``BATCH``; an answer that cannot be sent now is lost."""
        for _ in range(BATCH):
            try:
                datagram, address = self._datagrams.recvfrom(MAX_DATAGRAM)
                answer = self._udp_answers.answer(datagram, numeric_host(address[0].partition("%")[0]))
                if answer:
                    self._datagrams.sendto(answer, address)
            except BlockingIOError:
                return
            except OSError:  # of an earlier answer, which nobody received
                continue
            except Exception:
                _log.exception("a datagram failed")

    def _serve(self, connection: _Connection, mask: int) -> None:
        connection.active = time.monotonic()
        try:
            if mask & selectors.EVENT_READ:
                self._read(connection)
            while connection.sending:
                sent = connection.sock.send(connection.sending)
                connection.sending = connection.sending[sent:]
                if not connection.sending:
                    self._respond_to_all(connection)
            connection.closing |= connection.ended
        except BlockingIOError:
            pass
        except OSError:
            connection.closing, connection.sending = True, b""
        except Exception:
            _log.exception("a request from %s failed", connection.host)
            connection.closing, connection.sending = True, b""
        if connection.sending:
            # A client that does not read its answers is not read from.
            self._selector.modify(connection.sock, selectors.EVENT_WRITE, connection)
        elif connection.closing:
            self._drop(connection)
        else:
            self._selector.modify(connection.sock, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection) -> None:
        data = connection.sock.recv(MAX_HEAD)
        connection.received += data
        self._respond_to_all(connection)
        if len(connection.received) > MAX_HEAD and _END not in connection.received and not connection.closing:
            connection.sending += _response(connection, "431 Request Header Fields Too Large")
        connection.ended |= not data

    def _respond_to_all(self, connection: _Connection) -> None:
        """Answer the complete requests, up to ``MAX_SENDING`` bytes of answers."""
        answers = bytearray()
        while _END in connection.received and len(answers) < MAX_SENDING and not connection.closing:
            head, _, rest = bytes(connection.received).partition(_END)
            connection.received = bytearray(rest)
            answers += self._respond(connection, head.decode("latin-1"))
        connection.sending += answers

    def _respond(self, connection: _Connection, head: str) -> bytes:
        line, *fields = head.split("\r\n")
        words = line.split(" ")
        headers = {name.strip().lower(): value.strip().lower() for name, _, value in (f.partition(":") for f in fields)}
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _response(connection, "400 Bad Request")
        if words[0] != "GET" or headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return _response(connection, "405 Method Not Allowed")
        keep = headers.get("connection", "keep-alive" if words[2] == "HTTP/1.1" else "close") == "keep-alive"
        if _is_of_page(headers):
            return _response(connection, "403 Forbidden", keep=keep)
        path, _, query = words[1].partition("?")
        body = self._registry.answer(path, query, connection.host, time.monotonic(), local=not _may_be_browser(headers))
        return _response(connection, "404 Not Found" if body is None else "200 OK", body or b"", keep=keep)

    def _drop(self, connection: _Connection) -> None:
        del self._connections[connection.sock]
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(connection.sock)
        connection.sock.close()


def _listen(host: str, port: int, tries: int = PORTS) -> Tuple[socket.socket, socket.socket]:
    """Return sockets for connections and for datagrams on one port."""
    listener = sockets.server(host, port, everywhere=host == "::")
    try:
        number = listener.getsockname()[1]
        datagrams = sockets.server(host, number, everywhere=host == "::", kind=socket.SOCK_DGRAM)
    except OSError:  # another program has the port of UDP
        listener.close()
        if port or tries == 1:
            raise
        return _listen(host, 0, tries - 1)
    listener.setblocking(False)
    datagrams.setblocking(False)
    return listener, datagrams


class _Running(NamedTuple):
    """A tracker that runs; closing ``waker`` ends its thread."""

    port: int
    serving: _Serving
    waker: socket.socket
    thread: Thread


def _is_of_page(headers: Mapping[str, str]) -> bool:
    """Return whether a page in a browser made the request; "none" is a URL that the user typed."""
    return headers.get("sec-fetch-site", "none") != "none" or "origin" in headers or "referer" in headers


def _may_be_browser(headers: Mapping[str, str]) -> bool:
    """Return whether a browser may have sent the request: a page can hide its origin, or use DNS rebinding."""
    if "sec-fetch-site" in headers or headers.get("user-agent", "").startswith("mozilla/"):
        return True
    host = re.sub(r":[0-9]*$", "", headers.get("host", "localhost"))
    return host != "localhost" and not numeric_host(host.strip("[]"))


def _response(connection: _Connection, status: str, body: bytes = b"", *, keep: bool = False) -> bytes:
    connection.closing = not keep
    fields = [
        f"HTTP/1.1 {status}",
        "Content-Type: text/plain",
        f"Content-Length: {len(body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
    ]
    return "\r\n".join(fields).encode() + _END + body

"""``Tracker``: an HTTP and UDP tracker on loopback that fails as a test tells it to (BEP 3, 15, 23, 48).

The swarms are those of ``protocol.registry``, which ``bittorrent_threads.Tracker`` has too.  The rule: a fault changes
what is sent, not what the tracker knows; a lost request is not registered.
"""

from __future__ import annotations

import contextlib
import heapq
import random
import socket
import threading
import time
from types import TracebackType
from typing import Callable, List, Optional, Tuple, Type

from ..protocol.addresses import Address
from ..protocol.registry import Announced, Registry
from ..udp_answers import UdpAnswers, failure
from .loopback_server import LoopbackServer
from .tracker_faults import DELAY, FAIL, GARBLE, LOSE, REPEAT, Fault, TrackerFaults

MAX_HEAD = 16 * 1024
"""Most bytes of an HTTP request."""
MAX_DATAGRAM = 2048
CLIENT_TIMEOUT = 10.0
"""Seconds that an HTTP client has for its request."""
GARBAGE = b"<html><body>It works!</body></html>"
POLL = 0.05
"""Seconds until ``wait_until`` evaluates its condition again."""
TRIES = 20
"""Ports to try until one is free for TCP and UDP."""


class Tracker:
    """A tracker that answers HTTP and UDP on one port number, from the start to the end of a ``with`` block.

    ::

        with Tracker() as tracker:
            tracker.lose(2)                      # the next two requests are not answered
            tracker.fail("not registered", 1)    # then one is refused
            with bt.Client(sample.metainfo([tracker.udp_url]), folder, settings=quiet_settings()) as client:
                tracker.wait_until(lambda: tracker.announces)

    Faults are used up in the order in which they were given, one for each request; a datagram is a request, and so is
    each of the connect requests that come before announces over UDP.  A fault without a count lasts until
    :meth:`recover`.

    Args:
        host: Address to listen on.
        interval: Seconds between announces, sent to clients.
        min_interval: Least seconds between announces, sent to clients.
    """

    def __init__(self, *, host: str = "127.0.0.1", interval: int = 1800, min_interval: int = 60) -> None:
        self._lock = threading.Lock()
        self._registry = Registry(interval=interval, min_interval=min_interval, random=random.Random())
        self._udp_answers = UdpAnswers(self._registry)
        self._faults = TrackerFaults()
        self._random = random.Random(0)
        self._host = host
        self._server: Optional[LoopbackServer] = None
        self._stack = contextlib.ExitStack()

    # -- what it knows -----------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """Port that it listens on, for TCP and UDP."""
        return self._server.address[1] if self._server is not None else 0

    @property
    def url(self) -> str:
        """The announce URL for HTTP."""
        return self._url("http")

    @property
    def udp_url(self) -> str:
        """The announce URL for UDP."""
        return self._url("udp")

    @property
    def requests(self) -> int:
        """Number of requests so far, those that were lost or refused included."""
        return self._faults.requests

    @property
    def announces(self) -> Tuple[Announced, ...]:
        """The latest 1000 announces that were accepted, the oldest first."""
        with self._lock:
            return tuple(self._registry.announces)

    def swarm(self, infohash: bytes) -> Tuple[Address, ...]:
        """Return the addresses of the peers of a torrent.

        Args:
            infohash: Infohash of the torrent, 20 bytes.
        """
        with self._lock:
            return self._registry.swarm(infohash, time.monotonic())

    def wait_until(self, condition: Callable[[], object], timeout: float = 30.0) -> None:
        """Wait until a condition on the tracker is true.

        Args:
            condition: Called repeatedly.
            timeout: Most seconds to wait.

        Raises:
            TimeoutError: If it is not true in time; the text has the number of requests and announces.
        """
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not condition():
            if time.monotonic() >= deadline:
                counts = f"{self.requests} requests, {len(self.announces)} announces accepted"
                raise TimeoutError(f"the tracker waited {timeout:g} s in vain: {counts}")
            pause.wait(POLL)

    # -- faults ------------------------------------------------------------------------------------------------------

    def lose(self, count: Optional[int] = None) -> None:
        """Do not answer requests, as if they or their answers were lost; HTTP connections stay open.

        Args:
            count: Number of requests; all further ones if None.
        """
        self._faults.add(Fault(LOSE), count)

    def delay(self, seconds: float, count: Optional[int] = None) -> None:
        """Answer requests later.

        Args:
            seconds: Seconds until the answer is sent.
            count: Number of requests; all further ones if None.
        """
        self._faults.add(Fault(DELAY, seconds=seconds), count)

    def repeat(self, count: Optional[int] = None) -> None:
        """Send answers twice.

        Args:
            count: Number of requests; all further ones if None.
        """
        self._faults.add(Fault(REPEAT), count)

    def garble(self, count: Optional[int] = None) -> None:
        """Send answers that make no sense: an HTML page, or a datagram with other bytes or cut off.

        Args:
            count: Number of requests; all further ones if None.
        """
        self._faults.add(Fault(GARBLE), count)

    def fail(self, reason: str, count: Optional[int] = None) -> None:
        """Refuse requests with a failure reason.

        Args:
            reason: The failure reason.
            count: Number of requests; all further ones if None.
        """
        self._faults.add(Fault(FAIL, reason=reason), count)

    def recover(self) -> None:
        """Answer further requests rightly."""
        self._faults.clear()

    # -- the threads -------------------------------------------------------------------------------------------------

    def __enter__(self) -> Tracker:
        with contextlib.ExitStack() as stack:
            self._server, self._udp = self._listen(stack)
            thread = threading.Thread(target=self._serve_udp, name=f"tracker {self.port} UDP", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(self._server.leaving.set)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._stack.close()

    def _listen(self, stack: contextlib.ExitStack) -> Tuple[LoopbackServer, socket.socket]:
        """Take a port that is free for TCP and for UDP."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        for attempt in range(TRIES):
            udp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                udp.bind((self._host, 0))
                server = LoopbackServer(self._serve_http, host=self._host, port=udp.getsockname()[1], name="tracker")
                server.__enter__()
            except OSError:
                udp.close()
                if attempt == TRIES - 1:
                    raise
                continue
            stack.callback(udp.close)
            stack.push(server.__exit__)
            return server, udp
        raise AssertionError

    def _url(self, scheme: str) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self.port}/announce"

    def _leaving(self, seconds: Optional[float]) -> bool:
        """Wait; return whether the tracker ends."""
        assert self._server is not None
        return self._server.leaving.wait(seconds)

    def _serve_http(self, sock: socket.socket) -> None:
        sock.settimeout(CLIENT_TIMEOUT)
        head = b""
        while b"\r\n\r\n" not in head:
            data = sock.recv(MAX_HEAD)
            head += data
            if not data or len(head) > MAX_HEAD:
                return
        fault = self._faults.take()
        if fault.kind in (LOSE, DELAY) and self._leaving(None if fault.kind == LOSE else fault.seconds):
            return
        answer = self._http_answer(head.split(b"\r\n", 1)[0].decode("latin-1"), sock.getpeername()[0], fault)
        sock.sendall(answer * (2 if fault.kind == REPEAT else 1))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(MAX_HEAD):  # closing with unread bytes would be a reset
            pass

    def _http_answer(self, line: str, host: str, fault: Fault) -> bytes:
        path, _, query = [*line.split(" "), ""][1].partition("?")
        status, body = "200 OK", GARBAGE
        if fault.kind == FAIL:
            reason = fault.reason.encode()
            body = b"d14:failure reason%d:%se" % (len(reason), reason)
        elif fault.kind != GARBLE:
            with self._lock:
                found = self._registry.answer(path, query, host, time.monotonic())
            status, body = ("404 Not Found", b"") if found is None else (status, found)
        fields = ["Content-Type: text/plain", f"Content-Length: {len(body)}", "Connection: close"]
        return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode() + body

    def _serve_udp(self) -> None:
        delayed: List[Tuple[float, int, bytes, Address]] = []
        """Answers to send later: when, order, answer, and to whom."""
        while not self._leaving(0):
            while delayed and delayed[0][0] <= time.monotonic():
                _, _, answer, address = heapq.heappop(delayed)
                self._send(answer, address)
            soonest = delayed[0][0] - time.monotonic() if delayed else POLL
            self._udp.settimeout(min(POLL, max(0.001, soonest)))
            try:
                datagram, address = self._udp.recvfrom(MAX_DATAGRAM)
            except OSError:  # nothing within POLL, or an earlier answer was refused
                continue
            fault = self._faults.take()
            answer = self._udp_answer(datagram, address[0], fault)
            if fault.kind == DELAY:
                heapq.heappush(delayed, (time.monotonic() + fault.seconds, self.requests, answer, address))
                continue
            for _ in range(2 if fault.kind == REPEAT else 1):
                self._send(answer, address)

    def _send(self, answer: bytes, address: Address) -> None:
        if answer:
            with contextlib.suppress(OSError):  # the client is gone
                self._udp.sendto(answer, address)

    def _udp_answer(self, datagram: bytes, host: str, fault: Fault) -> bytes:
        if fault.kind == LOSE:
            return b""
        if fault.kind == FAIL and len(datagram) >= 16:
            return failure(datagram, fault.reason)
        with self._lock:
            answer = self._udp_answers.answer(datagram, host)
        return self._garbled(answer) if fault.kind == GARBLE and answer else answer

    def _garbled(self, answer: bytes) -> bytes:
        """Change the action or the transaction id, or cut the answer off."""
        if self._random.random() < 0.5:
            return answer[: self._random.randrange(1, 8)]
        damaged = bytearray(answer)
        damaged[self._random.randrange(8)] ^= self._random.randrange(1, 256)
        return bytes(damaged)

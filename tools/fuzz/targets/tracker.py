"""Requests to ``Tracker``, in any chunks; each is answered or refused.

No handler fails (a failure is logged), the result does not depend on the chunks, every response has the length that it
states, and no client gets more responses than it made requests.
"""

from __future__ import annotations

import contextlib
import logging
import random
import selectors
import socket
from typing import Any, Iterator, List, Tuple, cast

from bittorrent_threads import tracker
from bittorrent_threads.protocol.registry import Registry

from ..choices import Choices, cut
from ..target import Target, require
from .registry import TOKENS as WORDS
from .registry import request

MAX_ANSWER = 25_000
"""Bytes of a reply with the most peers in the dictionary form."""


class Log(logging.Handler):
    """A log handler that keeps failures."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.failures: List[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a failure with its traceback."""
        self.failures.append(logging.Formatter().format(record))


@contextlib.contextmanager
def listening(log: Log) -> Iterator[None]:
    """Send the log of the tracker to ``log`` only, in a ``with`` block."""
    logger = logging.getLogger(tracker.__name__)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(log)
    try:
        yield
    finally:
        logger.removeHandler(log)
        logger.propagate = propagates


class Client:
    """A socket that returns the given chunks and records what is sent."""

    def __init__(self, chunks: List[bytes]) -> None:
        self._chunks = chunks[::-1]
        self.heard = b""
        self.closed = False

    def recv(self, size: int) -> bytes:
        """Receive one chunk, or as much of it as was asked for."""
        if not self._chunks:
            return b""
        chunk = self._chunks.pop()
        if len(chunk) > size:
            self._chunks.append(chunk[size:])
        return chunk[:size]

    def send(self, data: bytes) -> int:
        """Accept only a part, as a full socket does."""
        taken = data[:700]
        self.heard += taken
        return len(taken)

    def close(self) -> None:
        """The tracker closes the connection."""
        self.closed = True


class Selector:
    """A selector that records the events of one connection."""

    def __init__(self) -> None:
        self.mask = selectors.EVENT_READ

    def modify(self, sock: Any, mask: int, data: Any) -> None:
        """Set the events to wait for."""
        self.mask = mask

    def unregister(self, sock: Any) -> None:
        """Stop waiting."""


def check(data: bytes) -> None:
    """Two bytes select the client address and the chunks; the rest is what the client sends."""
    choices = Choices(data)
    host, way = choices.pick(("127.0.0.1", "1.2.3.4", "::1", "::ffff:1.2.3.4")), choices.byte()
    stream = choices.rest()
    whole = served(host, [stream])
    require(served(host, cut(stream, way)) == whole, "other answers when cut")
    answers = _answers(whole[0])
    require(answers <= stream.count(b"\r\n\r\n") + 1, f"{answers} answers")


def served(host: str, chunks: List[bytes]) -> Tuple[bytes, bool]:
    """Return what the tracker sends until it closes the connection or the input ends."""
    client, selector = Client(chunks), Selector()
    nothing = cast(Any, None)
    registry = Registry(interval=1800, min_interval=60, random=random.Random(1))
    serving = tracker._Serving(registry, nothing, nothing, nothing, cast(Any, selector))
    connection = tracker._Connection(cast(socket.socket, client), host)
    serving._connections[connection.sock] = connection
    log = Log()
    with listening(log):
        while not client.closed:
            serving._serve(connection, selector.mask)
            require(not log.failures, f"failed inside: {''.join(log.failures)[-600:]}")
    return client.heard, client.closed


def _answers(heard: bytes) -> int:
    count = 0
    while heard:
        head, end, heard = heard.partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines[1:])
        size = int(fields["Content-Length"])
        require(end and lines[0].startswith("HTTP/1.1 ") and size <= len(heard), f"answer {lines[0]!r:.80}")
        require(size <= MAX_ANSWER, f"an answer of {size} bytes")
        heard = heard[size:]
        count += 1
    return count


def get(target: str, *fields: str, version: str = "HTTP/1.1") -> bytes:
    """Return one request."""
    return "\r\n".join([f"GET {target} {version}", "Host: t", *fields, "", ""]).encode()


def seeds() -> List[bytes]:
    """Return single requests, several on one connection, and invalid ones."""
    announce = get(f"/announce?{request('started')}")
    streams = [
        announce,
        announce + get("/scrape?info_hash=" + "i" * 20) + get("/", "Connection: close") + announce,
        get("/announce", version="HTTP/1.0"),
        get("/scrape", "Content-Length: 5") + b"12345",
        b"POST /announce HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /announce HTTP/2\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        get("/" + "a" * 600),
    ]
    return [bytes([who, way]) + stream for who, way in ((0, 1), (1, 3)) for stream in streams]


TOKENS = (
    *(b"\r\n\r\n", b"\r\n", b"GET ", b"GET /announce?", b"GET /scrape?", b" HTTP/1.1", b" HTTP/1.0"),
    b"Connection: close\r\n",
    *(b"Connection: keep-alive\r\n", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n"),
    *(b"Transfer-Encoding: x\r\n", b":"),
)
TARGET = Target(check, seeds, (*TOKENS, *WORDS), longest=1024)

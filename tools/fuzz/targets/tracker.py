"""Requests to ``Tracker``, in whatever cuts, each answered as HTTP or refused.

Nothing fails inside (it would be logged), nothing depends on the cuts, every answer has the length that it says, and no
client has more answers than requests.
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
"""Bytes of an answer of the most peers in the long form."""


class Log(logging.Handler):
    """Remembers that something failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.failures: List[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what failed, with its traceback."""
        self.failures.append(logging.Formatter().format(record))


@contextlib.contextmanager
def listening(log: Log) -> Iterator[None]:
    """Give ``log`` what the tracker logs, and nothing else; afterwards its logger is as before."""
    logger = logging.getLogger(tracker.__name__)
    propagates, logger.propagate = logger.propagate, False
    logger.addHandler(log)
    try:
        yield
    finally:
        logger.removeHandler(log)
        logger.propagate = propagates


class Client:
    """A socket that gives what it was given, and keeps what it is sent."""

    def __init__(self, chunks: List[bytes]) -> None:
        self._chunks = chunks[::-1]
        self.heard = b""
        self.closed = False

    def recv(self, size: int) -> bytes:
        """One chunk, or as much of it as was asked for."""
        if not self._chunks:
            return b""
        chunk = self._chunks.pop()
        if len(chunk) > size:
            self._chunks.append(chunk[size:])
        return chunk[:size]

    def send(self, data: bytes) -> int:
        """Take a part, as a full socket does."""
        taken = data[:700]
        self.heard += taken
        return len(taken)

    def close(self) -> None:
        """The tracker hangs up."""
        self.closed = True


class Selector:
    """What the connection waits for."""

    def __init__(self) -> None:
        self.mask = selectors.EVENT_READ

    def modify(self, sock: Any, mask: int, data: Any) -> None:
        """Wait for this from now on."""
        self.mask = mask

    def unregister(self, sock: Any) -> None:
        """Wait for nothing more."""


def check(data: bytes) -> None:
    """Two bytes choose the client and the cuts; the rest is what it sends."""
    choices = Choices(data)
    host, way = choices.pick(("127.0.0.1", "1.2.3.4", "::1", "::ffff:1.2.3.4")), choices.byte()
    stream = choices.rest()
    whole = served(host, [stream])
    require(served(host, cut(stream, way)) == whole, "other answers when cut")
    answers = _answers(whole[0])
    require(answers <= stream.count(b"\r\n\r\n") + 1, f"{answers} answers")


def served(host: str, chunks: List[bytes]) -> Tuple[bytes, bool]:
    """What a client hears until it is hung up on or has nothing more to say."""
    client, selector = Client(chunks), Selector()
    registry = Registry(interval=1800, min_interval=60, random=random.Random(1))
    serving = tracker._Serving(registry, cast(Any, None), cast(Any, None), cast(Any, selector))
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
    """One request."""
    return "\r\n".join([f"GET {target} {version}", "Host: t", *fields, "", ""]).encode()


def seeds() -> List[bytes]:
    """Requests alone and behind each other, and what is refused."""
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

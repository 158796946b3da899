"""``Connection``: one connection to the server; it reads requests and sends answers, in a thread of its own.

Every wait has a limit: for the head of a request, for the next request, for data of the torrent, and for the other end
to take what is sent.  A player that is paused takes nothing for minutes, so that limit is long; a page that is left, or
a seek, closes the connection, and ``Departure`` notices that while data is waited for.

The rule: the thread never closes its socket, as another thread may be about to shut it down.  The server closes it when
the thread has ended.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from email.utils import formatdate
from typing import Callable, ContextManager, Optional, Protocol

from ..errors import BitTorrentError
from ..threads.thread import Thread
from .answer import Answer, Site, answer_to, message, refusal
from .byte_ranges import Span
from .request import END, MAX_HEAD, BadRequest, parse_request

HEAD_TIMEOUT = 10.0
"""Seconds from the first byte of a request to the end of its head."""
IDLE_TIMEOUT = 30.0
"""Seconds that a connection is kept without a request."""
SEND_TIMEOUT = 300.0
"""Seconds in which the other end must take ``CHUNK`` bytes."""
LINGER = 1.0
"""Seconds in which the other end may close first, after an error, so that it receives the answer."""
CHUNK = 256 * 1024
"""Bytes that are read and sent at once."""

_log = logging.getLogger(__name__)


class BinaryFile(Protocol):
    """An open file."""

    def seek(self, offset: int) -> int:
        """Change the position."""

    def read(self, size: int) -> bytes:
        """Return at least one byte, unless the file is at its end."""


class Source(Protocol):
    """What a connection asks of the server."""

    @property
    def closing(self) -> bool:
        """The server is being closed."""

    def site(self) -> Site:
        """Return what is offered."""

    def open(self, index: int, departure: Departure) -> ContextManager[BinaryFile]:
        """Open a file of the torrent; its reads end with Cancelled when ``departure`` is set."""


class Departure:
    """A flag that is set when the other end has closed the connection, or the server is being closed."""

    def __init__(self, sock: socket.socket, source: Source) -> None:
        self._sock = sock
        self._source = source

    def is_set(self) -> bool:
        """Return whether the connection is of no use any more; called in its thread only."""
        if self._source.closing:
            return True
        try:
            self._sock.settimeout(0.0)
            return not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


class Connection:
    """One connection.

    Args:
        sock: The connected socket.
        source: The server.
        name: Name of the thread.
        ended: Called at the end of the thread.
    """

    def __init__(self, sock: socket.socket, source: Source, name: str, ended: Callable[[], None]) -> None:
        self.sock = sock
        self.thread = Thread(self._run, name)
        self.idle_since: Optional[float] = None
        """When it began to wait for a request; None while it answers one."""
        self.over = False
        """The thread uses the socket no more."""
        self._source = source
        self._ended = ended
        self._received = bytearray()

    def shut(self) -> None:
        """End the thread soon; may be called in any thread until the socket is closed."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            while self._serve():
                pass
        except (OSError, BitTorrentError, ValueError) as error:  # ValueError: a file was closed with its client
            _log.debug("a connection ended: %s", error)
        except Exception:
            _log.exception("a request failed")
        finally:
            self.shut()
            self.over = True
            self._ended()

    def _serve(self) -> bool:
        """Answer the next request; return whether the connection is kept."""
        try:
            head = self._read_head()
            if head is None:
                return False
            request = parse_request(head)
        except BadRequest as error:
            self._send(refusal(error), keep=False)
            self._linger()
            return False
        answer = answer_to(request, self._source.site())
        keep = request.keep and not self._source.closing
        self._send(answer, keep=keep)
        return keep

    def _read_head(self) -> Optional[bytes]:
        """Return the head of the next request; None if there is none."""
        self.idle_since = now = time.monotonic()
        deadline = now + (HEAD_TIMEOUT if self._received else IDLE_TIMEOUT)
        while END not in self._received:
            if len(self._received) > MAX_HEAD:
                raise BadRequest("431 Request Header Fields Too Large", f"more than {MAX_HEAD} bytes")
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                data = self.sock.recv(MAX_HEAD)
            except socket.timeout:
                if self._received:
                    raise BadRequest("408 Request Timeout", "the head did not come in time") from None
                return None
            if not data:
                return None
            if not self._received:
                deadline = time.monotonic() + HEAD_TIMEOUT
            self._received += data
            self._received = self._received.lstrip(b"\r\n")  # before a request (RFC 9112, section 2.2)
        self.idle_since = None
        head, _, rest = bytes(self._received).partition(END)
        if len(head) > MAX_HEAD:
            raise BadRequest("431 Request Header Fields Too Large", f"more than {MAX_HEAD} bytes")
        self._received = bytearray(rest.lstrip(b"\r\n"))
        return head

    def _send(self, answer: Answer, *, keep: bool) -> None:
        if answer.file_index < 0 or not any(span for _, span in answer.parts):
            self._send_bytes(_whole(answer, keep=keep))
            return
        departure = Departure(self.sock, self._source)
        try:
            opened = self._source.open(answer.file_index, departure)
        except BitTorrentError as error:
            self._send_bytes(_whole(message("503 Service Unavailable", str(error)), keep=False))
            raise
        with opened as file:
            self._send_bytes(answer.head(date=http_date(), keep=keep))
            for data, span in answer.parts:
                if data:
                    self._send_bytes(data)
                if span is not None:
                    self._send_span(file, span)

    def _send_span(self, file: BinaryFile, span: Span) -> None:
        file.seek(span.begin)
        left = span.end - span.begin
        while left:
            data = file.read(min(CHUNK, left))
            if not data:
                raise EOFError("the file is shorter than the torrent says")
            left -= len(data)
            self._send_bytes(data)

    def _send_bytes(self, data: bytes) -> None:
        self.sock.settimeout(SEND_TIMEOUT)
        self.sock.sendall(data)

    def _linger(self) -> None:
        """Read what still comes: closing with unread bytes would be a reset, which may overtake the answer."""
        self.sock.shutdown(socket.SHUT_WR)
        deadline = time.monotonic() + LINGER
        while time.monotonic() < deadline:
            self.sock.settimeout(max(0.001, deadline - time.monotonic()))
            if not self.sock.recv(MAX_HEAD):
                return


def http_date() -> str:
    """Return the current date, as HTTP writes it."""
    return formatdate(usegmt=True)


def _whole(answer: Answer, *, keep: bool) -> bytes:
    return answer.head(date=http_date(), keep=keep) + b"".join([data for data, _ in answer.parts])

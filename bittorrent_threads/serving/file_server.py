"""``FileServer``: serves the files of one torrent over HTTP; ``Client.serve`` makes it.

One thread accepts, and each connection has a thread.  The accepting thread owns all sockets: it alone closes them, each
after the thread that uses it has ended.  It ends when the server or the client is closed.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import selectors
import socket
import time
from typing import ContextManager, FrozenSet, Iterable, List, NamedTuple, Optional, Protocol, Tuple

from ..errors import ListenError
from ..metainfo.metainfo import Metainfo
from ..net import sockets
from ..status import Status
from ..threads.fork import close_after_fork
from ..threads.original import original, sleep
from ..threads.thread import Thread
from ..threads.uninterrupted import run_uninterrupted
from .answer import Site, message
from .catalogue import Catalogue
from .connection import BinaryFile, Connection, Departure, http_date

MAX_CONNECTIONS = 32
"""Most connections that answer a request or wait for one; a browser makes six, a player one or two."""
LOOK_INTERVAL = 0.5
"""Seconds between two looks whether the client is closed."""
THREADS_TIMEOUT = 30.0
"""Seconds that the threads of the connections get to end; only a disk that hangs can hold them."""
EXHAUSTED_PAUSE = 0.1
"""Seconds without accepting when the system has no descriptor, memory or thread for a connection."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class _Session(Protocol):
    @property
    def closed(self) -> bool:
        """Whether it is closed."""


class Served(Protocol):
    """What the server asks of a client; all of it may be used from any thread."""

    @property
    def infohash(self) -> bytes:
        """Infohash of the torrent."""

    @property
    def metainfo(self) -> Optional[Metainfo]:
        """The torrent; None before the metadata of a magnet link is known."""

    @property
    def session(self) -> _Session:
        """The session."""

    def status(self) -> Status:
        """Return a snapshot at once."""

    def open(self, file: int, *, stall_timeout: Optional[float], cancel: Departure) -> ContextManager[BinaryFile]:
        """Open a file for reading."""


class FileServer:
    """An HTTP server of the files of one torrent, which may still be downloaded.

    ``Client.serve`` makes and starts it.  It runs until ``close``, the end of a ``with`` block, or the end of the
    client.  Where a program reads is downloaded first.

    It answers ``GET`` and ``HEAD``, ranges and entity tags (RFC 9110) included.  Requests that name another host, or
    come from pages of other machines, are refused.
    """

    def __init__(
        self,
        client: Served,
        host: str,
        port: int,
        *,
        origins: Iterable[str] = (),
        stall_timeout: Optional[float] = None,
    ) -> None:
        if isinstance(port, bool) or not isinstance(port, int):
            raise TypeError(f"a port is an integer, not {port!r}")
        if not 0 <= port <= 65535:
            raise ValueError(f"port {port} is not 0 to 65535")
        if isinstance(origins, str):
            raise TypeError(f"origins are a list of strings, not {origins!r}")
        self._serving = _Serving(client, host, frozenset(origins), stall_timeout)
        self.host = host
        """Address that the server listens on, as it was given."""
        self._running: Optional[_Running] = run_uninterrupted(functools.partial(_run, self._serving, port), "serve")
        self.port: int = self._running.port
        """Port that the server listens on."""
        close_after_fork(self)
        try:
            self._running.thread.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """URL of the page that lists the files."""
        host = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    @property
    def urls(self) -> Tuple[str, ...]:
        """URL of each file, in the order of the torrent, padding included; none before the metadata is known."""
        catalogue = self._serving.catalogue()
        return () if catalogue is None else tuple([self.url[:-1] + path for path in catalogue.paths])

    @property
    def closed(self) -> bool:
        """The server does not listen any more."""
        return self._running is None or self._running.thread.inherited or self._serving.ended

    def close(self, timeout: float = 5.0) -> None:
        """Close the port and every connection.

        It may be called any number of times, in any thread.  After an interrupt, or a ``timeout`` that was too short,
        closing goes on by itself, and a further call waits for its end.

        Args:
            timeout: Most seconds to wait.
        """
        running, self._serving.closing = self._running, True
        if running is None:
            return
        if running.thread.inherited:
            self._serving.drop_inherited()
            self._running = None
            return
        self._serving.wake()
        if running.thread.cancel():
            self._serving.run()  # the thread did not begin: this closes the sockets
        if running.thread.join(timeout):
            self._running = None

    def __enter__(self) -> FileServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<FileServer {self.url}{', closed' if self.closed else ''}>"


class _Running(NamedTuple):
    port: int
    thread: Thread


def _run(serving: _Serving, port: int) -> _Running:
    """Open the port; return its number, and the thread that is to be started."""
    number = serving.listen(port)
    return _Running(number, Thread(serving.run, f"bittorrent-serve-{number}"))


class _Serving:
    """The accepting thread, and what the threads of the connections share.  It does not refer to the server."""

    def __init__(self, client: Served, host: str, origins: FrozenSet[str], stall_timeout: Optional[float]) -> None:
        self.closing = False
        self.ended = False
        self._client = client
        self._host = host
        self._origins = origins
        self._stall_timeout = stall_timeout
        self._catalogue: Optional[Catalogue] = None
        self._connections: List[Connection] = []
        self._count = 0

    # -- for the connections ---------------------------------------------------------------------------------------

    def catalogue(self) -> Optional[Catalogue]:
        """Return the files, None before the metadata is known."""
        if self._catalogue is None and self._client.metainfo is not None:
            self._catalogue = Catalogue(self._client.infohash, self._client.metainfo.files)
        return self._catalogue

    def site(self) -> Site:
        """Return what is offered."""
        status = self._client.status()
        return Site(status.name, self.catalogue(), status.progress, self._host, self._origins)

    def open(self, index: int, departure: Departure) -> ContextManager[BinaryFile]:
        """Open a file of the torrent."""
        return self._client.open(index, stall_timeout=self._stall_timeout, cancel=departure)

    def wake(self) -> None:
        """Make the accepting thread look at once."""
        with contextlib.suppress(OSError):  # it has ended, or is woken already
            self._waker.send(b"\0")

    # -- for the server --------------------------------------------------------------------------------------------

    def listen(self, port: int) -> int:
        """Open the port; return its number."""
        try:
            self._listener = sockets.server(self._host, port, everywhere=self._host == "::")
        except OSError as error:
            raise ListenError(error.strerror or str(error), f"{self._host}:{port}", error.errno or 0) from error
        self._listener.setblocking(False)
        self._woken, self._waker = sockets.pair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._selector = original("selectors", "DefaultSelector")()
        number: int = self._listener.getsockname()[1]
        return number

    def drop_inherited(self) -> None:
        """In the child of a fork: close the copies of the sockets, without shutting those of the parent down."""
        with contextlib.suppress(OSError):  # a kqueue is not inherited
            self._selector.close()
        for sock in (self._woken, self._waker, self._listener, *[each.sock for each in self._connections]):
            sock.close()

    def run(self) -> None:
        """Accept until the server or the client is closed, then close everything."""
        try:
            self._selector.register(self._woken, selectors.EVENT_READ)
            self._selector.register(self._listener, selectors.EVENT_READ)
            while not self._over():
                for key, _ in self._selector.select(LOOK_INTERVAL):
                    if key.fileobj is self._woken:
                        self._woken.recv(4096)
                    elif not self.closing:
                        self._accept()
                self._reap()
        finally:
            self.closing = True
            self._listener.close()
            self.ended = True
            self._end_connections()
            self._selector.close()
            self._woken.close()
            self._waker.close()

    def _over(self) -> bool:
        return self.closing or self._client.session.closed or self._client.status().closed

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:  # the next call would fail too
                sleep(EXHAUSTED_PAUSE)
            return
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._has_room():
            _refuse(sock)
            return
        self._count += 1
        name = f"bittorrent-serve-{self._listener.getsockname()[1]}-{self._count}"
        connection = Connection(sock, self, name, self.wake)
        self._connections.append(connection)
        try:
            connection.thread.start()
        except Exception:  # the system has no thread left
            self._connections.remove(connection)
            _refuse(sock)
            sleep(EXHAUSTED_PAUSE)

    def _has_room(self) -> bool:
        """Whether one more connection may be served; for its sake the longest idle one is ended."""
        self._reap()
        if len(self._connections) < MAX_CONNECTIONS:
            return True
        idle = [(each.idle_since, number) for number, each in enumerate(self._connections) if each.idle_since]
        if not idle:
            return False
        connection = self._connections[min(idle)[1]]
        connection.shut()
        ended = connection.thread.join(EXHAUSTED_PAUSE)
        self._reap()
        return ended

    def _reap(self) -> None:
        """Close the sockets of the connections whose threads do not use them any more."""
        for connection in [each for each in self._connections if each.over]:
            self._connections.remove(connection)
            connection.sock.close()

    def _end_connections(self) -> None:
        for connection in self._connections:
            connection.shut()
        deadline = time.monotonic() + THREADS_TIMEOUT
        for connection in self._connections:
            if connection.thread.join(max(0.0, deadline - time.monotonic())):
                connection.sock.close()


def _refuse(sock: socket.socket) -> None:
    """Say that there are too many connections, without waiting."""
    answer = message("503 Service Unavailable", f"more than {MAX_CONNECTIONS} connections", Retry_After="2")
    with sock, contextlib.suppress(OSError):
        sock.setblocking(False)
        sock.send(answer.head(date=http_date(), keep=False) + b"".join([data for data, _ in answer.parts]))

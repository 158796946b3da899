"""``session.dht``: how the threads of a user reach the DHT node of a session (BEP 5)."""

from __future__ import annotations

import collections
import contextlib
import time
from types import TracebackType
from typing import Deque, Iterator, Optional, Sequence, Tuple, Type

from .engine.dht_node import Search
from .engine.engine import Engine
from .errors import BitTorrentError, SessionClosed, StateError
from .runtime import Runtime
from .status import DhtStatus
from .threads.latch import SLICE
from .threads.waiters import Waiters

MAX_FOUND = 5000
"""Addresses that one search keeps for a program that does not take them."""


class _Finder:
    """What a search has found; the network thread puts, and threads of the user take."""

    def __init__(self) -> None:
        self.found: Deque[Tuple[str, int]] = collections.deque()
        self.replies = 0
        self.ended = False
        self.changed = Waiters()
        self.search: Optional[Search] = None

    def on_peers(self, addresses: Sequence[Tuple[str, int]]) -> None:
        """Keep what was found, if there is room."""
        self.found.extend(addresses[: max(0, MAX_FOUND - len(self.found))])
        self.changed.wake()

    def on_search_ended(self, replies: int) -> None:
        """End the iteration behind what was found."""
        self.replies = replies
        self.ended = True
        self.changed.wake()


class DhtPeers(Iterator[Tuple[str, int]]):
    """The peers of a torrent, as ``(host, port)``, each once and as nodes of the DHT name them; an iterator.

    It ends when the search has ended, which takes a minute at most, or after its ``timeout``.  The search ends also
    with its ``with`` block, and with ``close``.
    """

    def __init__(self, session: Runtime, infohash: bytes, timeout: Optional[float]) -> None:
        self.infohash = infohash
        """Infohash of the torrent, 20 bytes."""
        self._session = session
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._finder = finder = _Finder()
        dht = session._engine.dht

        def begin() -> None:
            dht.keep()
            finder.search = dht.search(infohash, finder)

        if session.closed:
            raise SessionClosed()
        session._loop.post(begin)  # and not ``_call``: the first wait is for what is found
        self._reply = session._reply()

    @property
    def replies(self) -> int:
        """Number of nodes that answered; 0 until the search has ended."""
        return self._finder.replies

    @property
    def ended(self) -> bool:
        """The search has ended; what it found may still be taken."""
        return self._finder.ended

    def __iter__(self) -> DhtPeers:
        return self

    def __next__(self) -> Tuple[str, int]:
        """Wait for the next peer, and return it.

        Raises:
            StopIteration: If the search has ended, or ``timeout`` is over.
            SessionClosed: If the session is closed.
        """
        finder = self._finder
        while True:
            latch = finder.changed.add()
            try:
                ended = finder.ended
                with contextlib.suppress(IndexError):
                    return finder.found.popleft()
                if self._session.closed or self._reply.done:
                    raise SessionClosed()
                remaining = SLICE if self._deadline is None else self._deadline - time.monotonic()
                if ended or remaining <= 0:
                    self.close()
                    raise StopIteration
                latch.wait(min(SLICE, remaining))
            finally:
                finder.changed.remove(latch)

    def close(self) -> None:
        """End the search, and drop the peers that were not taken; may be called any number of times."""
        finder = self._finder
        finder.found.clear()
        if not finder.ended:
            finder.ended = True
            finder.changed.wake()

            def cancel(engine: Engine) -> None:
                if finder.search is not None:
                    engine.dht.cancel(finder.search)

            with contextlib.suppress(BitTorrentError):
                self._session._call(cancel)

    def __enter__(self) -> DhtPeers:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        waiting = len(self._finder.found)
        return f"<DhtPeers {self.infohash.hex()}: {waiting} waiting{', ended' if self.ended else ''}>"


class SessionDht:
    """The DHT node of a session; see :attr:`Session.dht`.

    The node joins the network when the first torrent that may use it is started, or at the first call of a method
    other than ``status``; after such a call it stays until the session is closed.
    """

    def __init__(self, session: Runtime) -> None:
        self._session = session

    def get_peers(self, infohash: bytes, timeout: Optional[float] = 60.0) -> DhtPeers:
        """Look for the peers of a torrent, without announcing it.

        Args:
            infohash: Infohash of the torrent, 20 bytes.
            timeout: Most seconds to look, from this call on; None for no limit but that of the search itself, which
                ends after a minute at most.

        Returns:
            An iterator over the addresses.

        Raises:
            ValueError: If the infohash does not have 20 bytes.
            StateError: If ``Settings.dht`` is false.
            SessionClosed: If the session is closed.
        """
        if len(infohash) != 20:
            raise ValueError(f"an infohash has 20 bytes, not {len(infohash)}")
        self._require("get_peers")
        return DhtPeers(self._session, bytes(infohash), timeout)

    def add_node(self, host: str, port: int) -> None:
        """Ask a node that the program knows; it is used when it answers.

        Args:
            host: Host name or numeric address.
            port: UDP port.

        Raises:
            ValueError: If the port is not 1 to 65535.
            StateError: If ``Settings.dht`` is false.
            SessionClosed: If the session is closed.
        """
        if not 0 < int(port) < 65536:
            raise ValueError(f"port {port} of node {host} is not 1 to 65535")
        self._require("add_node")

        def add(engine: Engine) -> None:
            engine.dht.keep()
            engine.dht.name_node(str(host), int(port))

        self._session._call(add)

    def status(self) -> DhtStatus:
        """Return the figures of the node, as of the last second; it never waits."""
        return self._session._engine.dht.status

    def _require(self, verb: str) -> None:
        if not self._session.settings.dht:
            raise StateError(verb, "the session has no DHT node: Settings.dht is false")

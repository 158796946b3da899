"""``Searches``: the searches for peers: few run at once, the others wait in order."""

from __future__ import annotations

import collections
import math
from typing import Callable, Deque, Dict, List, Mapping, Set

from ..protocol.addresses import Address
from .events import Event, PeersFound, SearchEnded
from .node import Node
from .node_id import unpack
from .peer_search import PeerSearch
from .walk import PeerWalk, Walk

TIME_LIMIT = 60.0
"""Seconds after which a search ends, whatever it has found; also while no node is known."""


class _Running:
    """A search that runs."""

    def __init__(self, search: PeerSearch, until: float) -> None:
        self.search = search
        self.until = until
        self.walks: Dict[int, PeerWalk] = {}
        """The walk of each family that had a node to begin with."""


class Searches:
    """The searches of a session.

    Args:
        nodes: The node of each family.
        most: Searches that run at once.
        stored: Returns the peers of an infohash that others announced to us.
        emit: Takes the events.
    """

    def __init__(
        self,
        nodes: Mapping[int, Node],
        most: int,
        stored: Callable[[bytes, float], List[Address]],
        emit: Callable[[Event], None],
    ) -> None:
        self._nodes = nodes
        self._stored = stored
        self._most = most
        self._emit = emit
        self._waiting: Deque[PeerSearch] = collections.deque()
        self._running: Dict[PeerSearch, _Running] = {}
        """The first that began first."""
        self._missing: Set[int] = set()
        """Families in which a running search waits for a node to begin with."""
        self._recheck_at = math.inf
        """When no more nodes of these families are awaited by a search that has ended in the others."""
        self._changed = False
        """A walk has ended, or a search was added or cancelled."""
        self.next_timeout = math.inf
        """When to call :meth:`advance`, in monotonic seconds."""

    @property
    def running(self) -> int:
        """Searches that run."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Searches that wait."""
        return len(self._waiting)

    def add(self, search: PeerSearch, now: float) -> None:
        """Begin a search as soon as its turn has come."""
        self._waiting.append(search)
        self._changed = True
        self.advance(now)

    def cancel(self, search: PeerSearch, now: float) -> None:
        """End a search without an event; harmless if it has ended."""
        if search.ended:
            return
        search.ended = True
        running = self._running.pop(search, None)
        if running is None:
            self._waiting.remove(search)
        else:
            self._stop(running)
        self._changed = True
        self.advance(now)

    def advance(self, now: float) -> None:
        """Begin and end what is due; costs little if nothing is."""
        if not self._changed and not self._missing and now < self.next_timeout:
            return
        while self._changed or now >= self.next_timeout or any(len(self._nodes[each].table) for each in self._missing):
            self._changed = False
            while self._waiting and len(self._running) < self._most:
                search = self._waiting.popleft()
                running = self._running[search] = _Running(search, now + TIME_LIMIT)
                # We may be one of the nodes closest to it ourselves.
                self._found(running, self._stored(search.infohash, now))
            self._missing.clear()
            self._recheck_at = math.inf
            for running in list(self._running.values()):
                self._advance(running, now)
            first = next(iter(self._running.values()), None)
            self.next_timeout = math.inf if first is None else min(first.until, self._recheck_at)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _advance(self, running: _Running, now: float) -> None:
        """Begin the walks that can begin, and end the search if all have ended or its time is over."""
        missing = []
        for family, node in self._nodes.items():
            if family not in running.walks:
                if len(node.table):
                    self._begin_walk(running, node, now)
                else:
                    missing.append(family)
        if now >= running.until:
            self._end(running)
        elif running.walks and all(walk.ended for walk in running.walks.values()):
            # A family that may have its first node in a moment is waited for.
            hope = max((self._nodes[family].joining.hope_until for family in missing), default=now)
            if hope <= now:
                self._end(running)
            self._recheck_at = min(self._recheck_at, hope) if hope > now else self._recheck_at
        if running.search in self._running:
            self._missing.update(missing)

    def _begin_walk(self, running: _Running, node: Node, now: float) -> None:
        search = running.search

        def found(peers: List[Address]) -> None:
            self._found(running, peers)

        def ended(walk: Walk, at: float) -> None:
            node.forget(walk)
            self._changed = True

        lookup = node.lookup(unpack(search.infohash))
        running.walks[node.family] = walk = PeerWalk(
            lookup,
            node.queries,
            node.family,
            ended,
            node.on_nodes,
            on_peers=found,
            port=search.port,
            implied_port=search.implied_port,
        )
        node.walk(walk, now)

    def _found(self, running: _Running, peers: List[Address]) -> None:
        new = running.search.add(peers)
        if new:
            self._count(running)
            self._emit(PeersFound(running.search, new))

    def _end(self, running: _Running) -> None:
        del self._running[running.search]
        self._changed = True
        self._stop(running)
        running.search.ended = True
        self._emit(SearchEnded(running.search))

    def _stop(self, running: _Running) -> None:
        for family, walk in running.walks.items():
            walk.cancel()
            self._nodes[family].forget(walk)
        self._count(running)

    @staticmethod
    def _count(running: _Running) -> None:
        search = running.search
        search.queries = search.replies = search.steps = search.announced = 0
        for walk in running.walks.values():
            search.queries += walk.lookup.queries
            search.replies += walk.lookup.replies
            search.steps = max(search.steps, walk.lookup.steps)
            search.announced += walk.announced

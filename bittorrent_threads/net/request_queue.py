"""Whose turn it is: requests that wait for a worker, and how many each host has under way.

The rule: no host has more than its share of the workers, and hosts that failed last time stand behind all others.  So
a tracker that answers is not held up by trackers that are silent.  A host is one for each address family that it is
asked over, because one of them may lead nowhere.
"""

from __future__ import annotations

from typing import Dict, Generic, Optional, Tuple, TypeVar

MAX_AT_HOST = 3
"""Requests under way to one host; below the least number of workers that a session is given."""
MAX_FAILED = 1000
"""Hosts remembered because their last request failed."""

T = TypeVar("T")
Way = Tuple[str, int]
"""A host and an address family, 0 for any."""


class RequestQueue(Generic[T]):
    """The waiting requests, the first come first of each kind, and the hosts of those under way."""

    def __init__(self) -> None:
        self._fresh: Dict[T, Way] = {}
        self._failed: Dict[T, Way] = {}
        """Requests to hosts that failed."""
        self._under_way: Dict[Way, int] = {}
        self._failed_hosts: Dict[Way, None] = {}

    def __len__(self) -> int:
        """Requests that wait."""
        return len(self._fresh) + len(self._failed)

    def add(self, request: T, host: Way) -> None:
        """A request begins to wait."""
        (self._failed if host in self._failed_hosts else self._fresh)[request] = host

    def discard(self, request: T) -> None:
        """Give a request up, if it waits."""
        self._fresh.pop(request, None)
        self._failed.pop(request, None)

    def peek(self) -> Optional[T]:
        """The request whose turn it is; None if no host of those that wait has room."""
        for waiting in (self._fresh, self._failed):
            for request, host in waiting.items():
                if self._under_way.get(host, 0) < MAX_AT_HOST:
                    return request
        return None

    def begin(self, request: T) -> None:
        """A request that waited has a worker now."""
        host = (self._fresh if request in self._fresh else self._failed).pop(request)
        self._under_way[host] = self._under_way.get(host, 0) + 1

    def end(self, host: Way, *, failed: bool) -> None:
        """The worker came back from ``host``."""
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]
        self._failed_hosts.pop(host, None)
        if failed:
            self._failed_hosts[host] = None
            if len(self._failed_hosts) > MAX_FAILED:
                del self._failed_hosts[next(iter(self._failed_hosts))]

"""``RequestQueue``: the requests that wait for a worker, and how many requests each host has under way.

The rule: no host has more than its share of the workers, and requests to hosts that failed last time wait behind all
others.  So trackers that do not answer do not delay one that does.  A host counts separately for each address family,
because one family may lead nowhere.
"""

from __future__ import annotations

from typing import Dict, Generic, Optional, Tuple, TypeVar

MAX_PER_HOST = 3
"""Requests under way to one host; fewer than the least number of workers that a session may be given."""
MAX_FAILED = 1000
"""Hosts that are remembered because their last request failed."""

T = TypeVar("T")
Host = Tuple[str, int]
"""A host name and an address family: 4, 6, or 0 for any."""


class RequestQueue(Generic[T]):
    """Waiting requests, first come first served among those to hosts of each kind, and the requests under way."""

    def __init__(self) -> None:
        self._fresh: Dict[T, Host] = {}
        self._failed: Dict[T, Host] = {}
        """Requests to hosts that failed."""
        self._under_way: Dict[Host, int] = {}
        self._failed_hosts: Dict[Host, None] = {}

    def __len__(self) -> int:
        """Return the number of requests that wait."""
        return len(self._fresh) + len(self._failed)

    def add(self, request: T, host: Host) -> None:
        """Add a request that waits."""
        (self._failed if host in self._failed_hosts else self._fresh)[request] = host

    def discard(self, request: T) -> None:
        """Remove a request if it waits."""
        self._fresh.pop(request, None)
        self._failed.pop(request, None)

    def peek(self) -> Optional[T]:
        """Return the next request; None if the hosts of all that wait have their share of the workers."""
        for waiting in (self._fresh, self._failed):
            for request, host in waiting.items():
                if self._under_way.get(host, 0) < MAX_PER_HOST:
                    return request
        return None

    def begin(self, request: T) -> None:
        """Count a request as under way that has waited until now."""
        host = (self._fresh if request in self._fresh else self._failed).pop(request)
        self._under_way[host] = self._under_way.get(host, 0) + 1

    def end(self, host: Host, *, failed: bool) -> None:
        """Count a request to ``host`` as done.

        Args:
            host: The host of the request.
            failed: It had no answer, so that later requests to the host wait behind others.
        """
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]
        self._failed_hosts.pop(host, None)
        if failed:
            self._failed_hosts[host] = None
            if len(self._failed_hosts) > MAX_FAILED:
                del self._failed_hosts[next(iter(self._failed_hosts))]

"""Over which address families the trackers of a torrent know it, and over which they cannot be reached.

The rule: a tracker that was told ``started`` over one family knows nothing of the other, as it lists the address that
it sees (BEP 7).  So ``started`` and ``stopped`` are sent once over each.
"""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .interfaces.tracker_client import Endpoint

UNAVAILABLE_PAUSE = 3600.0
"""Seconds for which a tracker is not asked over an address family that the tracker or this machine does not have."""

Route = Tuple[str, int]
"""URL of a tracker, and address family."""


class TrackerRoutes:
    """The routes of one torrent."""

    def __init__(self) -> None:
        self._registered: Dict[Route, bool] = {}
        """True: the tracker accepted ``started`` over this route.  False: it was sent, and may be accepted."""
        self._unavailable: Dict[Route, float] = {}
        """Time until which a route is not used."""

    def forgive(self) -> None:
        """Try every route again."""
        self._unavailable.clear()

    def forget(self) -> None:
        """Forget what trackers know: the run is over."""
        self._registered.clear()

    def leave(self, url: str, endpoints: Sequence[Endpoint]) -> List[Endpoint]:
        """Return the endpoints from which a tracker may know us, to say ``stopped`` from, and forget that it does."""
        known = [each for each in endpoints if self._registered.pop((url, each.family), None) is not None]
        return known or list(endpoints)

    def usable(self, url: str, endpoints: Sequence[Endpoint], now: float) -> List[Endpoint]:
        """Return the endpoints to announce to a tracker from; all of them if none is better than another."""
        until = self._unavailable
        return [each for each in endpoints if until.get((url, each.family), now) <= now] or list(endpoints)

    def registered(self, route: Route) -> bool:
        """Return whether the tracker accepted ``started`` over a route."""
        return self._registered.get(route, False)

    def announced(self, route: Route) -> None:
        """Record that an announce other than ``stopped`` is sent."""
        self._registered.setdefault(route, False)

    def succeeded(self, route: Route) -> None:
        """Record that an announce was accepted; one that was left since stays unknown."""
        if route in self._registered:
            self._registered[route] = True

    def failed(self, route: Route, now: float, *, unavailable: bool) -> None:
        """Record that an announce failed.

        Args:
            route: Its route.
            now: Current time.
            unavailable: Whether the tracker or this machine does not have the address family.
        """
        if self._registered.get(route) is False:
            del self._registered[route]
        if unavailable:
            self._unavailable[route] = now + UNAVAILABLE_PAUSE

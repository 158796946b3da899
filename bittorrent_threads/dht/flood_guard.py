"""``FloodGuard``: ignores hosts that send too much.

The rule: a host that sent more than 50 datagrams within ten seconds is not heard for five minutes (as libtorrent does).
An answer to our own query is not counted.  The address of a sender can be forged, so this also bounds what an attacker
can make us send to a victim.
"""

from __future__ import annotations

from typing import Dict, List

from .place import Key

MAX_DATAGRAMS = 50
"""Datagrams of one host within ``WINDOW``."""
WINDOW = 10.0
"""Seconds."""
BLOCK_TIME = 300.0
"""Seconds for which a host is ignored."""
MAX_HOSTS = 2000
"""Hosts that are remembered; the one that has been known longest is forgotten first, unless it is ignored."""


class FloodGuard:
    """Counts what each host sends unasked."""

    def __init__(self) -> None:
        self._windows: Dict[Key, List[float]] = {}
        """Beginning of the window of a host, and its datagrams since then; the oldest window first."""
        self._blocked: Dict[Key, float] = {}
        """Until when hosts are ignored; the first to end first."""

    def ignores(self, owner: Key, now: float) -> bool:
        """Return whether a host is ignored now.

        Args:
            owner: The host: ``Place.owner``.
            now: Monotonic seconds.
        """
        if owner not in self._blocked:
            return False
        if now < self._blocked[owner]:
            return True
        del self._blocked[owner]
        return False

    def admit(self, owner: Key, now: float) -> bool:
        """Count a datagram of a host that is not ignored; return false if it is one too many."""
        window = self._windows.get(owner)
        if window is None or now - window[0] >= WINDOW:
            self._windows.pop(owner, None)
            if len(self._windows) >= MAX_HOSTS:
                del self._windows[next(iter(self._windows))]
            self._windows[owner] = [now, 1]
            return True
        window[1] += 1
        if window[1] <= MAX_DATAGRAMS:
            return True
        del self._windows[owner]
        if len(self._blocked) >= MAX_HOSTS:
            del self._blocked[next(iter(self._blocked))]
        self._blocked[owner] = now + BLOCK_TIME
        return False

    def blocked(self, now: float) -> int:
        """Return how many hosts are ignored."""
        for owner, until in list(self._blocked.items()):
            if until > now:
                break
            del self._blocked[owner]
        return len(self._blocked)

"""The IP filter of a session, as the network thread has it: which hosts are refused, in both directions.

The rule: a set of addresses never changes.  The thread of a user makes another one, and the network thread takes it in
the place of the old one (``change``), so that no address is looked up in a set that is being changed.
"""

from __future__ import annotations

from typing import Any, Callable, List, Protocol, Sequence

from ..swarm.ip_ranges import IpRanges
from ..swarm.peer_list import PeerList

REFUSED = "the IP filter refuses the peer"
"""The reason of a connection that is closed because the filter has changed."""


class Clock(Protocol):
    """Makes calls later."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Call once, ``delay`` seconds from now."""


class AddressFilter:
    """The IP filter of one session.

    Args:
        clock: Makes calls in later passes.
    """

    def __init__(self, clock: Clock) -> None:
        self.ranges = IpRanges()
        """The addresses that are refused."""
        self.refused = 0
        """Addresses that were not listed, and connections that were not accepted, so far."""
        self._clock = clock
        self._unswept: List[PeerList] = []

    def blocks(self, host: str) -> bool:
        """Whether a numeric host is refused."""
        return host in self.ranges

    def refuses(self, host: str) -> bool:
        """The same for a host that wants in, which is counted."""
        refused = host in self.ranges
        self.refused += refused
        return refused

    def change(self, before: IpRanges, after: IpRanges, lists: Sequence[PeerList]) -> bool:
        """Refuse other addresses from now on.

        Args:
            before: The set that the new one was made from.
            after: The new set.
            lists: Lists of addresses, from which those that are refused now are removed: one list a pass, as a session
                of a thousand torrents may know millions.

        Returns:
            Whether it was done; False if the set is not ``before`` any more, because another thread changed it.
        """
        if self.ranges is not before:
            return False
        self.ranges = after
        if not self._unswept:
            self._clock.call_later(0.0, self._sweep)
        self._unswept = list(lists)
        return True

    def _sweep(self) -> None:
        if self._unswept:
            self._unswept.pop().remove(lambda address, source: address[0] in self.ranges)
        if self._unswept:
            self._clock.call_later(0.0, self._sweep)

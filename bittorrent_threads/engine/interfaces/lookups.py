"""``Lookups``: name resolution and HTTP."""

from __future__ import annotations

from typing import Callable, Protocol

from ...net.interfaces import Fetched, Resolved


class Lookups(Protocol):
    """Name resolution and HTTP, in threads of their own, so that one that hangs delays nothing else."""

    def fetch(
        self,
        url: str,
        timeout: float,
        max_body: int,
        deliver: Callable[[Fetched], None],
        *,
        trusted: bool = False,
        family: int = 0,
        source: str = "",
    ) -> None:
        """Send a GET request.

        Args:
            url: What to get.
            timeout: Seconds for everything, name resolution and redirects included.
            max_body: Most bytes of the body, decompressed.
            deliver: Gets the answer.
            trusted: False limits requests at private addresses to the paths of trackers.
            family: The address family, 4 or 6, 0 for any; without it the error is ``net.resolver.FamilyUnavailable``.
            source: Numeric local address; empty for any.
        """

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Resolved], None]) -> None:
        """Deliver the numeric addresses of a host."""

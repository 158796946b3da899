"""Our own host as peers and trackers see it (BEP 10 ``yourip``, BEP 24 ``external ip``).

The rule: no single report is believed.  Each owner of addresses has one vote, and the host with most votes counts if
enough agree; the oldest votes are dropped, because our address may change.
"""

from __future__ import annotations

import collections
from typing import Dict

from ..address_scope import is_unicast, owner
from .bans import remember

AGREEMENT = 3
"""Owners of addresses that must report the same host."""

MAX_VOTES = 64
"""Votes kept of each address family."""


class ExternalAddress:
    """Our own numeric host in each address family, as far as others report it."""

    def __init__(self) -> None:
        self._votes: Dict[bool, Dict[str, str]] = {False: {}, True: {}}
        """The last report of each owner, for IPv4 (False) and IPv6 (True)."""

    def report(self, host: str, reporter: str) -> None:
        """Count a vote.

        Args:
            host: Our numeric host as the reporter sees it, empty if it does not tell.
            reporter: The numeric host of the reporter, empty if that is not known.
        """
        votes, voter = self._votes[":" in host], owner(reporter)
        if votes.get(voter) == host:  # as each answer of a DHT node says again
            votes[voter] = votes.pop(voter)
        elif reporter and is_unicast(host):
            votes.pop(voter, None)
            remember(votes, voter, host, limit=MAX_VOTES)

    def seen_by(self, peer: str) -> str:
        """Our host in the address family of the numeric host ``peer``; empty while it is not known."""
        counts = collections.Counter(self._votes[":" in peer].values()).most_common(1)
        return counts[0][0] if counts and counts[0][1] >= AGREEMENT else ""

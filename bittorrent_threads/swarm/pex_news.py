"""What one peer is told of the others (BEP 11): with whom we became connected, and with whom we no longer are.

A message tells the difference to what the peer was told before, so a contact that came and went between two messages is
never told.  The rule: at most one message a minute, with at most 50 contacts added and 50 dropped; what does not fit
waits for the next one.
"""

from __future__ import annotations

from itertools import islice
from typing import Dict, Mapping, Optional

from ..protocol.addresses import Address
from ..protocol.pex import MAX_CONTACTS, SEED, PexMessage

INTERVAL = 60.0
"""Seconds between two messages to a peer."""
FIRST_DELAY = 3.0
"""Seconds before the first: at a start many connections are made at once, and one message tells of all of them."""
LONGEST = 450
"""Bytes of a message that adds ``MAX_CONTACTS`` IPv4 contacts."""
SHARE = 20
"""One byte in so many of an upload limit is for these messages: a low limit is for handshakes and blocks first."""


def interval(peers: int, limit: int) -> float:
    """Return the seconds between two messages to a peer.

    Args:
        peers: How many peers are told.
        limit: Bytes a second that may be sent to all of them; 0 for no limit.
    """
    return max(INTERVAL, peers * LONGEST * SHARE / limit) if limit else INTERVAL


class PexNews:
    """What is told to one peer.

    Args:
        now: Monotonic seconds, as everywhere here.
    """

    def __init__(self, now: float) -> None:
        self._told: Dict[Address, None] = {}
        """What the peer believes: bounded, as no message adds more than the next one can drop."""
        self._told_at = now + FIRST_DELAY - INTERVAL

    def due(self, now: float, pause: float = INTERVAL) -> bool:
        """Return whether a message may be sent, ``pause`` seconds after the last one."""
        return now >= self._told_at + pause

    def message(self, contacts: Mapping[Address, int], now: float, *, seeds: bool = True) -> Optional[PexMessage]:
        """The message to send now; None if there is no news.

        Args:
            contacts: The addresses and flags of all peers but this one that we are connected to.
            now: Not before ``due``.
            seeds: False if the peer is a seed, which has no use for others.
        """
        new = ((each, flags) for each, flags in contacts.items() if each not in self._told)
        added = dict(islice((each for each in new if seeds or not each[1] & SEED), MAX_CONTACTS))
        dropped = tuple(islice((each for each in self._told if each not in contacts), MAX_CONTACTS))
        if not added and not dropped:
            return None
        self._told_at = now
        for address in dropped:
            del self._told[address]
        self._told.update(dict.fromkeys(added))
        return PexMessage(added, dropped)

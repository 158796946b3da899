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


class PexNews:
    """What is told to one peer.

    Args:
        now: Monotonic seconds, as everywhere here.
    """

    def __init__(self, now: float) -> None:
        self._told: Dict[Address, None] = {}
        """What the peer believes: bounded, as no message adds more than the next one can drop."""
        self._due = now + FIRST_DELAY

    def due(self, now: float) -> bool:
        """Whether a message may be sent."""
        return now >= self._due

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
        self._due = now + INTERVAL
        for address in dropped:
            del self._told[address]
        self._told.update(dict.fromkeys(added))
        return PexMessage(added, dropped)

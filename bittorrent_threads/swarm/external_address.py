"""Which host others see us as (BEP 10 ``yourip``, BEP 24 ``external ip``).

The rule: nobody is believed alone.  What most say counts, with one vote for each owner of addresses, and only if some
agree; the oldest votes go, for our address may change.
"""

from __future__ import annotations

import collections
from typing import Dict

from ..address_scope import is_unicast, owner
from .bans import remember

AGREEMENT = 3
"""Owners of addresses that must say the same."""

MAX_VOTES = 64
"""Votes kept of a family of addresses."""


class ExternalAddress:
    """Our own numeric host in each family, as far as others tell."""

    def __init__(self) -> None:
        self._votes: Dict[bool, Dict[str, str]] = {False: {}, True: {}}
        """What each owner said last, by "is it IPv6"."""

    def told(self, host: str, teller: str) -> None:
        """The numeric host ``teller`` says that we are ``host``; empty if it says nothing."""
        if teller and is_unicast(host):
            votes = self._votes[":" in host]
            votes.pop(owner(teller), None)
            remember(votes, owner(teller), host, limit=MAX_VOTES)

    def seen_by(self, peer: str) -> str:
        """Our host in the family of the numeric host ``peer``; empty while it is not known."""
        counts = collections.Counter(self._votes[":" in peer].values()).most_common(1)
        return counts[0][0] if counts and counts[0][1] >= AGREEMENT else ""

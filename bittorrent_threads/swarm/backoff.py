"""How long an address is put off after a dial that failed or a connection that ended.

The rule: an honest peer is away for a minute at most while it is needed and few others are known.  A pause doubles with
each failure in a row, but what it may grow to follows from how many addresses share the work of being tried.
"""

from __future__ import annotations

MAX_FAILURES = 6
"""Dials that may fail in a row before an address is forgotten, unless the user gave it."""

RETRY_PAUSE = 15.0
"""Seconds before an address is dialled again after one failure; doubled with each more."""

RECONNECT_PAUSE = 5.0
"""Seconds before a peer is dialled again after its connection ended; doubled with each short connection in a row.

A peer may have a reason of its own to close: it lost pieces, or was started again.
"""

USELESS_PAUSE = 1800.0
"""The same when it makes no sense: both are seeds, and one of us needs time to change that, or it broke the rules."""

LONGEST_PAUSE = 3600.0
"""Seconds that no pause exceeds."""

PAUSE_PER_ADDRESS = 6.0
"""Seconds that no pause after a failure exceeds while peers are needed, for each address known.

So each is tried often where few are known, and hundreds are not dialled more often than a few.
"""

LEAST_LONGEST = 60.0
"""Seconds to which such a pause may grow in any case."""

LAST_RESORT = 10
"""Addresses, of public hosts one of each, that are not forgotten while peers are needed, whatever dialling them gave.

When our own line was out all of them failed, and there may be nothing else to go on with.
"""

SHORT_CONNECTION = 60.0
"""Seconds; a connection that ends before, and in which no block went or came, counts as a failure."""


def longest(known: int, *, needed: bool) -> float:
    """What a pause may grow to where so many addresses are ``known``, and peers are ``needed`` or not."""
    return min(LONGEST_PAUSE, max(LEAST_LONGEST, PAUSE_PER_ADDRESS * known)) if needed else LONGEST_PAUSE


def after_dial(failures: int, *, most: float) -> float:
    """Seconds before an address is dialled again of which so many dials in a row have failed, 1 at least."""
    return _doubled(RETRY_PAUSE, failures - 1, most)


def after_connection(failures: int, *, most: float) -> float:
    """The same after a connection that ended, with so many failures before it."""
    return _doubled(RECONNECT_PAUSE, failures, most)


def _doubled(first: float, doublings: int, most: float) -> float:
    return min(most, first * 2.0 ** min(doublings, 16))

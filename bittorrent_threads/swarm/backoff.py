"""How long an address is not dialled after a dial that failed or a connection that ended.

The rule: while peers are needed and few are known, no pause is longer than a minute.  A pause doubles with each failure
in a row, up to a bound that grows with the number of known addresses.
"""

from __future__ import annotations

MAX_FAILURES = 6
"""Dials that may fail in a row before an address is forgotten, unless the user gave it."""

RETRY_PAUSE = 15.0
"""Seconds before an address is dialled again after one failure; doubled with each more."""

RECONNECT_PAUSE = 5.0
"""Seconds before a peer is dialled again after its connection ended; doubled with each short connection in a row.

The peer may have closed for a reason of its own: it lost pieces, or was started again.
"""

USELESS_PAUSE = 1800.0
"""The same when the peer is of no use now: both ends are seeds, or it broke the rules."""

LONGEST_PAUSE = 3600.0
"""Seconds that no pause exceeds."""

PAUSE_PER_ADDRESS = 6.0
"""Seconds for each known address that no pause after a failure exceeds while peers are needed.

So each is tried often where few are known, and dials are not more frequent where hundreds are.
"""

LEAST_LONGEST = 60.0
"""Seconds to which such a pause may grow however few addresses are known."""

LAST_RESORT = 10
"""Addresses, one of each public host, that are not forgotten while peers are needed, however often a dial failed.

When our own line was down all dials failed, and there may be no other addresses.
"""

SHORT_CONNECTION = 60.0
"""Seconds; a shorter connection in which no block was sent or received counts as a failure."""


def longest(known: int, *, needed: bool) -> float:
    """The bound of a pause, in seconds.

    Args:
        known: How many addresses are known.
        needed: Whether pieces are missing.
    """
    return min(LONGEST_PAUSE, max(LEAST_LONGEST, PAUSE_PER_ADDRESS * known)) if needed else LONGEST_PAUSE


def after_dial(failures: int, *, most: float) -> float:
    """Seconds before an address is dialled again after failed dials.

    Args:
        failures: How many failed in a row, at least 1.
        most: The bound of the pause.
    """
    return _doubled(RETRY_PAUSE, failures - 1, most)


def after_connection(failures: int, *, most: float) -> float:
    """Seconds before an address is dialled again after a short connection.

    Args:
        failures: How many dials or connections failed in a row before it.
        most: The bound of the pause.
    """
    return _doubled(RECONNECT_PAUSE, failures, most)


def _doubled(first: float, doublings: int, most: float) -> float:
    return min(most, first * 2.0 ** min(doublings, 16))

"""How much processor time the messages of one peer may take, without blocks and useful requests.

A keep-alive or a HAVE costs a peer a few bytes and us a microsecond of the network thread, so a peer on a fast line
could take the whole thread.  The rule: each peer has a share of the thread, with a reserve for bursts such as the HAVEs
after a hash check.  A peer beyond its share is not read until its share allows it, and a peer that stays beyond it is
closed.  Costs are estimates, one figure for each kind of message: a clock call for each message would cost as much as
the message, and so the same messages cost the same in every test.
"""

from __future__ import annotations

from typing import Optional

SHARE = 0.05
"""Part of the network thread for the messages of one peer: 50,000 HAVEs a second."""

TOTAL_SHARE = 0.25
"""Part of the network thread for all peers together that are beyond their share."""

RESERVE = 0.1
"""Seconds of processor time that a peer saves up: 100,000 HAVEs at once."""

LEAST_WAIT = 0.01
"""Seconds that a peer beyond its share is not read at least, so that it is read rarely and much at once."""

MAX_EXCESS = 30.0
"""Seconds that a peer may be beyond its share before half of its reserve has come back."""

MESSAGE = 1e-6
"""Seconds for a message (measured: keep-alive 0.3 us, HAVE 0.9 us)."""

REFUSED_REQUEST = 3e-6
"""Seconds for a request that is refused, repeated or cancelled."""

SMALL_REQUEST = 20e-6
"""Seconds for a request of a few bytes, which takes a disk read as a whole block does."""

INTEREST = 20e-6
"""Seconds for a change of interest, after which the choker looks at all peers."""

EXTENSION = 10e-6
EXTENSION_BYTE = 0.15e-6
"""Seconds for an extension handshake and each byte of it (measured: 5 us when empty, 3.4 ms for 24,000 bytes)."""

BITFIELD_BYTE = 0.05e-6
"""Seconds for each byte of a bitfield (measured: 1.5 ms for 490,000 pieces)."""

OFFER = 10e-6
OFFER_PIECE = 0.8e-9
"""Seconds for the choice of a piece to be offered, and for each piece of the torrent (measured: 12 us and 77 us with
1,000 and 100,000 pieces and 200 peers)."""


class Budget:
    """What all peers of one session share."""

    __slots__ = ("over_share",)

    def __init__(self) -> None:
        self.over_share = 0
        """Peers beyond their share."""


class MessageQuota:
    """The share of one peer.

    Args:
        budget: That of the session.
        now: Monotonic seconds, as everywhere here.
    """

    __slots__ = ("_at", "_balance", "_budget", "exceeded_since")

    def __init__(self, budget: Budget, now: float) -> None:
        self._budget = budget
        self._balance = RESERVE
        self._at = now
        self.exceeded_since: Optional[float] = None
        """When the peer went beyond its share; None while it is not."""

    def charge(self, cost: float, now: float) -> None:
        """Charge the peer for messages that took ``cost`` seconds."""
        self._refill(now)
        self._balance -= cost
        if self._balance < 0.0 and self.exceeded_since is None:
            self.exceeded_since = now
            self._budget.over_share += 1

    def wait(self, now: float) -> float:
        """Seconds until the peer may be read again; 0 when it may be read now."""
        if self.exceeded_since is None:
            return 0.0
        self._refill(now)
        return max(LEAST_WAIT, -self._balance / self._rate) if self._balance < 0.0 else 0.0

    def exhausted(self, now: float) -> bool:
        """Whether the peer has been beyond its share for too long."""
        return self.exceeded_since is not None and now - self.exceeded_since >= MAX_EXCESS

    def close(self) -> None:
        """Release what the peer takes of the budget; it has gone."""
        if self.exceeded_since is not None:
            self.exceeded_since = None
            self._budget.over_share -= 1

    @property
    def _rate(self) -> float:
        return min(SHARE, TOTAL_SHARE / max(1, self._budget.over_share))

    def _refill(self, now: float) -> None:
        self._balance = min(self._balance + (now - self._at) * self._rate, RESERVE)
        self._at = now
        if self.exceeded_since is not None and self._balance >= RESERVE / 2:
            self.close()

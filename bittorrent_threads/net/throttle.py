"""Rate limits: ``Throttle`` is a token bucket, ``ThrottleQueue`` serves the streams that wait for its tokens.

A bucket is empty at first and holds the bytes of about a fifth of a second.  The rule: tokens are spent in portions
that are worth a system call, in turn.  A stream that finds too few tokens is no longer selected; it waits in a queue,
which a timer serves from the front.  A stream that was served goes to the end, one that was not keeps its place.  So
every stream is served, none is preferred, and a stream under several throttles waits in one queue only.

A handshake does not wait: it is sent and read at once, and what follows pays for it.  Behind a block that takes longer
than the other end waits for it, it would come too late.

A message that has begun is finished before another begins: of twenty blocks that arrive at 250 bytes a second each,
none would be complete within a minute.
"""

from __future__ import annotations

import collections
import sys
from typing import Callable, Deque, Iterable, List, Optional, Protocol, Sequence, Tuple

from ..errors import SettingsError

UNLIMITED = sys.maxsize

BURST_TIME = 0.2
"""Seconds of its rate that a throttle saves up, beyond a portion, while nothing is transferred."""
TICK = 0.05
"""Least seconds between two servings of a queue without tokens: a portion is what the rate gives in that time."""
MAX_WAIT = 0.2
"""Most seconds between two servings: after this long a rate that was raised takes effect."""
LEAST_PORTION = 512
MOST_PORTION = 16384
"""Bounds of a portion in bytes.  Less than the first is not worth a system call; the second is a block."""

LOAN = 128
"""Bytes that a stream without tokens may transfer at once for its handshake, which has 68."""
LOAN_TIME = 5.0
MOST_LENT = 4096
"""Seconds of its rate, and bytes, that a throttle lends at most, as one connection may come after the other."""


class Throttle:
    """A limit for one direction of any number of streams.

    Args:
        rate: Bytes a second; 0 for no limit.
        name: What the user calls the limit, for errors.
    """

    __slots__ = ("_burst", "_name", "_portion", "_rate", "_stamp", "_tokens", "awaited")

    def __init__(self, rate: int = 0, name: str = "rate") -> None:
        self._name = name
        self._tokens = 0.0
        self._stamp: Optional[float] = None
        self.awaited = False
        """Streams wait in a queue for it."""
        self.rate = rate

    @property
    def rate(self) -> int:
        """Bytes a second, 0 for no limit; may be set at any time, from any thread.

        Raises:
            SettingsError: It is set to something other than an int of 0 or more.
        """
        return self._rate

    @rate.setter
    def rate(self, rate: int) -> None:
        if type(rate) is not int or rate < 0:
            raise SettingsError(self._name, f"must be bytes a second, 0 or more, not {rate!r}")
        self._portion = max(1, min(LEAST_PORTION, rate // 4), min(MOST_PORTION, int(rate * TICK)))
        self._burst = self._portion + rate * BURST_TIME
        self._rate = rate

    def allowance(self, now: float) -> int:
        """Return the bytes that may be transferred now; 0 if there are fewer than a portion."""
        rate = self._rate
        if not rate:
            return UNLIMITED
        if self._stamp is not None:
            self._tokens = min(self._tokens + (now - self._stamp) * rate, self._burst)
        self._stamp = now
        return int(self._tokens) if self._tokens >= self._portion else 0

    def lends(self, size: int, now: float) -> bool:
        """Return whether so many bytes may be transferred although there are fewer tokens."""
        self.allowance(now)
        return not self._rate or self._tokens - size >= -min(self._rate * LOAN_TIME, MOST_LENT)

    def take(self, size: int) -> None:
        """Count transferred bytes, at most the last ``allowance`` or what it lends."""
        if self._rate:
            self._tokens -= size

    def unused(self, now: float) -> bool:
        """Return true if there is a limit and the bucket is full: less was transferred of late than is allowed."""
        return bool(self.allowance(now)) and self._rate > 0 and self._tokens >= self._burst

    def wait(self, now: float) -> float:
        """Return the seconds until there is a portion; 0 if there is one."""
        if self.allowance(now):
            return 0.0
        return (self._portion - self._tokens) / self._rate


class Clock(Protocol):
    """The part of the loop that a throttle queue uses."""

    def now(self) -> float:
        """Return monotonic seconds."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> object:
        """Call once, ``delay`` seconds from now."""


SHORT = 1024
"""Bytes of a transfer that may go first: handshakes and requests, not blocks."""

LEAVE, REQUEUE, KEEP_PLACE = range(3)
"""What a stream does after it was served: leave the queue, go to its end, or stay first with an unfinished message."""

MAX_UNFINISHED = 32768
"""Bytes of a message for which a stream stays first: a block, but not the bitfield of a huge torrent."""

Transfer = Callable[[int], int]
"""Transfers at most so many bytes and returns what the stream does then.  With 0 bytes the stream must leave."""


class ThrottleQueue:
    """Streams that wait for tokens in one direction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: Deque[Tuple[Transfer, Sequence[Throttle]]] = collections.deque()
        self._timed = False

    def __len__(self) -> int:
        return len(self._queue)

    def allowance(self, throttles: Sequence[Throttle]) -> int:
        """Return the bytes that a stream outside the queue may transfer now; 0 if it must wait in the queue."""
        for throttle in throttles:
            if throttle.awaited:
                return 0
        return _least(throttles, self._clock.now())

    def loan(self, size: int, throttles: Sequence[Throttle]) -> int:
        """Return the bytes of a handshake that may be transferred now: ``size`` if all throttles lend it, or 0."""
        now = self._clock.now()
        return size if size <= LOAN and all([throttle.lends(size, now) for throttle in throttles]) else 0

    def add(self, transfer: Transfer, throttles: Sequence[Throttle], *, first: bool = False) -> None:
        """Add a stream to the queue.

        Args:
            transfer: Called when there are tokens, again until it returns ``LEAVE``.
            throttles: The limits that the stream is under.
            first: Wait before the others instead of behind them, with a short message such as a handshake.
        """
        if first:
            self._queue.appendleft((transfer, throttles))
        else:
            self._queue.append((transfer, throttles))
        now = self._clock.now()
        _mark(throttles, now)
        self._serve_after(_longest_wait(throttles, now))

    def _serve(self) -> None:
        now = self._clock.now()
        batch, self._queue = self._queue, collections.deque()
        for _, throttles in batch:
            for throttle in throttles:
                throttle.awaited = False
        kept: List[Tuple[Transfer, Sequence[Throttle]]] = []
        first: List[Tuple[Transfer, Sequence[Throttle]]] = []
        served: List[Tuple[Transfer, Sequence[Throttle]]] = []
        try:
            while batch:
                share = len(batch)
                transfer, throttles = batch.popleft()
                allowed = _least(throttles, now)
                if not allowed:
                    kept.append((transfer, throttles))
                elif allowed == UNLIMITED:
                    transfer(0)
                else:
                    then = transfer(min(allowed, max(MOST_PORTION, allowed // share)))
                    if then:
                        (first if then == KEEP_PLACE else served).append((transfer, throttles))
        finally:  # an exception in one transfer must not cost the others theirs
            self._queue = collections.deque([*first, *kept, *batch, *served, *self._queue])
            self._timed = False
            if self._queue:
                for _, throttles in self._queue:
                    _mark(throttles, now)
                self._serve_after(min(_longest_wait(throttles, now) for _, throttles in self._queue))

    def _serve_after(self, delay: float) -> None:
        """Serve the queue in about ``delay`` seconds, unless a serving is planned already."""
        if self._timed:
            return
        if delay:
            delay = min(max(delay, TICK), MAX_WAIT)
        self._timed = True
        self._clock.call_later(delay, self._serve)


def _least(throttles: Iterable[Throttle], now: float) -> int:
    return min((throttle.allowance(now) for throttle in throttles), default=UNLIMITED)


def _longest_wait(throttles: Iterable[Throttle], now: float) -> float:
    return max((throttle.wait(now) for throttle in throttles), default=0.0)


def _mark(throttles: Iterable[Throttle], now: float) -> None:
    """Mark the throttles that have no tokens, so that streams outside the queue see that others wait for them."""
    for throttle in throttles:
        if not throttle.allowance(now):
            throttle.awaited = True

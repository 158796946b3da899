"""Rate limits: ``Throttle`` says how much may move now, ``Line`` keeps the streams that must wait for it.

A token bucket that starts empty and holds about a fifth of a second.  The rule: a limit is spent in portions worth a
system call, in turn.  A stream that finds too little is no longer selected; it stands in line, and a timer serves the
line from its front.  Who was served goes to the end, who was not keeps its place: no stream starves, none is favoured,
and several throttles on one stream cannot send it to and fro.  But a message that has begun is finished before another
begins: of twenty blocks that come at 250 bytes a second each, none is of use for a minute.
"""

from __future__ import annotations

import collections
import sys
from typing import Callable, Deque, Iterable, List, Optional, Protocol, Sequence, Tuple

from ..errors import SettingsError

UNLIMITED = sys.maxsize

BURST_TIME = 0.2
"""Seconds of its rate that a throttle saves up beyond a portion while nothing moves; bounds the excess of any time."""
TICK = 0.05
"""Least seconds between two servings of a line that has no quota left: makes portions of 50 ms of the rate."""
MAX_WAIT = 0.2
"""Most seconds between two servings: a rate raised meanwhile is felt after this long."""
LEAST_PORTION = 512
MOST_PORTION = 16384
"""Bytes below which moving is not worth a system call; between the two, what a tick brings.  A block is 16 KiB."""


class Throttle:
    """A limit of ``rate`` bytes a second, 0 for none; for one direction of any number of streams.

    ``name`` is what its user calls it, for errors.
    """

    __slots__ = ("_burst", "_name", "_portion", "_rate", "_stamp", "_tokens", "awaited")

    def __init__(self, rate: int = 0, name: str = "rate") -> None:
        self._name = name
        self._tokens = 0.0
        self._stamp: Optional[float] = None
        self.awaited = False
        """Streams stand in line for it."""
        self.rate = rate

    @property
    def rate(self) -> int:
        """Bytes a second; may be set at any time, from any thread.  Raises SettingsError."""
        return self._rate

    @rate.setter
    def rate(self, rate: int) -> None:
        if type(rate) is not int or rate < 0:
            raise SettingsError(self._name, f"must be bytes a second, 0 or more, not {rate!r}")
        self._portion = max(1, min(LEAST_PORTION, rate // 4), min(MOST_PORTION, int(rate * TICK)))
        self._burst = self._portion + rate * BURST_TIME
        self._rate = rate

    def allowance(self, now: float) -> int:
        """Bytes that may move now; 0 when too few for a portion."""
        rate = self._rate
        if not rate:
            return UNLIMITED
        if self._stamp is not None:
            self._tokens = min(self._tokens + (now - self._stamp) * rate, self._burst)
        self._stamp = now
        return int(self._tokens) if self._tokens >= self._portion else 0

    def take(self, size: int) -> None:
        """So many bytes moved; no more than the last ``allowance``."""
        if self._rate:
            self._tokens -= size

    def unused(self, now: float) -> bool:
        """Is there a limit, and has less than it moved of late?"""
        return bool(self.allowance(now)) and self._rate > 0 and self._tokens >= self._burst

    def wait(self, now: float) -> float:
        """Seconds until the next portion; 0 when it is there."""
        if self.allowance(now):
            return 0.0
        return (self._portion - self._tokens) / self._rate


class Clock(Protocol):
    """What a line needs of the loop."""

    def now(self) -> float:
        """Monotonic seconds."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> object:
        """Call once, ``delay`` seconds from now."""


SHORT = 1024
"""Bytes of which it does not matter how soon they move: handshakes, requests, anything but blocks."""

GONE, STAYS, FIRST = range(3)
"""What a stream does after its turn: leave the line, go to its end, or keep its place as a message is unfinished."""

MOST_UNFINISHED = 32768
"""Bytes of a message for whose rest a stream keeps its place: a block, and not the bitfield of a huge torrent."""

Turn = Callable[[int], int]
"""Moves at most so many bytes, and tells what the stream does then; 0 bytes send it away."""


class Line:
    """Streams that wait for quota in one direction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue: Deque[Tuple[Turn, Sequence[Throttle]]] = collections.deque()
        self._timed = False

    def __len__(self) -> int:
        return len(self._queue)

    def allowance(self, throttles: Sequence[Throttle]) -> int:
        """Bytes that a stream outside the line may move now; 0 when it must join."""
        for throttle in throttles:
            if throttle.awaited:
                return 0
        return _least(throttles, self._clock.now())

    def join(self, turn: Turn, throttles: Sequence[Throttle], *, short: bool = False) -> None:
        """Stand in line behind the others, or before them with little to move that many wait for (a handshake).

        ``turn`` is called when there is quota, again until the stream is gone.
        """
        if short:
            self._queue.appendleft((turn, throttles))
        else:
            self._queue.append((turn, throttles))
        now = self._clock.now()
        _mark(throttles, now)
        self._wait(_longest(throttles, now))

    def _serve(self) -> None:
        now = self._clock.now()
        batch, self._queue = self._queue, collections.deque()
        for _, throttles in batch:
            for throttle in throttles:
                throttle.awaited = False
        kept: List[Tuple[Turn, Sequence[Throttle]]] = []
        first: List[Tuple[Turn, Sequence[Throttle]]] = []
        served: List[Tuple[Turn, Sequence[Throttle]]] = []
        try:
            while batch:
                share = len(batch)
                turn, throttles = batch.popleft()
                allowed = _least(throttles, now)
                if not allowed:
                    kept.append((turn, throttles))
                elif allowed == UNLIMITED:
                    turn(0)
                else:
                    stays = turn(min(allowed, max(MOST_PORTION, allowed // share)))
                    if stays:
                        (first if stays == FIRST else served).append((turn, throttles))
        finally:  # a bug in one turn must not cost the others theirs
            self._queue = collections.deque([*first, *kept, *batch, *served, *self._queue])
            self._timed = False
            if self._queue:
                for _, throttles in self._queue:
                    _mark(throttles, now)
                self._wait(min(_longest(throttles, now) for _, throttles in self._queue))

    def _wait(self, delay: float) -> None:
        """Serve in about ``delay`` seconds, unless that is planned already."""
        if self._timed:
            return
        if delay:
            delay = min(max(delay, TICK), MAX_WAIT)
        self._timed = True
        self._clock.call_later(delay, self._serve)


def _least(throttles: Iterable[Throttle], now: float) -> int:
    return min((throttle.allowance(now) for throttle in throttles), default=UNLIMITED)


def _longest(throttles: Iterable[Throttle], now: float) -> float:
    return max((throttle.wait(now) for throttle in throttles), default=0.0)


def _mark(throttles: Iterable[Throttle], now: float) -> None:
    """Let newcomers see which throttles are the ones waited for."""
    for throttle in throttles:
        if not throttle.allowance(now):
            throttle.awaited = True

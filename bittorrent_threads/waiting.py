"""What a client can wait for, and what is said when it waited in vain."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Union

from .errors import Stalled, WaitTimeout
from .status import Status

Until = Union[str, Callable[[Status], bool]]

CONDITIONS: Dict[str, Callable[[Status], bool]] = {
    "complete": lambda status: status.complete and not status.checking,
    "seed": lambda status: status.seed and not status.checking,
    "checked": lambda status: not status.checking,
}
"""By name."""


def gave_up(status: Status, until: Until, timeout: Optional[float], stall_timeout: Optional[float]) -> WaitTimeout:
    """The error of a wait that took ``timeout`` seconds, or saw nothing move for ``stall_timeout`` if that is None."""
    figures = {
        name: getattr(status, name)
        for name in ("state", "pieces_have", "piece_count", "left", "downloaded", "connected", "known", "stall")
    }
    why = f": {status.stall}" if status.stall else ""
    if timeout is not None:
        return WaitTimeout(f"{status.name!r} was not {wanted(until)} after {timeout:g} s{why}", figures)
    return Stalled(f"{status.name!r} made no progress for {stall_timeout:g} s{why}", figures)


def wanted(until: Until) -> str:
    """What was waited for, for a message; a function has no name that tells it."""
    return "what was waited for" if hasattr(until, "__code__") else str(until)

"""Checks the time limits that programs give, before anything waits."""

from __future__ import annotations

import numbers
from typing import Optional


def check_timeout(seconds: Optional[float], name: str = "timeout") -> None:
    """Check a time limit.

    Args:
        seconds: Seconds; None for no limit.
        name: Name of the argument.

    Raises:
        TypeError: If it is neither a number nor None.
        ValueError: If it is negative, or not a number (NaN).
    """
    if seconds is None:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, numbers.Real):
        raise TypeError(f"{name} must be seconds, or None for no limit, not {seconds!r}")
    if not seconds >= 0:
        raise ValueError(f"{name} must be 0 seconds or more, or None for no limit, not {seconds!r}")

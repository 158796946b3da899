"""What every answer of an HTTP tracker has in common: a bencoded dictionary, or a failure (BEP 3, BEP 31).

The rule: what can be understood is taken.  A field that is not as it should be is as good as absent, unless nothing
else is of use without it.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

from ..errors import BencodeError, TrackerError
from ..text import printable
from . import lenient_bencode

MAX_TEXT = 200
"""Characters of a failure reason or a warning."""
MAX_RETRY_IN = 24 * 3600.0
"""Longest pause in seconds that a tracker can ask for, short of "never"."""
_SHOWN = 40


class TrackerFailure(TrackerError):
    """An answer that is no success.

    ``retry_in`` is the seconds that the tracker wants to be left alone, infinite for "never" (BEP 31), None where it
    did not say.  ``interval`` is the seconds before which it wants no other announce, as its ``interval`` and ``min
    interval`` say, 0 where they do not.
    """

    def __init__(self, reason: str, url: str = "", retry_in: Optional[float] = None, interval: float = 0.0) -> None:
        super().__init__(reason, url)
        self.args = (self.reason, self.url, retry_in, interval)
        self.retry_in = retry_in
        self.interval = interval


def decode_reply(body: bytes) -> Dict[bytes, Any]:
    """The dictionary that a tracker answered with; raises :class:`TrackerFailure`."""
    try:
        reply = lenient_bencode.decode(body)
    except BencodeError as error:
        raise TrackerFailure(f"not a tracker's answer: {printable(body, _SHOWN)!r} ({error.reason})") from error
    if not isinstance(reply, dict):
        raise TrackerFailure(f"not a tracker's answer: {printable(body, _SHOWN)!r}")
    if b"failure reason" in reply:
        reason = optional_text(reply, b"failure reason")
        interval = max(optional_count(reply, key) or 0 for key in (b"interval", b"min interval"))
        raise TrackerFailure(
            reason or "failed without a reason",
            retry_in=_retry_in(reply.get(b"retry in")),
            interval=float(min(interval, MAX_RETRY_IN)),
        )
    return reply


def optional_count(reply: Dict[bytes, Any], key: bytes) -> Optional[int]:
    """A count or a number of seconds, also one sent as a string; None where there is no number, or a negative one."""
    value = _number(reply.get(key))
    return value if isinstance(value, int) and value >= 0 else None


def optional_text(reply: Dict[bytes, Any], key: bytes) -> str:
    """Words fit for display; empty where there are none."""
    value = reply.get(key)
    return printable(value, MAX_TEXT) if isinstance(value, bytes) else ""


def _retry_in(minutes: Any) -> Optional[float]:
    # The text of BEP 31 says integer, its examples send the digits as a string.
    if minutes == b"never":
        return math.inf
    minutes = _number(minutes)
    if isinstance(minutes, int) and minutes > 0:
        return min(60.0 * minutes, MAX_RETRY_IN)
    return None


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, bytes) and value.isdigit() and len(value) < 10 else value

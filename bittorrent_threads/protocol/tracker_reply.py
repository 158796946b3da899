"""What every answer of an HTTP tracker has in common: a bencoded dictionary, or a failure (BEP 3, BEP 31).

The rule: the answer is used whole or not at all.  What is a dictionary but not as it should be in a field that only
informs (a count, a warning) is taken without that field.
"""

from __future__ import annotations

import math
from typing import Any, Dict, Optional

from ..errors import BencodeError, TrackerError
from ..metainfo import bencode
from ..text import printable

MAX_DEPTH = 100
MAX_TOKENS = 50_000
"""Limits of the decoder; a peer in the long form takes eight tokens."""
MAX_TEXT = 200
"""Characters of a failure reason or a warning."""
MAX_RETRY_IN = 24 * 3600.0
"""Longest pause a tracker can ask for, short of "never"."""
_SHOWN = 40


class TrackerFailure(TrackerError):
    """An answer that is no success.

    ``retry_in`` is the seconds that the tracker wants to be left alone, infinite for "never" (BEP 31), None where it
    did not say.
    """

    def __init__(self, reason: str, url: str = "", retry_in: Optional[float] = None) -> None:
        super().__init__(reason, url)
        self.args = (self.reason, self.url, retry_in)
        self.retry_in = retry_in


def decode_reply(body: bytes) -> Dict[bytes, Any]:
    """The dictionary that a tracker answered with; raises :class:`TrackerFailure`."""
    try:
        reply = bencode.decode(body.rstrip(), max_depth=MAX_DEPTH, max_tokens=MAX_TOKENS, sorted_keys=False)
    except BencodeError as error:
        raise TrackerFailure(f"not a tracker's answer: {printable(body, _SHOWN)!r} ({error.reason})") from error
    if not isinstance(reply, dict):
        raise TrackerFailure(f"not a tracker's answer: {printable(body, _SHOWN)!r}")
    if b"failure reason" in reply:
        reason = optional_text(reply, b"failure reason")
        raise TrackerFailure(reason or "failed without a reason", retry_in=_retry_in(reply.get(b"retry in")))
    return reply


def optional_count(reply: Dict[bytes, Any], key: bytes) -> Optional[int]:
    """A count or a number of seconds; None where there is no number, or a negative one."""
    value = reply.get(key)
    return value if isinstance(value, int) and value >= 0 else None


def optional_text(reply: Dict[bytes, Any], key: bytes) -> str:
    """Words fit for display; empty where there are none."""
    value = reply.get(key)
    return printable(value, MAX_TEXT) if isinstance(value, bytes) else ""


def _retry_in(minutes: Any) -> Optional[float]:
    # The text of BEP 31 says integer, its examples send the digits as a string.
    if minutes == b"never":
        return math.inf
    if isinstance(minutes, bytes) and minutes.isdigit() and len(minutes) < 10:
        minutes = int(minutes)
    if isinstance(minutes, int) and minutes > 0:
        return min(60.0 * minutes, MAX_RETRY_IN)
    return None

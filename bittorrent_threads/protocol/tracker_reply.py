"""Decodes what all replies of HTTP trackers share: a bencoded dictionary, or a failure (BEP 3, BEP 31).

The rule: a reply is used as far as it can be understood.  A malformed field counts as absent, unless the reply is
useless without it.
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
_MAX_QUOTED = 40
"""Characters of a malformed reply that the reason of the failure quotes."""


class TrackerFailure(TrackerError):
    """An announce or a scrape that failed: the tracker refused it, or sent no usable reply.

    Args:
        reason: Why it failed, for the user.
        url: The URL, if it belongs into the text.
        retry_in: Seconds to wait that the tracker asked for (BEP 31), infinite for never; None if it did not.
        interval: Least seconds between announces that the tracker asked for; 0 if it did not.
        family_unavailable: Whether nothing was sent, because the tracker or this machine has no address of the family.
    """

    def __init__(
        self,
        reason: str,
        url: str = "",
        retry_in: Optional[float] = None,
        interval: float = 0.0,
        family_unavailable: bool = False,
    ) -> None:
        super().__init__(reason, url)
        self.args = (self.reason, self.url, retry_in, interval, family_unavailable)
        self.retry_in = retry_in
        self.interval = interval
        self.family_unavailable = family_unavailable


def decode_reply(body: bytes) -> Dict[bytes, Any]:
    """Return the dictionary that a tracker sent.

    Args:
        body: Body of the HTTP response.

    Raises:
        TrackerFailure: The body is no dictionary, or has a failure reason.
    """
    try:
        reply = lenient_bencode.decode(body)
    except BencodeError as error:
        raise TrackerFailure(f"not a tracker's answer: {printable(body, _MAX_QUOTED)!r} ({error.reason})") from error
    if not isinstance(reply, dict):
        raise TrackerFailure(f"not a tracker's answer: {printable(body, _MAX_QUOTED)!r}")
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
    """Return a field that is a count or seconds, also if sent as a string; None for anything but a number from 0 on."""
    return _number(reply.get(key))


def optional_text(reply: Dict[bytes, Any], key: bytes) -> str:
    """Return a field as printable text of at most ``MAX_TEXT`` characters; empty if it is no string."""
    value = reply.get(key)
    return printable(value, MAX_TEXT) if isinstance(value, bytes) else ""


def _retry_in(value: object) -> Optional[float]:
    # The text of BEP 31 says integer, its examples send the digits as a string.
    minutes = _number(value)
    if value == b"never":
        return math.inf
    return min(60.0 * minutes, MAX_RETRY_IN) if minutes else None


def _number(value: object) -> Optional[int]:
    """Return a number from 0 on, also if sent as a string of digits; None for anything else."""
    if isinstance(value, bytes) and value.isdigit() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) and value >= 0 else None

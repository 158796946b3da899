"""Makes text from trackers, peers and torrents safe to show: reasons, warnings, names of clients, comments, URLs.

The result is short, and has no control characters, line ends, direction marks, zero-width characters or passwords.
"""

from __future__ import annotations

import re
from typing import Union

MAX_REASON = 300
"""Most characters of a reason, a warning or a URL that are shown."""
MASK = "***"
"""Replaces a secret."""

# Zero-width characters that ``str.isprintable`` accepts (Default_Ignorable_Code_Point).
_drop_invisible = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
).sub

_match_url = re.compile(
    r"((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)?(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL
).fullmatch
_find_secret_name = re.compile(r"pass|pwd|token|auth|secret|key|sess|cred|signature|sid$|sig$|^pid$", re.I).search
_match_digits = re.compile(r"(?=.*[0-9].*[0-9].*[0-9])(?:[0-9A-Fa-f]{16,}|[0-9A-Za-z]{20,})", re.DOTALL).fullmatch


def printable(text: Union[bytes, str], limit: int = MAX_REASON) -> str:
    """Return at most ``limit`` characters of a text, with a space for each run of unprintable characters.

    Args:
        text: A string, or bytes in UTF-8.
        limit: Most characters of the result.
    """
    # UTF-8 has at most four bytes a character: a longer head cannot be shown.
    head = text[: 4 * limit]
    shown = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    shown = "".join(char if char.isprintable() else " " for char in _drop_invisible("", shown))
    return " ".join(shown.split())[:limit].rstrip()


def escaped(text: str) -> str:
    """Return the whole text with control characters and invisible characters replaced by escapes."""
    shown = _drop_invisible(lambda match: _escape(match[0]), text)
    return shown if shown.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in shown)


def masked(url: str) -> str:
    """Return a URL with ``***`` in place of what looks like a password, a passkey or a token.

    That is the password before the host, or the whole user information if there is no user name; the value of each
    query key whose name is that of a secret; and each component of the path and each value of the query that is a long
    run of letters and digits.  The fragment is removed.
    """
    match = _match_url(printable(url, 8 * MAX_REASON))
    assert match is not None, "the pattern takes any text"
    scheme, userinfo, authority, path, query = (part or "" for part in match.groups())
    if userinfo:
        user, colon, _ = userinfo.partition(":")
        userinfo = f"{user}:{MASK}@" if colon and user and not _match_digits(user) else f"{MASK}@"
    path = "/".join(MASK if _match_digits(part) else part for part in path.split("/"))
    query = re.sub(r"([?&;])([^=&;]*)(=?)([^&;]*)", _masked_field, query)
    return printable(f"{scheme}{userinfo}{authority}{path}{query}")


def _masked_field(match: re.Match[str]) -> str:
    separator, name, equals, value = match.groups()
    if _match_digits(name):
        name = MASK
    if value and (_find_secret_name(name) or _match_digits(value)):
        value = MASK
    return f"{separator}{name}{equals}{value}"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")

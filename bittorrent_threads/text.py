"""Text from outside, made fit to be shown: reasons and warnings of trackers, names of clients, comments, URLs.

The rule: nothing that a terminal or a log acts upon comes through (control characters, line ends, marks of direction
and of no width), nothing long does, and no password.
"""

from __future__ import annotations

import re
from typing import Union

MAX_REASON = 300
"""Characters of a reason, a warning or a URL that are shown."""
MASK = "***"
"""Stands for a secret."""

# Characters that take no room of their own and that ``str.isprintable`` lets through (Default_Ignorable_Code_Point).
_drop_invisible = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
).sub

_match_url = re.compile(
    r"((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)?(?:([^/?#]*)@)?([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL
).fullmatch
_find_secret_name = re.compile(r"pass|pwd|token|auth|secret|key|sess|cred|signature|sid$|sig$|^pid$", re.I).search
_match_digits = re.compile(r"(?=.*[0-9].*[0-9].*[0-9])(?:[0-9A-Fa-f]{16,}|[0-9A-Za-z]{20,})", re.DOTALL).fullmatch


def printable(text: Union[bytes, str], limit: int = MAX_REASON) -> str:
    """At most ``limit`` characters of ``text``, bytes taken as UTF-8; each run of what cannot be shown is a space."""
    # Four bytes a character at most: no more than can be shown is looked at.
    head = text[: 4 * limit]
    shown = head.decode("utf-8", "replace") if isinstance(head, bytes) else head
    shown = "".join(char if char.isprintable() else " " for char in _drop_invisible("", shown))
    return " ".join(shown.split())[:limit].rstrip()


def escaped(text: str) -> str:
    """``text``, whole, with everything that a terminal might obey, or that is not seen, written as an escape."""
    shown = _drop_invisible(lambda match: _escape(match[0]), text)
    return shown if shown.isprintable() else "".join(char if char.isprintable() else _escape(char) for char in shown)


def masked(url: str) -> str:
    """A URL fit to be shown: what looks like a password, a passkey or a token in it is ``***``.

    That is the password before the host, or all that stands there where no user name does; the value of each query
    key whose name says so; and each part of path and query that is a long run of letters and figures.  The fragment is
    left out.
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

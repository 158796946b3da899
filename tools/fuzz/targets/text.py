"""Untrusted text for display: printable, of bounded length, unchanged when cleaned again, and without secrets.

Passwords and passkeys of tracker URLs are masked.
"""

from __future__ import annotations

from typing import List, Union

from bittorrent_threads.text import MAX_REASON, escaped, masked, printable

from ..choices import Choices
from ..target import Target, require, require_shown

SCHEMES = ("http", "https", "udp", "HTTP", "")
KEYS = ("passkey", "pass", "auth_token", "torrent_pass", "PASSWORD", "key")


def check(data: bytes) -> None:
    """The input is text; three bytes and the words after them also make a URL with a secret."""
    _shown(data)
    _shown(data.decode("utf-8", "replace"))
    _shown(data.decode("utf-8", "surrogateescape"))
    choices = Choices(data)
    scheme, way, key = choices.pick(SCHEMES), choices.below(4), choices.pick(KEYS)
    words = [word.decode("ascii", "ignore") for word in choices.rest().split(b" ")]
    secret, user, host, path = (word for word, _ in zip([*words, "", "", "", ""], range(4)))
    start = f"{scheme}://" if scheme else "//"
    before, behind = (
        (f"{start}{user}:", f"@{host}/{path}"),
        (f"{start}{host}/{path}?{key}=", ""),
        (start, f"@{host}/{path}"),
        (f"{start}{host}/announce?x=1&{key}=", f"#{path}"),
    )[way]
    if len(secret) < 6 or secret in f"{before}***{behind}" or not f"{secret}{user}{host}{path}".isalnum():
        return
    shown = masked(f"{before}{secret}{behind}")
    require(secret not in shown, f"{secret!r} of {before!r} and {behind!r} is shown as {shown!r}")


def _shown(text: Union[bytes, str]) -> None:
    shown = printable(text)
    require_shown(shown, MAX_REASON, "what is shown")
    require(printable(shown) == shown, "shown again it is another")
    require(len(printable(text, 7)) <= 7, "longer than asked")
    if isinstance(text, str):
        whole = escaped(text)
        require(whole.isprintable() and escaped(whole) == whole, "escaped again it is another")
        require(len(whole) <= 10 * len(text), f"{len(text)} characters are {len(whole)}")
        require_shown(masked(text), MAX_REASON, "the URL")


def seeds() -> List[bytes]:
    """Return texts and URLs."""
    texts = (
        *("plain", "\x1b]0;title\x07\x1b[2J", "a\r\nb\tc", "\u202egpj.exe\u2066", "\u200b\ufeff\u00ad", "x" * 400),
        "\U000e0001",
    )
    words = (b"secret user host path", b"hunter2 me tracker announce", b"0123456789abcdef0123 u h a/b?c")
    ways = ((0, 0, 0), (1, 1, 1), (2, 2, 2), (4, 3, 4))
    return [
        *(text.encode() for text in texts),
        b"half \xf0\x9f\x98 a character",
        *(bytes(way) + word for word in words for way in ways),
        b"http://user:pw@h:1/0123456789abcdef0123456789abcdef/announce?passkey=x&b=c#f",
    ]


TOKENS = (
    *(b"://", b"//", b"@", b":", b"/", b"?", b"&", b"=", b";", b"#", b"***", b"pass=", b" ", b"%40", b"\x1b[", b"\x07"),
    *("\u202e".encode(), "\u200b".encode(), "\u3164".encode(), "\ufe0f".encode(), b"\xff", b"\xed\xa0\x80", b"\r\n"),
)
TARGET = Target(check, seeds, TOKENS, longest=1500)

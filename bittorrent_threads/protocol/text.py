"""Words of strangers, made fit to be shown: client names, failure reasons, warnings.

Nothing that a terminal or a log would act upon comes through: no control characters, no line ends, no marks that
turn the direction of the text.
"""

from __future__ import annotations


def printable(text: bytes, limit: int) -> str:
    """At most ``limit`` characters of ``text`` taken as UTF-8; each run of what cannot be shown becomes a space."""
    # Four bytes a character at most: no more than can be shown is decoded.
    decoded = text[: 4 * limit].decode("utf-8", "replace")
    return " ".join("".join(char if char.isprintable() else " " for char in decoded).split())[:limit].rstrip()

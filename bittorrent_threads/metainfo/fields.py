"""Typed access to decoded dictionaries: what a key must hold, and the error that names the key if it does not.

The values come from untrusted .torrent files.  A key that is needed raises :class:`MetainfoError` if its value is
missing, of another type or out of range; an optional key counts as absent then.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..errors import MetainfoError, SettingsError
from .safe_paths import CONTROL, DIRECTION
from .spelling import transcoded

MAX_TEXT = 65_536
"""Bytes of a comment that are kept."""

_UNPRINTABLE = dict.fromkeys((CONTROL | DIRECTION) - {*map(ord, "\t\n")})
_KINDS = {int: "an integer", bytes: "a string", list: "a list", dict: "a dictionary"}


def required(holder: Dict[bytes, Any], key: bytes, kind: type, where: str = "") -> Any:
    """The value of a key that must be there.

    Args:
        holder: A decoded dictionary.
        key: The key.
        kind: Type of the value: int, bytes, list or dict.
        where: Dotted path of the dictionary for the error, with a dot at its end.

    Raises:
        MetainfoError: The key is missing or its value is of another type.
    """
    value = holder.get(key)
    if isinstance(value, kind):
        return value
    reason = "is missing" if value is None else f"must be {_KINDS[kind]}, not {kind_of(value)}"
    raise MetainfoError(reason, where + key.decode())


def integer(holder: Dict[bytes, Any], key: bytes, least: int, most: int, where: str = "") -> int:
    """The integer of a key that must be there, from ``least`` to ``most``; otherwise as :func:`required`."""
    value = holder.get(key)
    if isinstance(value, int) and least <= value <= most:
        return value
    value = required(holder, key, int, where)
    raise MetainfoError(f"must be from {least} to {most}, not {value}", where + key.decode())


def optional_integer(holder: Dict[bytes, Any], key: bytes, most: int) -> Optional[int]:
    """The integer of a key, from 0 to ``most``; None for anything else."""
    value = holder.get(key)
    return value if isinstance(value, int) and 0 <= value <= most else None


def text(holder: Dict[bytes, Any], key: bytes, codec: Optional[str]) -> Optional[str]:
    """The text of a key in UTF-8 or ``codec``, without characters that could control a terminal; None if absent."""
    value = holder.get(key)
    if not isinstance(value, bytes):
        return None
    value = value[:MAX_TEXT]
    return transcoded([value], codec).get(value, value).decode("utf-8", "replace").translate(_UNPRINTABLE)


def given_text(setting: str, text: str) -> str:
    """A text that a program gives.

    Args:
        setting: Name of the argument, for the error.
        text: The text.

    Raises:
        SettingsError: It is no text, or cannot be written as UTF-8.
    """
    if not isinstance(text, str):
        raise SettingsError(setting, f"must be a text, not {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingsError(setting, f"{text!a} cannot be written as UTF-8") from None
    return text


def given_int(setting: str, value: object) -> int:
    """An integer that a program gives.

    Args:
        setting: Name of the argument, for the error.
        value: The integer; a bool, a float and a text are refused.

    Raises:
        SettingsError: It is no integer.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise SettingsError(setting, f"must be an integer, not {value!r}")
    return value


def kind_of(value: object) -> str:
    """The type of a decoded value, for an error: ``"a string"``."""
    return _KINDS[type(value)]

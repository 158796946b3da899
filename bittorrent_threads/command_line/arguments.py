"""The types of arguments: each function returns the value of a text, and says what is wrong with a bad one."""

from __future__ import annotations

import argparse
from typing import Tuple

from ..metainfo.magnet import host_and_port

DURATIONS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def port(text: str) -> int:
    """Return a port, 0 for any."""
    number = _port(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return number


def address(text: str) -> Tuple[str, int]:
    """Return the host and the port of ``HOST:PORT``, with an IPv6 address in brackets."""
    found = host_and_port(text)
    if found is None and text.count(":") > 1 and not text.startswith("["):
        raise argparse.ArgumentTypeError(f"{text}: an IPv6 address stands in brackets, as in [::1]:6881")
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return found


def _port(text: str) -> int:
    # -1 if it is none.  The length comes first, as int() takes quadratic time.
    number = int(text) if len(text) < 10 and text.isdecimal() else -1
    return number if number <= 65535 else -1


def seconds(text: str) -> float:
    """Return a number of seconds above 0 from a text with or without a unit: ``90``, ``90s``, ``1.5h``, ``2d``."""
    factor = DURATIONS.get(text[-1:].lower(), 0)
    number = _number(text[:-1]) * factor if factor else _number(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def whole_number(text: str, least: int, most: int) -> int:
    """Return a whole number within bounds."""
    number = int(text) if len(text) < 10 and text.isdecimal() else -1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {least} to {most}")
    return number


def ratio(text: str) -> float:
    """Return a ratio above 0."""
    number = _number(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a ratio above 0, such as 1.5")
    return number


def nonempty(text: str) -> str:
    """Return a path or an address that is not empty, as an unset variable of a shell would be."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _number(text: str) -> float:
    # -1 if it is no number, which every caller refuses.
    try:
        return float(text)
    except ValueError:
        return -1.0


def size(text: str) -> int:
    """Return a number of bytes from a text with or without a unit: ``500K``, ``1.5MB``, ``256Ki``, ``5MiB``."""
    digits = text.rstrip("KMGIBkmgib")
    unit = text[len(digits) :].upper()
    factor = UNITS.get(unit[:-1] if unit.endswith("B") else unit)
    number = _number(digits)
    if factor is None or not 1 <= number * factor < 2**62:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500K, 5M or 256Ki")
    return int(number * factor)


def rate(text: str) -> int:
    """Return a rate in bytes a second, as ``size`` does, with or without ``/s``; 0 for no limit."""
    return 0 if text == "0" else size(text[:-2] if text.lower().endswith("/s") else text)

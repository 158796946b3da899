"""Amounts as text for people: sizes, durations and counts."""

from __future__ import annotations


def size_text(size: float) -> str:
    """Return a number of bytes as text, such as ``"64.0 MiB"``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def duration_text(seconds: float) -> str:
    """Return a number of seconds as text, such as ``"4.2 s"``, ``"3:07"`` or ``"2:03:07"``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def count_text(number: int, noun: str) -> str:
    """Return a number of things as text, such as ``"1 piece"`` or ``"12 pieces"``."""
    return f"{number} {noun}{'s' if number != 1 else ''}"

"""Tracker (BEP 3, 12) and web seed (BEP 19) URLs: those of strangers, and those that the program names.

A URL is kept only if it can be used as it is: a scheme this library speaks, a host in ASCII, a port in range, and no
character that would end a header line.  Every other of a stranger is dropped without a word, as are those beyond the
limit; of the program it is an error.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Iterable, List, Optional, Set, Tuple, Union
from urllib.parse import urlsplit

from ..errors import SettingsError
from ..text import masked

Trackers = Union[str, Iterable[Union[str, Iterable[str]]]]
"""What a program may give: a URL, URLs (each a tier of its own), or tiers."""

MAX_URLS = 500
"""Trackers, or web seeds, kept of one torrent; the longest public lists have about two hundred."""
MAX_URL = 4096
"""Bytes of one URL."""
MAX_ENTRIES = 5000
"""Entries of the lists that are looked at, usable or not: of a list of nothing but garbage no more is read."""

TRACKER_SCHEMES = ("http", "https", "udp")
WEB_SEED_SCHEMES = ("http", "https")

_find_unsafe = re.compile(r"[\x00-\x20\x7f-\xa0\\]").search
_replace_foreign = re.compile(r"[^\x00-\x7f]+").sub


def clean_url(raw: Union[bytes, str], schemes: Tuple[str, ...]) -> Optional[str]:
    """The URL in ASCII without white space around it, or None for what cannot be used.

    ``raw`` is bytes or str; the scheme comes back in lower case, and text beyond ASCII in the path percent-encoded.
    """
    if len(raw) > MAX_URL:
        return None
    try:
        text = (raw if isinstance(raw, bytes) else raw.encode()).decode().strip()
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # not UTF-8 or not text that has any, a port out of range, half an IPv6 address
        return None
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if scheme not in schemes or not separator or _find_unsafe(text):
        return None
    if not parts.hostname or not parts.netloc.isascii() or port == 0 or (scheme == "udp" and port is None):
        return None
    return f"{scheme}://{_replace_foreign(_percent_encoded, rest)}"


def tracker_tiers(announce: Any, announce_list: Any) -> Tuple[Tuple[str, ...], ...]:
    """The tiers of BEP 12, each URL once, from the values of ``announce-list`` and ``announce`` of whatever type.

    ``announce`` counts only if the list has nothing usable.  A URL where a list should be is a tier of its own.
    """
    seen: Set[str] = set()
    room = MAX_ENTRIES
    tiers: List[Tuple[str, ...]] = []
    for tier in islice(_as_list(announce_list), MAX_ENTRIES):
        entries = list(islice(_as_list(tier), max(0, room)))
        room -= len(entries) or 1
        tiers.append(_unique(entries, TRACKER_SCHEMES, seen))
    if not any(tiers):
        tiers = [_unique(announce, TRACKER_SCHEMES, seen)]
    return tuple(tier for tier in tiers if tier)


def web_seeds(url_list: Any) -> Tuple[str, ...]:
    """The usable URLs of ``url-list``, each once, from a value of whatever type."""
    return _unique(url_list, WEB_SEED_SCHEMES, set())


def given_tiers(trackers: Trackers) -> List[List[str]]:
    """The tiers that a program names; raises :class:`SettingsError` for a URL that cannot be used."""
    return [[given_url("trackers", url, TRACKER_SCHEMES) for url in _each(tier)] for tier in _each(trackers)]


def given_web_seeds(urls: Union[str, Iterable[str]]) -> List[str]:
    """The web seeds that a program names; raises :class:`SettingsError` for a URL that cannot be used."""
    return [given_url("web_seeds", url, WEB_SEED_SCHEMES) for url in _each(urls)]


def given_url(setting: str, url: Any, schemes: Tuple[str, ...]) -> str:
    """A URL that a program names; raises :class:`SettingsError` with ``setting`` for one that cannot be used."""
    cleaned = clean_url(url, schemes) if isinstance(url, str) else None
    if cleaned is None:
        raise SettingsError(setting, f"{masked(str(url))!r} is no URL of {', '.join(schemes)} that could be used")
    return cleaned


def _each(value: Union[str, Iterable[Any]]) -> List[Any]:
    return [value] if isinstance(value, str) else list(value)


def _unique(urls: Any, schemes: Tuple[str, ...], seen: Set[str]) -> Tuple[str, ...]:
    kept: List[str] = []
    for raw in islice(_as_list(urls), MAX_ENTRIES):
        if len(seen) == MAX_URLS:
            break
        url = clean_url(raw, schemes) if isinstance(raw, (bytes, str)) else None
        if url is not None and url not in seen:
            seen.add(url)
            kept.append(url)
    return tuple(kept)


def _as_list(value: Any) -> Iterable[Any]:
    if isinstance(value, (list, tuple)):
        return value
    return (value,) if value else ()


def _percent_encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())

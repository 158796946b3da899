"""Checks tracker (BEP 3, BEP 12) and web seed (BEP 19) URLs, those of a torrent and those of the program.

A URL is kept only if it can be used unchanged: a supported scheme, a host in ASCII, a port in range, and no character
that would end a header line of HTTP.  An unusable URL of a torrent is left out silently, as is each one beyond
``MAX_URLS``; an unusable URL of the program raises ``SettingsError``.

The rule: this module says what a scheme is and which schemes are usable.  Which client of the engine serves a scheme is
in the table of ``engine.tracker_clients``; no other module compares schemes.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Iterable, List, Optional, Set, Tuple, TypeVar, Union
from urllib.parse import urlsplit

from ..errors import SettingsError
from ..text import masked

T = TypeVar("T")
Trackers = Union[str, Iterable[Union[str, Iterable[str]]]]
"""Trackers that a program gives: a URL, URLs (each a tier of its own), or tiers."""

MAX_URLS = 500
"""Trackers, or web seeds, kept of one torrent; the longest public lists have about two hundred."""
MAX_URL = 4096
"""Bytes of one URL."""
MAX_ENTRIES = 5000
"""Entries of a torrent's lists that are checked, usable or not; the rest is not read."""

HTTP_SCHEMES = ("http", "https")
UDP_SCHEMES = ("udp",)
TRACKER_SCHEMES = (*HTTP_SCHEMES, *UDP_SCHEMES)
WEB_SEED_SCHEMES = HTTP_SCHEMES
_SCHEMES_WITHOUT_DEFAULT_PORT = frozenset(UDP_SCHEMES)

_find_unsafe = re.compile(r"[\x00-\x20\x7f-\xa0\\]").search
_replace_non_ascii = re.compile(r"[^\x00-\x7f]+").sub


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in lower case, empty for text without ``://``."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""


def clean_url(raw: Union[bytes, str], schemes: Tuple[str, ...]) -> Optional[str]:
    """Return a URL in ASCII without white space around it, or None if it cannot be used.

    Args:
        raw: The URL as text, or as bytes in UTF-8.
        schemes: The schemes to accept, in lower case.

    Returns:
        The URL with its scheme in lower case and text beyond ASCII in path and query percent-encoded.
    """
    if len(raw) > MAX_URL:
        return None
    try:
        text = (raw if isinstance(raw, bytes) else raw.encode()).decode().strip()
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # not UTF-8, a lone surrogate, a port out of range, half an IPv6 address
        return None
    scheme = scheme_of(text)
    if scheme not in schemes or _find_unsafe(text):
        return None
    if not parts.hostname or not parts.netloc.isascii() or port == 0:
        return None
    if port is None and scheme in _SCHEMES_WITHOUT_DEFAULT_PORT:
        return None
    url = f"{scheme}://{_replace_non_ascii(_percent_encoded, text[len(scheme) + 3 :])}"
    return url if len(url) <= MAX_URL else None


def tracker_tiers(announce: object, announce_list: object) -> Tuple[Tuple[str, ...], ...]:
    """Return the tracker tiers of a torrent (BEP 12), each URL once.

    Args:
        announce: Decoded value of ``announce``, of any type; used only if the list has no usable URL.
        announce_list: Decoded value of ``announce-list``, of any type.  A URL in place of a tier is a tier of its own.

    Returns:
        At most ``MAX_URLS`` URLs, in tiers that are not empty.
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


def web_seeds(url_list: object) -> Tuple[str, ...]:
    """Return the usable web seeds of a torrent, each once, at most ``MAX_URLS``.

    Args:
        url_list: Decoded value of ``url-list``, of any type.
    """
    return clean_urls(url_list, WEB_SEED_SCHEMES)


def clean_urls(urls: object, schemes: Tuple[str, ...]) -> Tuple[str, ...]:
    """Return the usable URLs of a list from outside, each once, at most ``MAX_URLS``.

    Args:
        urls: A list of URLs, of any type.
        schemes: The schemes to accept, in lower case.
    """
    return _unique(urls, schemes, set())


def given_tiers(trackers: Trackers) -> List[List[str]]:
    """Return the tracker tiers that a program gives.

    Raises:
        SettingsError: A URL cannot be used.
    """
    tiers = [_each("trackers", tier) for tier in _each("trackers", trackers)]
    return [[given_url("trackers", url, TRACKER_SCHEMES) for url in tier] for tier in tiers]


def given_web_seeds(urls: Union[str, Iterable[str]]) -> List[str]:
    """Return the web seeds that a program gives.

    Raises:
        SettingsError: A URL cannot be used.
    """
    return [given_url("web_seeds", url, WEB_SEED_SCHEMES) for url in _each("web_seeds", urls)]


def given_url(setting: str, url: object, schemes: Tuple[str, ...]) -> str:
    """Return a URL that a program gives, cleaned by :func:`clean_url`.

    Args:
        setting: Name of the setting or argument, for the error.
        url: The URL; a value of any other type than str is refused.
        schemes: The schemes to accept, in lower case.

    Raises:
        SettingsError: The URL cannot be used.
    """
    cleaned = clean_url(url, schemes) if isinstance(url, str) else None
    if cleaned is None:
        raise SettingsError(setting, f"{masked(str(url))!r} is no URL of {', '.join(schemes)} that could be used")
    return cleaned


def _each(setting: str, value: Union[str, Iterable[T]]) -> List[Union[str, T]]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, (bytes, bytearray)):
        raise SettingsError(setting, f"must be a URL or a list of URLs, not {value!r}")
    return list(value)


def _unique(urls: object, schemes: Tuple[str, ...], seen: Set[str]) -> Tuple[str, ...]:
    kept: List[str] = []
    for raw in islice(_as_list(urls), MAX_ENTRIES):
        if len(seen) == MAX_URLS:
            break
        url = clean_url(raw, schemes) if isinstance(raw, (bytes, str)) else None
        if url is not None and url not in seen:
            seen.add(url)
            kept.append(url)
    return tuple(kept)


def _as_list(value: object) -> Iterable[object]:
    if isinstance(value, (list, tuple)):
        return value
    return (value,) if value else ()


def _percent_encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())

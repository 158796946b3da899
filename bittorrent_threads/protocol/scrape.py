"""Scrapes of HTTP trackers (BEP 48): the size of swarms without joining them.

The rule: only a tracker whose URL ends in a component that begins with ``announce`` can be scraped; its scrape URL has
``scrape`` in that place.
"""

from __future__ import annotations

from typing import Dict, Iterable, NamedTuple, Optional
from urllib.parse import quote_from_bytes, urlsplit

from .announce import with_query
from .tracker_reply import TrackerFailure, decode_reply, optional_count

_ANNOUNCE = "announce"


class SwarmCounts(NamedTuple):
    """The size of one swarm as a tracker tells it; None stands for a field that was not sent."""

    complete: Optional[int] = None
    """Number of seeds."""
    incomplete: Optional[int] = None
    """Number of leechers, partial seeds included."""
    downloaded: Optional[int] = None
    """Number of completed downloads."""
    downloaders: Optional[int] = None
    """Number of leechers, partial seeds not included (BEP 21)."""


def scrape_url(announce_url: str, infohashes: Iterable[bytes]) -> Optional[str]:
    """Return the URL that scrapes a tracker by an HTTP GET; None if the tracker has no scrape URL.

    Args:
        announce_url: URL of the tracker.
        infohashes: Infohashes of the swarms, 20 bytes each.
    """
    parts = urlsplit(announce_url)
    folder, _, last = parts.path.rpartition("/")
    if not last.startswith(_ANNOUNCE):
        return None
    path = f"{folder}/scrape{last[len(_ANNOUNCE) :]}"
    query = [("info_hash", quote_from_bytes(infohash, safe="")) for infohash in infohashes]
    return with_query(parts._replace(path=path).geturl(), query)


def parse_scrape(body: bytes) -> Dict[bytes, SwarmCounts]:
    """Return the size of each swarm, by infohash, that the body of an HTTP response tells.

    Args:
        body: The body, decompressed.

    Raises:
        TrackerFailure: The body is no reply to a scrape, or has a failure reason.
    """
    files = decode_reply(body).get(b"files")
    if not isinstance(files, dict):
        raise TrackerFailure("the answer to a scrape has no files")
    return {
        infohash: SwarmCounts(
            complete=optional_count(counts, b"complete"),
            incomplete=optional_count(counts, b"incomplete"),
            downloaded=optional_count(counts, b"downloaded"),
            downloaders=optional_count(counts, b"downloaders"),
        )
        for infohash, counts in files.items()
        if len(infohash) == 20 and isinstance(counts, dict)
    }

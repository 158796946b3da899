"""Scraping an HTTP tracker: the size of a swarm without joining it (BEP 48)."""

from __future__ import annotations

from typing import Dict, Iterable, NamedTuple, Optional
from urllib.parse import quote_from_bytes, urlsplit

from .announce import with_query
from .tracker_reply import TrackerFailure, decode_reply, optional_count

_ANNOUNCE = "announce"


class SwarmCounts(NamedTuple):
    """What a tracker knows of one swarm; None stands for what it did not say."""

    complete: Optional[int] = None
    """Seeds."""
    incomplete: Optional[int] = None
    """Leechers, partial seeds among them."""
    downloaded: Optional[int] = None
    """Downloads that were ever completed."""
    downloaders: Optional[int] = None
    """Leechers without the partial seeds (BEP 21)."""


def scrape_url(announce_url: str, infohashes: Iterable[bytes]) -> Optional[str]:
    """The URL to fetch; None where the last part of the path is not ``announce…``, for then there is no scrape."""
    parts = urlsplit(announce_url)
    folder, _, last = parts.path.rpartition("/")
    if not last.startswith(_ANNOUNCE):
        return None
    path = f"{folder}/scrape{last[len(_ANNOUNCE) :]}"
    query = [("info_hash", quote_from_bytes(infohash, safe="")) for infohash in infohashes]
    return with_query(parts._replace(path=path).geturl(), query)


def parse_scrape(body: bytes) -> Dict[bytes, SwarmCounts]:
    """The counts of each infohash in the body of a response; raises :class:`TrackerFailure`."""
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

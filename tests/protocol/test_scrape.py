"""The scrape convention, and what comes back."""

from __future__ import annotations

from typing import Dict, List, Optional
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.protocol.scrape import SwarmCounts, parse_scrape, scrape_url
from bittorrent_threads.testing.bencode import bencode


@pytest.mark.parametrize(
    ("announce", "scrape"),
    [
        ("http://example.com/announce", "http://example.com/scrape"),
        ("http://example.com/x/announce", "http://example.com/x/scrape"),
        ("http://example.com/announce.php", "http://example.com/scrape.php"),
        ("http://example.com/announce?passkey=1", "http://example.com/scrape?passkey=1"),
        ("http://announce.example.com/announce?a=/announce", "http://announce.example.com/scrape?a=/announce"),
        ("http://example.com/a", None),
        ("http://example.com/announce/", None),
        ("http://example.com/x%064announce", None),
        ("http://announce", None),
    ],
)
def test_the_convention(announce: str, scrape: Optional[str]) -> None:
    url = scrape_url(announce, [b"\x00" * 19 + b"a"])
    separator = "&" if scrape and "?" in scrape else "?"
    assert url == (scrape and f"{scrape}{separator}info_hash={'%00' * 19}a")


def test_several_torrents_at_once() -> None:
    url = scrape_url("http://t/announce", [b"x" * 20, b"y" * 20])
    assert url == f"http://t/scrape?info_hash={'x' * 20}&info_hash={'y' * 20}"


def test_the_example_of_the_bep() -> None:
    body = bencode(
        {
            "files": {
                "x" * 20: {"complete": 11, "downloaded": 13772, "incomplete": 19},
                "y" * 20: {"complete": 21, "downloaded": 206, "incomplete": 20, "downloaders": 8},
            }
        }
    )
    assert parse_scrape(body) == {
        b"x" * 20: SwarmCounts(complete=11, downloaded=13772, incomplete=19),
        b"y" * 20: SwarmCounts(complete=21, downloaded=206, incomplete=20, downloaders=8),
    }


def test_what_is_not_as_it_should_be_is_left_out() -> None:
    body = bencode({"files": {"short": {"complete": 1}, "x" * 20: 5, "y" * 20: {"complete": -1, "incomplete": "x"}}})
    assert parse_scrape(body) == {b"y" * 20: SwarmCounts()}


@pytest.mark.parametrize("body", [b"<html>", b"de", b"d5:filesi5ee", bencode({"failure reason": "no scrapes"})])
def test_failures(body: bytes) -> None:
    with pytest.raises(TrackerError):
        parse_scrape(body)


INFOHASHES = st.binary(min_size=20, max_size=20)
COUNTS = st.one_of(st.none(), st.integers(0, 2**62))
SWARMS = st.dictionaries(INFOHASHES, st.builds(SwarmCounts, COUNTS, COUNTS, COUNTS, COUNTS))


def raw_bencode(files: Dict[bytes, bytes]) -> bytes:
    """A dictionary of values that are encoded already, by keys that are no text."""
    return b"d" + b"".join(b"%d:%s%s" % (len(key), key, files[key]) for key in sorted(files)) + b"e"


@given(SWARMS)
def test_every_reply_comes_back(swarms: Dict[bytes, SwarmCounts]) -> None:
    files = {
        infohash: bencode({name: count for name, count in counts._asdict().items() if count is not None})
        for infohash, counts in swarms.items()
    }
    assert parse_scrape(raw_bencode({b"files": raw_bencode(files)})) == swarms


@given(st.lists(INFOHASHES))
def test_every_infohash_can_be_read_from_the_url(infohashes: List[bytes]) -> None:
    url = scrape_url("http://t/announce", infohashes)
    assert url is not None
    assert url.isascii()
    assert url.isprintable()
    values = [part.partition("=")[2] for part in urlsplit(url).query.split("&") if part]
    assert [unquote_to_bytes(value) for value in values] == infohashes


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=30).map(lambda noise: b"d5:filesd" + noise + b"ee")))
def test_noise_is_a_reply_or_a_tracker_error(body: bytes) -> None:
    try:
        assert all(len(infohash) == 20 for infohash in parse_scrape(body))
    except TrackerError as error:
        assert error.reason

"""The scrape convention, and what comes back."""

from __future__ import annotations

from typing import Optional

import pytest
from support.content import bencode

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.protocol.scrape import SwarmCounts, parse_scrape, scrape_url


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

from __future__ import annotations

from typing import Any, List, Optional

import pytest

from bittorrent_threads.metainfo.urls import MAX_ENTRIES, MAX_URLS, TRACKER_SCHEMES, clean_url, tracker_tiers, web_seeds

URLS = {
    b"http://t.example/announce": "http://t.example/announce",
    b"https://t.example:8443/a?passkey=1&x=%20": "https://t.example:8443/a?passkey=1&x=%20",
    b"udp://t.example:6969": "udp://t.example:6969",
    b"UDP://t.example:6969/announce": "udp://t.example:6969/announce",
    b"http://[2001:db8::1]:80/a": "http://[2001:db8::1]:80/a",
    b" \thttp://t.example/a\r\n": "http://t.example/a",
    "http://t.example/größe".encode(): "http://t.example/gr%C3%B6%C3%9Fe",
    b"": None,
    b"t.example/announce": None,
    b"http:/t.example/announce": None,
    b"http://": None,
    b"http:///announce": None,
    b"http://:80/announce": None,
    b"ftp://t.example/a": None,
    b"file:///etc/passwd": None,
    b"wss://t.example/a": None,
    b"javascript:alert(1)": None,
    b"udp://t.example/announce": None,
    b"http://t.example:0/a": None,
    b"http://t.example:65536/a": None,
    b"http://t.example:x/a": None,
    b"http://[2001:db8::1/a": None,
    b"http://t.example/a\r\nHost: other": None,
    b"http://t.example/a b": None,
    b"http://t.example/\x00": None,
    b"http://t.example\\@other/a": None,
    "http://träcker.example/a".encode(): None,
    b"http://t.example/\xff": None,
    b"http://t.example/" + b"a" * 5000: None,
}


def test_urls() -> None:
    assert {raw: clean_url(raw, TRACKER_SCHEMES) for raw in URLS} == URLS
    assert clean_url("udp://t.example:1", ("http", "https")) is None
    for url in filter(None, URLS.values()):
        assert clean_url(url, TRACKER_SCHEMES) == url


A, B, C = "http://a/", "udp://b:1", "https://c/"


@pytest.mark.parametrize(
    "announce, announce_list, tiers",
    [
        (None, None, ()),
        (b"http://a/", None, ((A,),)),
        (b"http://a/", [[b"udp://b:1"]], ((B,),)),
        (None, [[b"http://a/", b"udp://b:1"], [b"https://c/"]], ((A, B), (C,))),
        (None, [[b"http://a/", b"http://a/"], [b"http://a/", b"udp://b:1"]], ((A,), (B,))),
        (b"http://a/", [[b"wss://x/"], []], ((A,),)),
        (b"http://a/", [], ((A,),)),
        (b"http://a/", b"udp://b:1", ((B,),)),
        (None, [b"http://a/", [b"udp://b:1"], 5, [7], {}], ((A,), (B,))),
        (5, 6, ()),
        ([b"http://a/"], {}, ((A,),)),
    ],
)
def test_tiers(announce: Any, announce_list: Any, tiers: Any) -> None:
    assert tracker_tiers(announce, announce_list) == tiers


@pytest.mark.parametrize(
    "url_list, expected",
    [
        (None, ()),
        (b"", ()),
        (b"http://a/", (A,)),
        ([b"https://c/", b"udp://b:1", 5, b"http://a/", b"https://c/"], (C, A)),
    ],
)
def test_web_seeds(url_list: Optional[Any], expected: Any) -> None:
    assert web_seeds(url_list) == expected


def test_a_list_has_a_limit() -> None:
    urls = [b"http://t%d.example/" % number for number in range(MAX_URLS + 100)]
    assert len(web_seeds(urls)) == MAX_URLS
    assert sum(map(len, tracker_tiers(None, [[url] for url in urls]))) == MAX_URLS


def test_garbage_is_looked_at_no_longer_than_that() -> None:
    garbage = [b"http://[x"] * (MAX_ENTRIES - 1)
    assert web_seeds([*garbage, A]) == (A,)
    assert web_seeds([b"", *garbage, A]) == ()
    lists: List[List[Any]] = [[[url] for url in garbage], [[]] * len(garbage), [garbage], garbage]
    for many in lists:
        assert tracker_tiers(None, [*many, [A]]) == ((A,),)
        assert tracker_tiers(None, [[b"x"], *many, [A]]) == ()

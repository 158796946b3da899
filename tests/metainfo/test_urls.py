"""Tracker and web seed URLs: which are usable, and how many are kept."""

from __future__ import annotations

from typing import Any, List, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.errors import SettingsError
from bittorrent_threads.metainfo.urls import (
    HTTP_SCHEMES,
    MAX_ENTRIES,
    MAX_URL,
    MAX_URLS,
    TRACKER_SCHEMES,
    WEB_SEED_SCHEMES,
    Trackers,
    clean_url,
    given_tiers,
    given_url,
    given_web_seeds,
    scheme_of,
    tracker_tiers,
    web_seeds,
)

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
    b"http://t.example/" + "ö".encode() * 1000: None,
}


def test_urls() -> None:
    assert {raw: clean_url(raw, TRACKER_SCHEMES) for raw in URLS} == URLS
    assert clean_url("udp://t.example:1", HTTP_SCHEMES) is None
    for url in filter(None, URLS.values()):
        assert clean_url(url, TRACKER_SCHEMES) == url


@pytest.mark.parametrize(
    ("url", "scheme"),
    [("http://t/", "http"), ("UDP://t:1", "udp"), ("wss://t", "wss"), ("magnet:?xt=a://b", "magnet:?xt=a"), ("/a", "")],
)
def test_the_scheme_of_a_url(url: str, scheme: str) -> None:
    assert scheme_of(url) == scheme


A, B, C = "http://a/", "udp://b:1", "https://c/"


@pytest.mark.parametrize(
    ("announce", "announce_list", "tiers"),
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
    ("url_list", "expected"),
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


# -- those of the program ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trackers", "tiers"),
    [
        (A, [[A]]),
        ([A, B], [[A], [B]]),
        ([[A, B], C], [[A, B], [C]]),
        ((url for url in (A, "HTTP://b/ö ")), [[A], ["http://b/%C3%B6"]]),
        ([], []),
        ([[]], [[]]),
    ],
)
def test_trackers_of_the_program(trackers: Trackers, tiers: List[List[str]]) -> None:
    assert given_tiers(trackers) == tiers


@pytest.mark.parametrize(("urls", "expected"), [(A, [A]), ([C, A], [C, A]), ([], [])])
def test_web_seeds_of_the_program(urls: Union[str, List[str]], expected: List[str]) -> None:
    assert given_web_seeds(urls) == expected


def test_an_unusable_url_of_the_program_is_an_error_that_names_the_setting_and_hides_secrets() -> None:
    with pytest.raises(SettingsError) as caught:
        given_tiers([[A], ["ftp://me:hunter2@t/"]])
    assert str(caught.value) == "trackers: 'ftp://me:***@t/' is no URL of http, https, udp that could be used"
    with pytest.raises(SettingsError, match="web_seeds: 'udp://b:1' is no URL of http, https that could be used"):
        given_web_seeds([A, B])
    with pytest.raises(SettingsError, match="x: '5' is no URL"):
        given_url("x", 5, HTTP_SCHEMES)


# -- whatever a torrent says -------------------------------------------------------------------------------------------

URL_TEXT = st.text(st.sampled_from("abhtpsud:/@[]?#%&=.\\ \t\r\n\x00\x7f\xa0é漢01689"), max_size=40)
ANY_URL = st.builds(
    "{}{}{}".format, st.sampled_from(["", *TRACKER_SCHEMES, "HTTP", "ftp"]), st.sampled_from(["", "://", ":"]), URL_TEXT
)


@given(st.one_of(ANY_URL, ANY_URL.map(lambda url: url.encode()), st.text(), st.binary()))
def test_a_usable_url_is_plain_ascii_of_a_scheme_asked_for_and_stays_as_it_is(raw: Union[str, bytes]) -> None:
    url = clean_url(raw, TRACKER_SCHEMES)
    if url is not None:
        assert scheme_of(url) in TRACKER_SCHEMES
        assert url.isascii()
        assert url.isprintable()
        assert " " not in url
        assert "\\" not in url
        assert len(url) <= MAX_URL
        assert clean_url(url, TRACKER_SCHEMES) == url
        assert (clean_url(url, WEB_SEED_SCHEMES) is None) == (scheme_of(url) == "udp")


USABLE = st.sampled_from([A, B, C, "http://d/", "http://e/"])
DECODED = st.recursive(
    st.one_of(st.none(), st.integers(), USABLE.map(lambda url: url.encode()), ANY_URL.map(lambda url: url.encode())),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.binary(max_size=3), inner)),
)


@given(DECODED, DECODED)
def test_tiers_have_usable_urls_each_once(announce: Any, announce_list: Any) -> None:
    tiers = tracker_tiers(announce, announce_list)
    urls = [url for tier in tiers for url in tier]
    assert all(tiers)
    assert len(set(urls)) == len(urls) <= MAX_URLS
    assert all(clean_url(url, TRACKER_SCHEMES) == url for url in urls)


@given(st.lists(st.lists(USABLE.map(lambda url: url.encode()))))
def test_no_usable_url_of_a_list_of_tiers_is_lost_and_none_changes_its_tier(announce_list: List[List[bytes]]) -> None:
    tiers = tracker_tiers(b"http://other/", announce_list)
    seen: List[str] = []
    expected = []
    for tier in announce_list:
        new = [url for url in dict.fromkeys(each.decode() for each in tier) if url not in seen]
        seen += new
        expected += [tuple(new)] if new else []
    assert tiers == (tuple(expected) or (("http://other/",),))


def test_what_is_no_list_of_urls() -> None:
    wrong: Any
    for wrong in (5, None, b"http://t.example/"):
        with pytest.raises(SettingsError, match="trackers: must be a URL or a list of URLs"):
            given_tiers(wrong)
        with pytest.raises(SettingsError, match="web_seeds: must be a URL or a list of URLs"):
            given_web_seeds(wrong)
    wrong = [5]
    with pytest.raises(SettingsError, match="must be a URL or a list of URLs, not 5"):
        given_tiers(wrong)

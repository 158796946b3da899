"""Magnet links: each part read and written, the bounds, and the part that each error names."""

from __future__ import annotations

import base64
from typing import Any, List, Tuple
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.errors import MetainfoError
from bittorrent_threads.metainfo import bencode, magnet
from bittorrent_threads.metainfo.infohash import InfoHash
from bittorrent_threads.metainfo.magnet import Magnet, host_and_port, is_magnet
from bittorrent_threads.metainfo.metainfo import Metainfo

SHA1 = bytes(range(20))
SHA256 = bytes(range(32))
XT = f"xt=urn:btih:{SHA1.hex()}"
V2 = f"xt=urn:btmh:1220{SHA256.hex()}"
PLAIN = InfoHash(v1=SHA1)


def link(*parts: str) -> str:
    """A magnet link of these parts."""
    return "magnet:?" + "&".join(parts)


def fault(uri: str) -> MetainfoError:
    """The error of a bad link."""
    with pytest.raises(MetainfoError) as caught:
        Magnet.parse(uri)
    return caught.value


@pytest.mark.parametrize(
    "topic",
    [
        SHA1.hex(),
        SHA1.hex().upper(),
        base64.b32encode(SHA1).decode(),
        base64.b32encode(SHA1).decode().lower(),
    ],
)
def test_an_infohash_is_hexadecimal_or_base32(topic: str) -> None:
    assert Magnet.parse(link(f"xt=urn:btih:{topic}")) == Magnet(PLAIN)
    assert Magnet.parse(f"  MAGNET:?XT=URN:BTIH:{topic}\n").infohash == SHA1


def test_every_part_is_read_and_written() -> None:
    uri = link(
        XT,
        "dn=Some+name%20%C3%A4",
        "xl=12345",
        f"tr={quote('http://one/announce?x=1&y=2', safe='')}",
        "tr.1=udp%3A%2F%2Ftwo%3A80",
        "ws=http%3A%2F%2Fweb%2Fseed",
        "x.pe=10.0.0.1:6881",
        "x.pe=%5B2001%3Adb8%3A0%3A0%3A%3A1%5D%3A6882",
        "x.pe=peer.example:1",
        "so=4,0,2,6-8,7-9",
        "kt=unknown",
    )
    found = Magnet.parse(uri)
    assert found == Magnet(
        PLAIN,
        name="Some name ä",
        trackers=("http://one/announce?x=1&y=2", "udp://two:80"),
        web_seeds=("http://web/seed",),
        peers=(("10.0.0.1", 6881), ("2001:db8::1", 6882), ("peer.example", 1)),
        length=12345,
        select_only=(range(0, 1), range(2, 3), range(4, 5), range(6, 10)),
    )
    assert "so=0,2,4,6-9" in str(found)
    assert "x.pe=[2001:db8::1]:6882" in str(found)
    assert Magnet.parse(str(found)) == found


def test_ranges_that_touch_become_one() -> None:
    assert Magnet.parse(link(XT, "so=5-6", "so=0-4,7")).select_only == (range(8),)


def test_a_hybrid_torrent_has_both_topics_and_another_network_is_ignored() -> None:
    found = Magnet.parse(link("xt=urn:tree:tiger:ABC", V2, XT, f"xt.2=urn:btih:{base64.b32encode(SHA1).decode()}"))
    assert found.infohashes == InfoHash(SHA1, SHA256)
    assert Magnet.parse(str(found)) == found
    assert str(Magnet(InfoHash(v2=SHA256))) == link(V2)


def test_urls_that_cannot_be_used_and_names_that_cannot_be_shown_are_cleaned() -> None:
    found = Magnet.parse(
        link(XT, "tr=wss%3A%2F%2Fweb", "tr=", "tr=http%3A%2F%2Ft", "ws=ftp%3A%2F%2Fx", "dn=a%0Ab%E2%80%AEc")
    )
    assert (found.trackers, found.web_seeds, found.name) == (("http://t",), (), "a b c")


@pytest.mark.parametrize(
    ("uri", "key", "words"),
    [
        ("magnet:xt=1", "", "not a magnet link"),
        (link(), "xt", "is missing"),
        (link("dn=x"), "xt", "is missing"),
        (link("xt=urn:sha1:ABC"), "xt", "names no torrent"),
        (link("xt=urn:btih:"), "xt", "40 hexadecimal or 32 base32 characters, not ''"),
        (link(f"xt=urn:btih:{SHA1.hex()[:-1]}"), "xt", "40 hexadecimal"),
        (link("xt=urn:btih:" + "1" * 32), "xt", "40 hexadecimal"),
        (link(V2), "xt", "urn:btmh"),
        (link(XT, V2[:-1]), "xt", "'1220' and 64 digits"),
        (link(XT, f"xt=urn:btih:{bytes(20).hex()}"), "xt", "names two torrents"),
        (link(XT, "xl=-1"), "xl", "'-1' is not a number of bytes"),
        (link(XT, "xl=9223372036854775808"), "xl", "not a number"),
        (link(XT, "x.pe=host"), "x.pe", "'host' is not HOST:PORT"),
        (link(XT, "x.pe=[::1"), "x.pe", "HOST:PORT"),
        (link(XT, *[f"x.pe=h:{port}" for port in range(1, 102)]), "x.pe", "101 peers"),
        (link(XT, "so=3-1"), "so", "'3-1'"),
        (link(XT, "so=1,,2"), "so", "''"),
        (link(XT, "so=0-4294967295"), "so", "4294967295"),
        (link(XT, "so=" + "1," * 1000 + "1"), "so", "1001 ranges"),
    ],
)
def test_an_error_names_the_part_that_is_wrong(uri: str, key: str, words: str) -> None:
    error = fault(uri)
    assert error.key == key
    assert words in error.reason
    assert str(error).startswith(f"magnet link: {key}: " if key else "magnet:xt=1: ")


def test_the_length_of_a_link_is_bounded() -> None:
    most = link(XT) + "&dn="
    most += "x" * (magnet.MAX_URI - len(most))
    assert len(Magnet.parse(most).name) == magnet.MAX_NAME
    assert "65537 characters" in fault(most + "x").reason


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("1.2.3.4:80", ("1.2.3.4", 80)),
        ("[::0001]:65535", ("::1", 65535)),
        ("a-b.example:1", ("a-b.example", 1)),
        ("x:1", ("x", 1)),
        ("::1:80", None),
        ("[1.2.3.4]:80", None),
        ("h:0", None),
        ("h:65536", None),
        ("h:٣", None),
        ("h:", None),
        (":80", None),
        ("80", None),
        ("h\n:80", None),
        ("user@h:80", None),
        ("h" * 254 + ":80", None),
    ],
)
def test_hosts_and_ports(text: str, address: Any) -> None:
    assert host_and_port(text) == address


def test_what_is_meant_to_be_a_magnet_link() -> None:
    assert is_magnet(" Magnet:nonsense")
    assert not is_magnet("magnet.torrent")


def test_a_torrent_makes_its_link() -> None:
    info = bencode.encode({"length": 3, "name": "näme", "piece length": 16384, "pieces": bytes(20)})
    tiers = [["http://a/announce", "udp://b:1"], ["http://c/announce"]]
    metainfo = Metainfo.from_info(info, trackers=tiers, web_seeds=["http://w/"])
    found = metainfo.magnet(peers=[("10.0.0.1", 7)])
    assert found == Magnet(
        metainfo.infohashes,
        name="näme",
        trackers=("http://a/announce", "udp://b:1", "http://c/announce"),
        web_seeds=("http://w/",),
        peers=(("10.0.0.1", 7),),
        length=3,
    )
    assert Magnet.parse(str(found)) == found


hosts = st.one_of(
    st.ip_addresses().map(str),
    st.from_regex(r"[a-z0-9]{1,20}\.[a-z]{2,10}", fullmatch=True),
)


names = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, categories=["L", "N", "P"]), max_size=20)


@st.composite
def magnets(draw: st.DrawFn) -> Magnet:
    """Any magnet that a parse may give."""
    ranges: List[range] = []
    at = 0
    for gap, count in draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=5)):
        ranges.append(range(at + gap, at + gap + count))
        at = ranges[-1].stop
    urls = st.lists(st.sampled_from([f"http://t{number}/a?b=c&d=%20+" for number in range(9)]), unique=True).map(tuple)
    addresses: st.SearchStrategy[Tuple[str, int]] = st.tuples(hosts, st.integers(1, 65535))
    return Magnet(
        InfoHash(draw(st.binary(min_size=20, max_size=20)), draw(st.none() | st.binary(min_size=32, max_size=32))),
        name=draw(
            st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, categories=["L", "N", "P"]), max_size=20)
        ),
        trackers=draw(urls),
        web_seeds=draw(urls),
        peers=draw(st.lists(addresses, max_size=4, unique=True).map(tuple)),
        length=draw(st.none() | st.integers(0, 2**63 - 1)),
        select_only=tuple(ranges),
    )


@given(magnets())
def test_what_is_written_is_read_again(found: Magnet) -> None:
    assert Magnet.parse(str(found)) == found


@given(st.text(max_size=80))
def test_any_text_is_a_magnet_or_one_error(text: str) -> None:
    try:
        found = Magnet.parse(f"magnet:?{XT}&{text}")
    except MetainfoError as error:
        assert error.key in ("xt", "xl", "x.pe", "so")
    else:
        assert Magnet.parse(str(found)) == found

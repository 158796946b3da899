"""What is asked of a tracker, and what is made of its answer."""

from __future__ import annotations

import dataclasses
import random
from typing import Any, Dict, List, Optional
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.protocol import addresses
from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.protocol.announce import (
    COMPLETED,
    MAX_PEERS,
    MAX_TRACKERID,
    AnnounceReply,
    AnnounceRequest,
    url_objection,
)
from bittorrent_threads.testing.bencode import bencode

INFOHASH = bytes([0, 32, 37, 38, 43, 47, 61, 63, 127, 128, 255]) + b"az09-._~!"
PEERID = b"-TH0100-abcdefghijkl"
REQUEST = AnnounceRequest(infohash=INFOHASH, peerid=PEERID, port=6881, uploaded=1, downloaded=2, left=3)


def fields(url: str) -> Dict[str, Any]:
    return parse_qs(urlsplit(url).query, keep_blank_values=True, encoding="latin-1", strict_parsing=True)


def reply(**changes: Any) -> bytes:
    names = {"min_interval": "min interval", "warning": "warning message", "trackerid": "tracker id"}
    body = {"interval": 1800, "peers": b"", **changes}
    return bencode({names.get(name, name): value for name, value in body.items()})


# -- asking ------------------------------------------------------------------------------------------------------------


def test_the_url_of_a_regular_announce() -> None:
    url = REQUEST.url("http://tracker.example:80/announce")
    quoted = "%00%20%25%26%2B%2F%3D%3F%7F%80%FFaz09-._~%21"
    assert url.startswith(f"http://tracker.example:80/announce?info_hash={quoted}&peer_id=-TH0100-")
    assert {name: value for name, (value,) in fields(url).items()} == {
        "info_hash": INFOHASH.decode("latin-1"),
        "peer_id": "-TH0100-abcdefghijkl",
        "port": "6881",
        "uploaded": "1",
        "downloaded": "2",
        "left": "3",
        "compact": "1",
        "numwant": "50",
    }


def test_what_is_only_said_when_there_is_something_to_say() -> None:
    request = REQUEST._replace(event=COMPLETED, numwant=0, key="beef", trackerid=b"\xff&")
    said = fields(request.url("http://t/announce"))
    assert said["event"] == ["completed"]
    assert said["numwant"] == ["0"]
    assert said["key"] == ["beef"]
    assert said["trackerid"] == ["\xff&"]


@pytest.mark.parametrize(
    ("base", "beginning"),
    [
        ("http://t/announce?passkey=a%20b&x", "http://t/announce?passkey=a%20b&x&info_hash="),
        ("http://t/announce?", "http://t/announce?info_hash="),
        ("http://t/announce#part", "http://t/announce?info_hash="),
        ("https://t", "https://t/?info_hash="),
        ("http://[::1]:6969/a/b.php", "http://[::1]:6969/a/b.php?info_hash="),
    ],
)
def test_what_the_url_has_already_is_kept(base: str, beginning: str) -> None:
    url = REQUEST.url(base)
    assert url.startswith(beginning)
    assert "#" not in url


@pytest.mark.parametrize(
    ("url", "objection"),
    [
        ("http://t/announce?passkey=1", ""),
        ("https://t/announce", ""),
        ("http://t/?event=started&info_hash=x", "the URL has event, info_hash already"),
        ("http://t/?peer_id", "the URL has peer_id already"),
    ],
)
def test_urls_that_are_not_asked(url: str, objection: str) -> None:
    assert url_objection(url) == objection


# -- answers -----------------------------------------------------------------------------------------------------------


def test_everything_a_tracker_can_say() -> None:
    body = reply(
        min_interval=60,
        trackerid=b"\x00id",
        complete=5,
        incomplete=6,
        downloaded=7,
        warning="soon\nmore",
        peers=bytes.fromhex("01020304 1ae1"),
        peers6=bytes(15) + b"\1\x1a\xe2",
        **{"external ip": b"\x05\x06\x07\x08"},
    )
    assert AnnounceReply.parse(body) == AnnounceReply(
        peers=(("1.2.3.4", 6881), ("::1", 6882)),
        interval=1800,
        min_interval=60,
        trackerid=b"\x00id",
        complete=5,
        incomplete=6,
        downloaded=7,
        warning="soon more",
        external_ip="5.6.7.8",
    )


def test_nothing_is_needed() -> None:
    assert AnnounceReply.parse(b"de") == AnnounceReply()


def test_the_long_form() -> None:
    peers = [
        {"ip": "1.2.3.4", "port": 6881, "peer id": b"x" * 20},
        {"ip": "2001:DB8::1", "port": 1},
        {"ip": "::ffff:1.2.3.4", "port": 6882},
        {"ip": "tracker.chosen.name", "port": 6881},
        {"ip": "5.6.7.8", "port": 0},
        {"ip": "5.6.7.8", "port": 65536},
        {"ip": "5.6.7.8", "port": -1},
        {"ip": "5.6.7.8", "port": "6883"},
        {"ip": "5.6.7.8", "port": "x"},
        bytes.fromhex("01020305 1ae1"),
        bytes(15) + b"\2\x1a\xe2",
        {"ip": 5, "port": 6881},
        {"port": 6881},
        {"ip": "5.6.7.8"},
        "5.6.7.8",
        7,
        {},
    ]
    dialled = {("1.2.3.4", 6881), ("1.2.3.4", 6882), ("1.2.3.5", 6881), ("5.6.7.8", 6883)}
    dialled |= {("2001:db8::1", 1), ("::2", 6882)}
    assert set(AnnounceReply.parse(reply(peers=peers)).peers) == dialled
    assert set(AnnounceReply.parse(reply(peers=b"", peers6=peers)).peers) == dialled
    assert set(AnnounceReply.parse(bencode({"peers6": peers})).peers) == dialled


@pytest.mark.parametrize(
    "body",
    [
        b"d8:intervali1800e5:peers6:\1\2\3\4\0\5e",
        b"d8:intervali1800e5:peers6:\1\2\3\4\0\5e\0",
        b"d8:intervali1800e5:peers6:\1\2\3\4\0\5e\r\n<!-- served by x -->",
        b"d8:intervali01800e5:peers06:\1\2\3\4\0\5e",
        b"d8:intervali+1800e5:peers6:\1\2\3\4\0\5e",
        b"d8:interval4:18005:peers6:\1\2\3\4\0\5e",
        b"d5:peers6:\1\2\3\4\0\x058:intervali1800ee",
        b"d8:intervali1800e5:peers6:\1\2\3\4\0\x056:peers60:6:peers60:e",
        b"d8:intervali1800e5:peers6:\1\2\3\4\0\x055:peers0:8:intervali1ee",
        b"d8:intervali1800e5:peers7:\1\2\3\4\0\5xe",
        b"d8:intervali1800e5:peers6:\1\2\3\4\0\x056:peers6i5ee",
        b"d8:intervali1800e5:peers6:\1\2\3\4\0\x056:peers6lee",
        b"d8:intervali1800e5:peersi5e6:peers6l6:\1\2\3\4\0\5ee",
        b"d8:completei-0e10:incomplete3:-1x8:intervali1800e5:peersld2:ip7:1.2.3.44:porti5eeee",
    ],
)
def test_answers_that_others_take(body: bytes) -> None:
    answer = AnnounceReply.parse(body)
    assert (answer.interval, answer.peers) == (1800, (("1.2.3.4", 5),))


def test_ports_of_zero_and_doubles_are_dropped() -> None:
    packed = bytes.fromhex("01020304 0000 01020304 0001 01020304 0001")
    assert AnnounceReply.parse(reply(peers=packed)).peers == (("1.2.3.4", 1),)


def test_only_so_many_peers_are_kept() -> None:
    many = b"".join(number.to_bytes(4, "big") + b"\0\1" for number in range(100_000))
    assert len(AnnounceReply.parse(reply(peers=many)).peers) == MAX_PEERS
    six = b"".join(number.to_bytes(16, "big") + b"\0\1" for number in range(50_000))
    assert len(AnnounceReply.parse(reply(peers=many, peers6=six)).peers) == MAX_PEERS
    entries = [{"ip": f"1.2.{number >> 8}.{number & 255}", "port": 1} for number in range(3000)]
    assert len(AnnounceReply.parse(reply(peers=entries)).peers) == MAX_PEERS


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (reply(peers=5), "peers is neither a string nor a list, but int"),
        (reply(peers={}), "peers is neither a string nor a list, but dict"),
        (bencode({"failure reason": "unregistered torrent"}), "unregistered torrent"),
    ],
)
def test_an_answer_that_cannot_be_used(body: bytes, reason: str) -> None:
    with pytest.raises(TrackerError) as caught:
        AnnounceReply.parse(body)
    assert caught.value.reason == reason


def test_what_only_informs_cannot_spoil_an_answer() -> None:
    body = reply(interval=-5, min_interval="x", complete=[], incomplete=-1, downloaded={}, warning=5, trackerid=7)
    assert AnnounceReply.parse(body) == AnnounceReply()
    assert AnnounceReply.parse(reply(**{"external ip": "x"})).external_ip == ""
    assert AnnounceReply.parse(reply(trackerid=b"x" * 5000, **{"external ip": 5})).trackerid == b""


def test_noise_is_an_answer_or_a_tracker_error() -> None:
    chance = random.Random(0)
    good = reply(complete=5, peers=bytes(range(60)), peers6=bytes(range(36)), warning="hello")
    answers = 0
    for _ in range(3000):
        body = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        try:
            answers += all(0 < port < 65536 for _, port in AnnounceReply.parse(bytes(body)).peers)
        except TrackerError as error:
            assert error.reason
    assert answers > 500


# -- round trips -------------------------------------------------------------------------------------------------------

NUMERIC = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(lambda host: addresses.numeric_host(str(host)))
ADDRESSES = st.lists(st.tuples(NUMERIC, st.integers(1, 65535)), unique=True)
COUNTS = st.one_of(st.none(), st.integers(0, 2**62))
REPLIES = st.builds(
    AnnounceReply,
    peers=ADDRESSES.map(tuple),
    interval=COUNTS,
    min_interval=COUNTS,
    trackerid=st.binary(max_size=MAX_TRACKERID),
    complete=COUNTS,
    incomplete=COUNTS,
    downloaded=COUNTS,
    warning=st.text("abc é漢", max_size=50).map(lambda text: " ".join(text.split())),
    external_ip=st.one_of(st.just(""), NUMERIC),
)


def in_form(peers: List[Address], form: str) -> Dict[str, Any]:
    """The fields of a reply that hold these peers."""
    if form == "compact":
        four, six = addresses.pack(peers)
        return {"peers": four, "peers6": six}
    if form == "strings":
        return {"peers": [b"".join(addresses.pack([peer])) for peer in peers]}
    return {"peers": [{"ip": host, "port": port} for host, port in peers]}


@given(REPLIES, st.sampled_from(["compact", "strings", "dictionaries"]))
def test_every_reply_comes_back_in_every_form(reply: AnnounceReply, form: str) -> None:
    fields: Dict[str, Optional[Any]] = {
        "interval": reply.interval,
        "min interval": reply.min_interval,
        "tracker id": reply.trackerid,
        "complete": reply.complete,
        "incomplete": reply.incomplete,
        "downloaded": reply.downloaded,
        "warning message": reply.warning,
        "external ip": addresses.pack_host(reply.external_ip) if reply.external_ip else b"",
        **in_form(list(reply.peers), form),
    }
    parsed = AnnounceReply.parse(bencode({name: value for name, value in fields.items() if value is not None}))
    if form == "compact":  # the families come one after the other
        assert set(parsed.peers) == set(reply.peers)
        parsed, reply = (dataclasses.replace(each, peers=()) for each in (parsed, reply))
    assert parsed == reply


def test_the_host_that_replied_is_kept() -> None:
    assert AnnounceReply.parse(b"de", host="192.0.2.1").host == "192.0.2.1"


REQUESTS = st.builds(
    AnnounceRequest,
    infohash=st.binary(min_size=20, max_size=20),
    peerid=st.binary(min_size=20, max_size=20),
    port=st.integers(1, 65535),
    uploaded=st.integers(0, 2**63),
    downloaded=st.integers(0, 2**63),
    left=st.integers(0, 2**63),
    event=st.sampled_from(["", "started", "stopped", "completed", "paused"]),
    numwant=st.integers(0, 1000),
    key=st.text("0123456789ABCDEF", max_size=8),
    trackerid=st.binary(max_size=50),
    ip=st.one_of(st.just(""), NUMERIC),
)


@given(REQUESTS, st.sampled_from(["http://t", "http://t/announce", "https://[::1]:1/a?passkey=%00&b#c"]))
def test_every_request_can_be_read_from_its_url(request: AnnounceRequest, base: str) -> None:
    url = request.url(base)
    assert url.isascii()
    assert url.isprintable()
    assert " " not in url
    assert "#" not in url
    said = {name: value for name, (value,) in fields(url.replace("&b&", "&b=&")).items()}
    assert said.pop("compact") == "1"
    extra = {"passkey": "\0", "b": ""} if "passkey" in base else {}
    values = {name: said.pop(name, None) for name in extra}
    assert values == extra
    read = AnnounceRequest(
        infohash=said.pop("info_hash").encode("latin-1"),
        peerid=said.pop("peer_id").encode("latin-1"),
        port=int(said.pop("port")),
        uploaded=int(said.pop("uploaded")),
        downloaded=int(said.pop("downloaded")),
        left=int(said.pop("left")),
        event=said.pop("event", ""),
        numwant=int(said.pop("numwant")),
        key=said.pop("key", ""),
        trackerid=said.pop("trackerid", "").encode("latin-1"),
        ip=said.pop("ip", ""),
    )
    assert (read, said) == (request, {})


@pytest.mark.parametrize(
    ("peers", "complete", "incomplete", "named"),
    [(0, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 1, 1, 1), (2, None, 1, 2)],
)
def test_a_peer_that_is_alone_with_a_tracker_is_ourselves(
    peers: int, complete: Optional[int], incomplete: int, named: int
) -> None:
    addresses = tuple([("10.0.0.1", port) for port in range(1, peers + 1)])
    assert AnnounceReply(peers=addresses, complete=complete, incomplete=incomplete).named == named

"""KRPC messages: the examples of the BEPs, and what is malformed."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.dht import krpc
from bittorrent_threads.dht.krpc import MAX_NODES, MAX_RECEIVED, MAX_VALUES, Query, Refusal, Reply, parse
from bittorrent_threads.dht.node_id import unpack
from bittorrent_threads.dht.place import place_of
from bittorrent_threads.metainfo import bencode

ASKER = unpack(b"abcdefghij0123456789")
ASKED = unpack(b"mnopqrstuvwxyz123456")
SENDER = ("1.2.3.4", 5)


def query(arguments: Dict[Any, Any], **top: Any) -> Query:
    message = {"a": {"id": b"abcdefghij0123456789", **arguments}, "q": "get_peers", "t": "aa", "y": "q", **top}
    found = parse(bencode.encode(message))
    assert isinstance(found, Query)
    return found


def reply(values: Dict[Any, Any], **top: Any) -> Reply:
    message = {"r": {"id": b"mnopqrstuvwxyz123456", **values}, "t": "aa", "y": "r", **top}
    found = parse(bencode.encode(message))
    assert isinstance(found, Reply)
    return found


# -- the examples of BEP 5 ---------------------------------------------------------------------------------------------


def test_ping() -> None:
    found = parse(b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe")
    assert isinstance(found, Query)
    assert (found.transaction, found.method, found.sender, found.read_only) == (b"aa", krpc.PING, ASKER, False)
    assert (found.target, found.infohash, found.token, found.port(SENDER)) == (None, b"", b"", 0)
    answer = parse(b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re")
    assert answer == Reply(b"aa", ASKED, "", {b"id": b"mnopqrstuvwxyz123456"})


def test_find_node() -> None:
    found = parse(
        b"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
    )
    assert isinstance(found, Query)
    assert (found.method, found.target) == (krpc.FIND_NODE, ASKED)
    answer = parse(b"d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re")
    assert isinstance(answer, Reply)
    assert answer.nodes(4) == [], "nine bytes are no node"


def test_get_peers() -> None:
    found = parse(
        b"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
    )
    assert isinstance(found, Query)
    assert (found.method, found.infohash, found.target) == (krpc.GET_PEERS, b"mnopqrstuvwxyz123456", ASKED)
    answer = parse(
        b"d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
    )
    assert isinstance(answer, Reply)
    assert answer.token == b"aoeusnth"
    assert answer.peers(4) == [("97.120.106.101", 11893), ("105.100.104.116", 28269)]
    assert answer.peers(6) == []


def test_announce_peer() -> None:
    found = parse(
        b"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e"
        b"5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
    )
    assert isinstance(found, Query)
    assert (found.method, found.token, found.port(SENDER)) == (krpc.ANNOUNCE_PEER, b"aoeusnth", 5)


def test_error() -> None:
    assert parse(b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee") == Refusal(b"aa")


# -- ours --------------------------------------------------------------------------------------------------------------


def test_what_we_write_is_what_the_beps_write() -> None:
    ping = krpc.query(krpc.PING, b"aa", ASKER, {}, read_only=False)
    assert ping == b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:v4:TH\0\x011:y1:qe"
    assert b"2:roi1e" in krpc.query(krpc.PING, b"aa", ASKER, {}, read_only=True), "BEP 43"
    answer = krpc.reply(b"aa", ASKED, b"\1\2\3\4\0\5", {})
    assert answer == b"d2:ip6:\1\2\3\4\0\x051:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:v4:TH\0\x011:y1:re"
    refused = krpc.refusal(b"aa", b"\1\2\3\4\0\5", krpc.METHOD_UNKNOWN, b"no")
    assert refused == b"d1:eli204e2:noe2:ip6:\1\2\3\4\0\x051:t2:aa1:v4:TH\0\x011:y1:ee"
    assert parse(refused) == Refusal(b"aa")


def test_our_query_is_understood() -> None:
    arguments = {b"info_hash": b"i" * 20, **krpc.want_argument((4, 6))}
    found = parse(krpc.query(krpc.GET_PEERS, b"tt", ASKER, arguments, read_only=True))
    assert isinstance(found, Query)
    assert (found.infohash, found.wanted(4), found.read_only) == (b"i" * 20, (4, 6), True)


def test_our_reply_is_understood() -> None:
    node4, node6 = b"n" * 20 + b"\1\2\3\4\0\5", b"m" * 20 + bytes(15) + b"\1\0\7"
    values = {**krpc.nodes_value(4, [node4]), **krpc.nodes_value(6, [node6]), b"values": [b"\1\2\3\4\0\5"]}
    found = parse(krpc.reply(b"tt", ASKED, b"\5\6\7\x08\0\1", values))
    assert isinstance(found, Reply)
    assert found.external == "5.6.7.8"
    assert found.nodes(4) == [(unpack(b"n" * 20), place_of(("1.2.3.4", 5)))]
    assert found.nodes(6) == [(unpack(b"m" * 20), place_of(("::1", 7)))]
    assert found.peers(4) == [("1.2.3.4", 5)]


# -- the usual reply ---------------------------------------------------------------------------------------------------


def field(key: bytes, value: bytes) -> st.SearchStrategy[bytes]:
    return st.sampled_from([b"", bencode.encode({key: value})[1:-1]])


USUAL = st.tuples(
    *(field(b"ip", b"\1\2\3\4\0\5"), st.just(b"1:rd2:id20:mnopqrstuvwxyz123456")),
    st.sampled_from([0, 7, 8]).flatmap(lambda count: field(b"nodes", (b"n" * 20 + b"\1\2\3\4\0\5") * count)),
    st.sampled_from([b"", b"1:pi6881e", b"1:pi0e", b"1:pi-1e", b"1:pi06e"]),
    st.sampled_from([3, 4, 8, 20]).flatmap(lambda size: field(b"token", b"t" * size)),
    st.sampled_from([b"", b"6:valueslee", *(b"6:valuesl%be" % (b"6:axje.u" * count) for count in (0, 1, 3))]),
    st.just(b"e1:t4:abcd"),
    *(field(b"v", b"LT\2\1"), st.sampled_from([b"1:y1:re", b"1:y1:ee", b"1:y1:re0:"])),
)


@given(USUAL, st.data())
def test_the_usual_reply_means_what_the_decoder_says(parts: Tuple[bytes, ...], data: st.DataObject) -> None:
    datagram = bytearray(b"d" + b"".join(parts))
    for at in data.draw(st.lists(st.integers(0, len(datagram) - 1), max_size=2)):
        datagram[at] = data.draw(st.integers(0, 255))
    assert parse(datagram) == krpc._decoded(datagram)


def test_a_usual_reply_with_all_fields() -> None:
    peers, nodes = [b"axje.u", b"idhtnm"], (b"n" * 20 + b"\1\2\3\4\0\5") * 8
    body = {"id": b"m" * 20, "nodes": nodes, "p": 6881, "token": b"abcdefgh", "values": peers}
    datagram = bencode.encode({"ip": b"\1\2\3\4\0\5", "r": body, "t": b"abcd", "v": b"LT\2\1", "y": "r"})
    assert krpc._match_usual_reply(datagram)
    found = parse(datagram)
    assert isinstance(found, Reply)
    assert found == krpc._decoded(datagram)
    assert (found.token, found.external, len(found.nodes(4)), len(found.peers(4))) == (b"abcdefgh", "1.2.3.4", 8, 2)


# -- fields ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("want", "families"),
    [(["n4"], (4,)), (["n6"], (6,)), (["n6", "n4", "n9", 5], (4, 6)), ([], ()), ("n4", (6,)), (5, (6,))],
)
def test_want(want: Any, families: Any) -> None:
    assert query({"want": want}).wanted(6) == families


def test_without_want_the_family_of_the_datagram_counts() -> None:
    assert (query({}).wanted(4), query({}).wanted(6)) == ((4,), (6,))


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        ({"port": 7}, 7),
        ({"port": 0}, 0),
        ({"port": 65536}, 0),
        ({"port": -1}, 0),
        ({"port": "7"}, 0),
        ({"port": 7, "implied_port": 0}, 7),
        ({"port": 7, "implied_port": 1}, 5),
        ({"implied_port": 1}, 5),
        ({"port": 7, "implied_port": "1"}, 7),
    ],
)
def test_the_port_of_an_announce(arguments: Any, port: int) -> None:
    assert query(arguments).port(SENDER) == port


def test_fields_of_another_type_or_length_are_absent() -> None:
    odd = query({"info_hash": "short", "target": 5, "token": 5}, ro="1")
    assert (odd.infohash, odd.target, odd.token, odd.read_only) == (b"", None, b"", False)
    assert query({"target": "short"}).target is None
    strange = reply({"token": 5, "nodes": 5, "nodes6": "x", "values": "x"}, ip="12345")
    assert (strange.token, strange.nodes(4), strange.nodes(6), strange.peers(4), strange.external) == (
        b"",
        [],
        [],
        [],
        "",
    )
    assert reply({"token": "t" * 200}).token == b""
    assert reply({}, ip=5).external == ""
    assert reply({}, ip=bytes(15) + b"\1\0\7").external == "::1"


def test_a_list_of_peers_of_both_families_is_sorted_out() -> None:
    both = reply({"values": [b"\1\2\3\4\0\5", bytes(15) + b"\1\0\7", b"odd", 5, b"\1\2\3\4\0\0"]})
    assert both.peers(4) == [("1.2.3.4", 5)]
    assert both.peers(6) == [("::1", 7)]


def test_few_of_many_nodes_and_peers_are_read() -> None:
    many = reply({"nodes": (b"n" * 20 + b"\1\2\3\4\0\5") * 50})
    assert len(many.nodes(4)) == MAX_NODES
    assert reply({"nodes": b"n" * 20 + b"\1\2\3\4\0\0"}).nodes(4) == []
    assert len(reply({"values": [b"\1\2\3\4\0\5"] * 150}).peers(4)) == MAX_VALUES


# -- malformed ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"d",
        b"de",
        b"le",
        b"i1e",
        b"4:ping",
        b"d1:t2:aa1:y1:qe",
        b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe",
        b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:ti5e1:y1:qe",
        b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t17:aaaaaaaaaaaaaaaaa1:y1:qe",
        b"d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe",
        b"d1:ad2:idi5ee1:q4:ping1:t2:aa1:y1:qe",
        b"d1:a20:abcdefghij01234567891:q4:ping1:t2:aa1:y1:qe",
        b"d1:ad2:id20:abcdefghij0123456789e1:qi5e1:t2:aa1:y1:qe",
        b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:xe",
        b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:yi5ee",
        b"d1:rd2:id2:mne1:t2:aa1:y1:re",
        b"d1:t2:aa1:y1:re",
        b"d1:t2:aa1:y1:ee",
        b"d1:e2:aa1:t2:aa1:y1:ee",
        b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re" + bytes(1),
    ],
)
def test_malformed(datagram: bytes) -> None:
    assert parse(datagram) is None


def test_keys_in_any_order() -> None:
    assert isinstance(parse(b"d1:y1:q1:t2:aa1:q4:ping1:ad2:id20:abcdefghij0123456789ee"), Query)


@pytest.mark.parametrize(
    "bomb",
    [
        b"l" * 11 + b"e" * 11,
        b"l" + b"i0e" * 300 + b"0:" * 210 + b"e",
        b"99999999999:x",
        b"i" + b"9" * 1000 + b"e",
        b"1400:x",
    ],
)
def test_bombs_are_refused(bomb: bytes) -> None:
    datagram = b"d1:ad2:id20:abcdefghij01234567891:x" + bomb + b"e1:q4:ping1:t2:aa1:y1:qe"
    assert len(datagram) <= MAX_RECEIVED
    assert parse(datagram) is None


def test_a_long_datagram_is_not_even_decoded() -> None:
    padding = b"x" * 1500
    datagram = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:q1:z%d:%be" % (len(padding), padding)
    assert parse(datagram) is None

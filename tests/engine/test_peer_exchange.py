"""Peer exchange on real connections: who is told of whom, whose word is taken, and what a flood costs."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

import pytest
from support.bench import COUNT, MOMENT, Bench, Guest, extension, torrent_of
from support.magnet import Magnet

from bittorrent_threads.engine.connection import Connection
from bittorrent_threads.engine.peer_exchange import LOCAL_ID, PeerExchange
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.protocol import pex
from bittorrent_threads.protocol.pex import PexMessage
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.peer_messages import EXTENDED, message

THEIR_ID = 9
PUBLIC = "93.184.216.34"
OFFER = {b"ut_pex": THEIR_ID}


def exchanging(bench: Bench, pieces: Sequence[int] = (), *, host: str = "", m: Any = OFFER, **said: Any) -> Guest:
    """Return a peer that takes peer exchange, and says what else it is told to say."""
    guest = bench.guest(pieces, extended=True, host=bench.host(host))
    guest.say(extension(m=m, **said))
    return guest


def told(*addresses: Address, dropped: Sequence[Address] = (), flags: int = 0) -> bytes:
    """Return the message of a peer."""
    payload = PexMessage(dict.fromkeys(addresses, flags), tuple(dropped)).encode()
    return message(EXTENDED, payload=bytes([LOCAL_ID]) + payload)


def heard(guest: Guest) -> List[PexMessage]:
    """Return the messages that a peer was sent."""
    return [PexMessage.parse(payload[1:]) for _, payload in guest.heard(EXTENDED) if payload[0] == THEIR_ID]


def known(bench: Bench) -> Dict[Source, int]:
    return bench.torrent.peerlist.by_source


# -- telling -----------------------------------------------------------------------------------------------------------


def test_each_peer_is_told_of_the_others_and_when_they_leave() -> None:
    bench = Bench()
    first = exchanging(bench, p=7001)
    second = exchanging(bench, range(COUNT), p=7002, e=1, m={**OFFER, b"ut_holepunch": 4})
    silent = exchanging(bench)
    bench.run(5)
    address = (silent.bench.status.peers[1].address[0], 7002)
    assert [each.added for each in heard(first)] == [{address: pex.SEED | pex.PREFERS_ENCRYPTION | pex.HOLEPUNCH}]
    assert [list(each.added) for each in heard(second)] == [[("10.1.0.1", 7001)]], "not of itself"
    assert [set(each.added) for each in heard(silent)] == [{("10.1.0.1", 7001), ("10.1.0.2", 7002)}]
    second.hang_up()
    bench.run(50)
    assert heard(first) == [], "not before a minute has passed"
    bench.run(10)
    assert [each.dropped for each in heard(first)] == [(address,)]


def test_a_peer_that_we_dialled_is_told_as_one_that_can_be_reached() -> None:
    bench = Bench()
    address, accepted = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    accepted[0].greet(peerid=b"-GU0001-abcdefghijkl", extended=True)
    accepted[0].say(extension(upload_only=1))
    other = exchanging(bench)
    bench.run(5)
    assert [each.added for each in heard(other)] == [{address: pex.OUTGOING | pex.SEED}]


def test_local_peers_are_told_to_local_peers_only() -> None:
    bench = Bench()
    local = exchanging(bench, p=7001)
    public = exchanging(bench, p=7002, host=PUBLIC)
    other = exchanging(bench, p=7003, host="9.9.9.9")
    bench.run(5)
    assert [set(each.added) for each in heard(local)] == [{(PUBLIC, 7002), ("9.9.9.9", 7003)}]
    assert [set(each.added) for each in heard(public)] == [{("9.9.9.9", 7003)}]
    assert [set(each.added) for each in heard(other)] == [{(PUBLIC, 7002)}]


def test_who_does_not_take_it_is_told_nothing() -> None:
    bench = Bench()
    exchanging(bench, p=7001)
    without = bench.guest([], extended=True)
    without.say(extension(m={}))
    bench.run(70)
    assert [payload for _, payload in without.heard(EXTENDED) if payload[0]] == []


def test_a_seed_is_told_of_no_seed() -> None:
    bench = Bench()
    seeds = [exchanging(bench, range(COUNT), p=7000 + number) for number in range(2)]
    leech = exchanging(bench)
    bench.run(5)
    assert [heard(seed) for seed in seeds] == [[], []]
    assert [len(each.added) for each in heard(leech)] == [2]


def test_a_crowd_is_told_in_parts() -> None:
    bench = Bench(settings=Settings(idle_timeout=1000.0))
    watcher = exchanging(bench)
    for number in range(60):
        exchanging(bench, p=7000 + number)
    bench.run(190)
    messages = heard(watcher)
    assert max(len(each.added) for each in messages) <= 50
    assert len({address for each in messages for address in each.added}) == 60


# -- being told --------------------------------------------------------------------------------------------------------


def test_an_address_is_dialled_and_its_source_is_shown() -> None:
    bench = Bench()
    guest = exchanging(bench)
    address, accepted = bench.open_house()
    guest.say(told(address))
    accepted[0].greet(peerid=b"-GU0001-abcdefghijkl")
    bench.run(1.5)
    assert {peer.address: peer.source for peer in bench.status.peers}[address] == "pex"
    assert {peer.source for peer in bench.status.peers} == {"pex", "incoming"}


def test_what_a_peer_drops_stays_listed() -> None:
    bench = Bench()
    guest = exchanging(bench)
    guest.say(told(("10.9.9.9", 6881)))
    bench.run(50)
    guest.say(told(("10.9.9.8", 6881), dropped=[("10.9.9.9", 6881)]))
    assert known(bench) == {Source.PEX: 2}


def test_a_seed_lists_no_seeds() -> None:
    bench = Bench(have=range(COUNT))
    exchanging(bench).say(told(("10.9.9.9", 6881), flags=pex.SEED))
    exchanging(bench).say(told(("10.9.9.8", 6881)))
    assert known(bench) == {Source.PEX: 1}


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_a_flood_lists_little_and_ends_the_connection() -> None:
    bench = Bench()
    guest = exchanging(bench)
    for number in range(10):
        guest.say(told(*[(f"10.8.{number}.{at}", 6881) for at in range(1, 51)]))
    assert guest.closed
    assert bench.reasons == ["sent 5 peer exchange messages too early"]
    assert known(bench) == {Source.PEX: 50}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"i1e", "peer exchange: not a dictionary"),
        (b"d" * 50, "peer exchange: "),
        (bytes(pex.MAX_PAYLOAD + 1), f"more than {pex.MAX_PAYLOAD}"),
    ],
)
def test_garbage_ends_the_connection(payload: bytes, reason: str) -> None:
    bench = Bench()
    guest = exchanging(bench)
    guest.say(message(EXTENDED, payload=bytes([LOCAL_ID]) + payload))
    assert guest.closed
    (said,) = bench.reasons
    assert reason in said


def test_a_public_peer_cannot_make_us_dial_our_own_network_nor_one_host_many_times() -> None:
    bench = Bench()
    guest = exchanging(bench, host=PUBLIC)
    guest.say(told(("127.0.0.1", 6881), ("192.168.1.1", 80), ("fd00::1", 6881), ("10.9.9.9", 6881)))
    assert known(bench) == {}
    bench.run(50)
    guest.say(told(*[("9.9.9.9", port) for port in range(1000, 1050)]))
    assert known(bench) == {Source.PEX: 1}


def test_one_liar_fills_no_more_than_the_share_of_its_source() -> None:
    bench = Bench(settings=Settings(max_peer_list=60))
    trackers = [(f"10.7.0.{at}", 6881) for at in range(1, 41)]
    bench.act(bench.torrent.learn, trackers, Source.TRACKER)
    guest = exchanging(bench)
    for number in range(4):
        guest.say(told(*[(f"10.8.{number}.{at}", 6881) for at in range(1, 51)]), seconds=60)
    assert known(bench)[Source.TRACKER] == 40
    assert sum(known(bench).values()) <= 60


# -- private torrents --------------------------------------------------------------------------------------------------


def test_a_private_torrent_tells_nothing_and_takes_nothing() -> None:
    bench = Bench(torrent_of(private=True))
    guests = [exchanging(bench, p=7000 + number) for number in range(3)]
    address, accepted = bench.open_house()
    guests[0].say(told(address))
    bench.run(130)
    for guest in guests:
        extended = [payload for _, payload in guest.heard(EXTENDED)]
        assert [payload[0] for payload in extended] == [0], "only the handshake"
        assert b"ut_pex" not in extended[0]
    assert accepted == []
    assert known(bench) == {Source.INCOMING: 3}


def test_a_torrent_that_turns_out_to_be_private_tells_nothing_from_then_on_and_forgets_what_it_heard() -> None:
    bench = Magnet(torrent_of(private=True))
    guests = [exchanging(bench, range(COUNT), p=7000 + number) for number in range(2)]
    guests[0].say(told(("10.9.9.9", 6881)))
    assert known(bench)[Source.PEX] == 1
    bench.give_info()
    for guest in guests:
        guest.heard()
    exchanging(bench, p=7009)
    bench.run(130)
    assert Source.PEX not in known(bench)
    assert [heard(guest) for guest in guests] == [[], []]


def test_a_handler_goes_on_when_the_metadata_comes() -> None:
    bench = Magnet()
    guest = exchanging(bench, range(COUNT))
    exchanging(bench, p=7001)
    bench.run(5)
    assert len(heard(guest)) == 1
    bench.give_info()
    exchanging(bench, p=7002)
    bench.run(65)
    assert [list(each.added) for each in heard(guest)] == [[("10.1.0.3", 7002)]], "it is not told of itself"


def test_without_the_setting_there_is_none() -> None:
    bench = Bench(settings=Settings(pex=False))
    guest = bench.guest([], extended=True)
    assert b"ut_pex" not in guest.extension_handshake()[b"m"]
    guest.say(extension(m=OFFER), told(("10.9.9.9", 6881)))
    assert known(bench) == {}


def test_while_nothing_changes_the_other_peers_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(settings=Settings(idle_timeout=1000.0))
    for number in range(20):
        exchanging(bench, p=7000 + number)
    bench.run(130)
    looks: List[object] = []
    look = PeerExchange._contacts

    def counted(self: PeerExchange, others: Sequence[Connection]) -> Dict[Address, int]:
        looks.append(self)
        return look(self, others)

    monkeypatch.setattr(PeerExchange, "_contacts", counted)
    bench.run(100)
    assert looks == []
    exchanging(bench, p=7020)
    bench.run(65)
    assert 20 <= len(looks) <= 2 * 21

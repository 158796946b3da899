"""The verbs of a torrent, as its peers and its user see them."""

from __future__ import annotations

from typing import List

import pytest
from support.bench import BLOCK, COUNT, MOMENT, PIECE_LENGTH, PORT, SIZE, TRACKER, Bench, blocks_of, torrent_of

from bittorrent_threads import events
from bittorrent_threads.testing.peer_messages import CANCEL, CHOKE, INTERESTED, NOT_INTERESTED, PIECE, REQUEST, message

FILES = (("first", 4 * PIECE_LENGTH), ("second", SIZE - 4 * PIECE_LENGTH))


# -- states ------------------------------------------------------------------------------------------------------------


def test_every_change_of_state_is_told_once() -> None:
    bench = Bench()
    for state in ("active", "paused", "paused", "stopped", "stopped", "active"):
        bench.set_state(state)
    changes = [(event.previous, event.state) for event in bench.seen(events.StateChanged)]
    assert changes == [("stopped", "active"), ("active", "paused"), ("paused", "stopped"), ("stopped", "active")]
    assert bench.status.state == "active"


def test_a_pause_takes_requests_back_and_asks_no_more() -> None:
    bench = Bench()
    seed = bench.seed()
    asked = seed.requests()
    assert len(asked) == 2 * COUNT
    bench.set_state("paused")
    assert sorted(each[1:] for each in seed.heard() if each[0] == CANCEL) == sorted(asked)
    bench.run(30)
    assert seed.requests() == []
    assert not seed.closed
    bench.set_state("active")
    seed.serve()
    assert bench.payload.have.full


def test_what_comes_in_spite_of_a_pause_is_kept() -> None:
    bench = Bench()
    seed = bench.seed()
    asked = seed.requests()
    seed.give(asked[0])
    bench.set_state("paused")
    seed.give(asked[1])
    assert bench.status.wasted == 0
    assert bench.payload.have.count == 1
    assert seed.requests() == []


def test_a_pause_chokes_and_goes_on_to_accept_and_to_dial() -> None:
    bench = Bench(have=range(6))
    leech = bench.leech(range(10))
    bench.set_state("paused")
    assert leech.heard(CHOKE)
    leech.say(message(REQUEST, 0, 0, BLOCK))
    assert leech.heard(PIECE) == []
    address, guests = bench.open_house()
    bench.act(bench.torrent.add_peer, *address)
    bench.run(MOMENT)
    assert guests
    assert not bench.guest().closed


def test_a_start_into_the_pause_announces_and_listens() -> None:
    bench = Bench(torrent_of(TRACKER), state="paused")
    seed = bench.seed()
    assert seed.heard(INTERESTED)
    assert seed.requests() == []
    assert [announce.event for announce in bench.tracker.announces] == ["started"]


def test_a_stop_closes_every_connection_with_the_reason_and_says_goodbye() -> None:
    bench = Bench(torrent_of(TRACKER))
    guests = [bench.guest(), bench.seed()]
    bench.set_state("stopped")
    assert all(guest.closed for guest in guests)
    assert bench.reasons == ["the torrent was stopped"] * 2
    assert [announce.event for announce in bench.tracker.announces] == ["started", "stopped"]
    assert PORT not in bench.network.listeners
    bench.run(1000)
    assert bench.engine.connection_limit.connections == 0
    assert len(bench.lookups.urls) == 2


def test_a_start_dials_at_once_whoever_is_known() -> None:
    bench = Bench()
    address, guests = bench.open_house()
    refused = bench.host()
    bench.act(bench.torrent.add_peer, *address)
    bench.act(bench.torrent.add_peer, refused.name, PORT)
    bench.run(MOMENT)
    guests[0].greet(peerid=b"-GU0001-aaaaaaaaaaaa")
    bench.set_state("stopped")
    bench.open_house(guests, host=refused)
    bench.set_state("active")
    assert len(guests) == 3


def test_verbs_after_the_close_do_nothing() -> None:
    bench = Bench(have=range(COUNT))
    bench.act(bench.torrent.close)
    bench.run(1)
    bench.events.clear()
    bench.set_state("active")
    bench.act(bench.torrent.close)
    assert bench.torrent.state == "stopped"
    assert bench.events == []
    assert bench.status.closed


# -- priorities --------------------------------------------------------------------------------------------------------


def test_what_is_not_wanted_any_more_is_taken_back() -> None:
    bench = Bench(torrent_of(files=FILES))
    seed = bench.seed()
    assert len(seed.requests()) == 2 * COUNT
    bench.act(bench.payload.set_priorities, [1, 0])
    bench.run(MOMENT)
    assert sorted(each[1:] for each in seed.heard(CANCEL)) == blocks_of(*range(4, COUNT))
    assert bench.status.left == 4 * PIECE_LENGTH
    seed.give(*blocks_of(*range(4)))
    assert bench.status.complete
    assert not bench.status.seed
    assert len(bench.seen(events.Completed)) == 1


def test_what_is_wanted_again_is_asked_for() -> None:
    bench = Bench(torrent_of(files=FILES), have=range(4))
    bench.act(bench.payload.set_priorities, [1, 0])
    seed = bench.seed()
    bench.run(2)
    assert seed.heard(INTERESTED, REQUEST) == []
    bench.act(bench.payload.set_priorities, [1, 1])
    bench.run(MOMENT)
    assert sorted(seed.requests()) == blocks_of(*range(4, COUNT))


def test_a_torrent_becomes_complete_when_the_rest_is_not_wanted() -> None:
    bench = Bench(torrent_of(files=FILES), have=range(4))
    seed = bench.guest([5])
    assert seed.heard(INTERESTED)
    bench.act(bench.payload.set_priorities, [1, 0])
    bench.run(MOMENT)
    assert seed.heard(NOT_INTERESTED)
    assert bench.seen(events.Completed)
    assert bench.status.left == 0


def test_wrong_priorities_change_nothing() -> None:
    bench = Bench(torrent_of(files=FILES))
    for wrong in ([1], [1, 8], [-1, 1]):
        with pytest.raises(ValueError, match="priorit"):
            bench.payload.set_priorities(wrong)
    assert bench.status.priorities == (1, 1)


def test_folders_are_made_for_what_is_wanted() -> None:
    bench = Bench(torrent_of(files=FILES), state="stopped")
    wanted: List[List[bool]] = []
    prepare = bench.payload.storage.prepare

    def record(files: List[bool], own: List[bool], deliver: object, *, writing: bool) -> None:
        wanted.append(list(files))
        prepare(files, own, deliver, writing=writing)  # type: ignore[arg-type]

    bench.payload.storage.prepare = record  # type: ignore[assignment,method-assign]
    bench.act(bench.payload.set_priorities, [0, 1])
    assert wanted == []
    bench.set_state("active")
    bench.run(1)
    bench.act(bench.payload.set_priorities, [1, 1])
    bench.run(1)
    assert wanted == [[False, True], [True, True]]


# -- peers of the user -------------------------------------------------------------------------------------------------


# -- once a second -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "size"), [("download_limit", SIZE), ("upload_limit", SIZE)])
def test_the_limits_of_a_torrent(option: str, size: int) -> None:
    rate = 50_000
    down = option == "download_limit"
    bench = Bench(have=[] if down else range(COUNT), state="stopped")
    bench.boot()
    bench.torrent = bench.add(bench.content, **{option: rate})
    bench.set_state("active")
    start = bench.world.now
    if down:
        seed = bench.seed()
        while not bench.payload.have.full:
            seed.serve()
            bench.run(MOMENT)
    else:
        leech = bench.leech()
        leech.say(*[message(REQUEST, *block) for block in blocks_of(*range(COUNT))])
        blocks = 0
        while blocks < 2 * COUNT:
            blocks += len(leech.heard(PIECE))
            bench.run(MOMENT)
    assert size / rate * 0.8 < bench.world.now - start < size / rate * 1.5


def test_pieces_come_in_order_if_the_user_wants_so() -> None:
    bench = Bench(state="stopped")
    bench.boot()
    bench.torrent = bench.add(bench.content, sequential=True)
    bench.set_state("active")
    seed = bench.seed()
    assert seed.requests() == blocks_of(*range(COUNT))


def test_the_path_of_a_file() -> None:
    bench = Bench(torrent_of(files=FILES))
    assert bench.payload.paths.path(1) == "downloads/simulated/second"


def test_a_hash_check_takes_the_files_as_they_are() -> None:
    bench = Bench()
    order: List[str] = []
    check_files = bench.payload.storage.check_files

    def record(deliver: object) -> None:
        order.append("check_files")
        check_files(deliver)  # type: ignore[arg-type]

    bench.payload.storage.check_files = record  # type: ignore[method-assign]
    bench.act(bench.payload.hashcheck, [1], lambda check: order.append("checked"))
    bench.run(1)
    assert order == ["check_files", "checked"]

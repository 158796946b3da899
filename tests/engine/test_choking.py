"""What the choker decides becomes messages; the choice itself is tested in ``swarm``."""

from __future__ import annotations

from typing import List

from support.bench import COUNT, MOMENT, Bench, Guest

from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import CHOKE, INTERESTED, NOT_INTERESTED, UNCHOKE, message

SLOTS = Settings(upload_slots=3)


def unchoked(guests: List[Guest]) -> int:
    """How many guests heard that they may ask since the last look."""
    return sum(1 for guest in guests if guest.heard(CHOKE, UNCHOKE)[-1:] == [(UNCHOKE,)])


def test_whoever_becomes_interested_is_unchoked_at_once_if_there_is_a_slot() -> None:
    bench = Bench(have=range(COUNT))
    guest = bench.guest(range(10))
    bench.run(5)
    assert guest.heard(CHOKE, UNCHOKE) == []
    guest.say(message(INTERESTED), seconds=MOMENT)
    assert guest.heard(CHOKE, UNCHOKE) == [(UNCHOKE,)]


def test_no_more_are_unchoked_than_there_are_slots() -> None:
    bench = Bench(have=range(COUNT), settings=SLOTS)
    assert unchoked([bench.leech(range(10)) for _ in range(8)]) == 3


def test_a_slot_that_becomes_free_is_given_at_once() -> None:
    bench = Bench(have=range(COUNT), settings=SLOTS)
    guests = [bench.leech(range(10)) for _ in range(4)]
    assert [bool(guest.heard(UNCHOKE)) for guest in guests] == [True, True, True, False]
    guests[0].hang_up()
    assert guests[3].heard(CHOKE, UNCHOKE) == [(UNCHOKE,)]


def test_who_lost_interest_makes_room_for_who_waits() -> None:
    bench = Bench(have=range(COUNT), settings=SLOTS)
    guests = [bench.leech(range(10)) for _ in range(4)]
    guests[3].heard()
    guests[0].say(message(NOT_INTERESTED))
    assert guests[0].heard(CHOKE, UNCHOKE)[-1] == (CHOKE,)
    assert guests[3].heard(CHOKE, UNCHOKE) == [(UNCHOKE,)]


def test_turns_change_once_in_an_interval() -> None:
    bench = Bench(have=range(COUNT), settings=SLOTS)
    guests = [bench.leech(range(10)) for _ in range(6)]
    unchoked(guests)
    bench.run(5)
    assert all(guest.heard(CHOKE, UNCHOKE) == [] for guest in guests)
    bench.run(100)
    assert all(guest.heard(CHOKE, UNCHOKE) for guest in guests)


def test_a_pause_chokes_everybody_and_a_start_unchokes_again() -> None:
    bench = Bench(have=range(COUNT))
    guests = [bench.leech(range(10)) for _ in range(3)]
    assert unchoked(guests) == 3
    bench.set_state("paused")
    assert [guest.heard(CHOKE, UNCHOKE) for guest in guests] == [[(CHOKE,)]] * 3
    bench.run(30)
    assert unchoked(guests) == 0
    bench.set_state("active")
    assert unchoked(guests) == 3

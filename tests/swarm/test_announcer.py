"""The announcer: tiers, back-off, intervals and events, an hour in a millisecond."""

from __future__ import annotations

import heapq
import math
import random
from typing import Any, Callable, Dict, List, MutableSequence, Optional, Sequence, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bittorrent_threads.protocol.announce import AnnounceReply
from bittorrent_threads.settings import Settings
from bittorrent_threads.swarm.announcer import BURST, MAX_TRACKERS, MAX_UNDER_WAY, RATE, RETRY_MIN, Announcer
from bittorrent_threads.swarm.tracker_state import Announce

A, B, C = "http://a/announce", "http://b/announce", "http://c/announce"
SETTINGS = Settings(announce_min_interval=60, announce_max_interval=7200, numwant=200)


class NoChance:
    """A random source that leaves every list as it is and every pause at its least."""

    def random(self) -> float:
        return 0.0

    def shuffle(self, x: MutableSequence[Any]) -> None:
        pass


def objection(url: str) -> str:
    return "" if url.startswith("http") else "not supported"


def announcer(*tiers: Sequence[str], started_at: Optional[float] = 0.0, **options: Any) -> Announcer:
    made = Announcer(tiers, settings=SETTINGS, random=NoChance(), objection=objection, key="beef", **options)
    if started_at is not None:
        made.start(started_at)
    return made


def short(url: str) -> str:
    return url[7:].split("/")[0]


def play(
    subject: Announcer, until: float, works: Callable[[str, float], bool], reply: Optional[AnnounceReply] = None
) -> List[Tuple[float, str, str]]:
    """Drive the announcer as the engine does, each answer taking no time; what was announced as (time, host, event)."""
    played: List[Tuple[float, str, str]] = []
    now = -math.inf
    for _ in range(10_000):
        time = subject.next_time()
        if time is None or time > until:
            return played
        now = max(now, time)
        announce = subject.due(now)
        assert announce is not None
        played.append((now, short(announce.url), announce.event))
        if works(announce.url, now):
            subject.succeeded(announce, reply or AnnounceReply(interval=1800), now)
        else:
            subject.failed(announce, "refused", now)
    raise AssertionError("it never ends")


def hosts(played: List[Tuple[float, str, str]]) -> str:
    return "".join(host for _, host, _ in played)


def up(*urls: str) -> Callable[[str, float], bool]:
    return lambda url, now: url in urls


# -- one tracker -------------------------------------------------------------------------------------------------------


def test_the_first_announce_is_immediate_and_the_next_ones_regular() -> None:
    subject = announcer([A], started_at=5.0)
    assert play(subject, 5000, up(A)) == [(5.0, "a", "started"), (1805.0, "a", ""), (3605.0, "a", "")]


def test_what_an_announce_carries() -> None:
    subject = announcer([A])
    assert subject.due(0.0) == Announce(A, "started", 200, "beef", b"")


def test_one_announce_is_under_way_at_a_time() -> None:
    subject = announcer([A], [B])
    announce = subject.due(0.0)
    assert announce is not None
    assert (subject.next_time(), subject.due(10_000.0)) == (None, None)
    subject.failed(announce, "refused", 1.0)
    assert subject.next_time() is not None


def test_nothing_happens_before_the_start_and_too_early() -> None:
    subject = announcer([A], started_at=None)
    assert (subject.next_time(), subject.due(1e9), subject.stop()) == (None, None, [])
    subject.start(100.0)
    assert subject.due(99.0) is None
    assert subject.due(100.0) is not None


def test_no_tracker_at_all() -> None:
    subject = announcer()
    subject.complete(0.0)
    assert (subject.next_time(), subject.due(1e9), subject.stop(), subject.snapshot()) == (None, None, [], ())


@pytest.mark.parametrize(
    ("interval", "min_interval", "pause"),
    [
        (None, None, 1800),
        (900, None, 900),
        (0, None, 1800),
        (5, None, 60),
        (5, 10**9, 7200),
        (10**18, None, 7200),
        (100, 600, 600),
    ],
)
def test_the_interval_has_bounds(interval: Optional[int], min_interval: Optional[int], pause: float) -> None:
    reply = AnnounceReply(interval=interval, min_interval=min_interval)
    times = [time for time, _, _ in play(announcer([A]), 8000, up(A), reply)]
    assert times[1] == pause


def test_the_tracker_id_goes_back_to_its_tracker() -> None:
    subject = announcer([A], [B])
    first = subject.due(0.0)
    assert first is not None
    subject.succeeded(first, AnnounceReply(trackerid=b"mine"), 0.0)
    second = subject.due(1800.0)
    assert second is not None
    assert second.trackerid == b"mine"
    subject.succeeded(second, AnnounceReply(), 1800.0)
    third = subject.due(3600.0)
    assert third is not None
    assert third.trackerid == b"mine"
    subject.failed(third, "refused", 3600.0)
    other = subject.due(3600.0)
    assert other is not None
    assert (other.url, other.trackerid) == (B, b"")


# -- tiers -------------------------------------------------------------------------------------------------------------


def test_each_tier_is_shuffled_within_itself() -> None:
    def order(seed: int) -> str:
        tiers = [list("abcd"), list("xyz")]
        urls = [[f"http://{host}/announce" for host in tier] for tier in tiers]
        rows = Announcer(urls, settings=SETTINGS, random=random.Random(seed), objection=objection).snapshot()
        return "".join(short(row.url) for row in rows)

    orders = {order(seed) for seed in range(50)}
    assert len(orders) > 20
    assert {"".join(sorted(found[:4])) + "".join(sorted(found[4:])) for found in orders} == {"abcdxyz"}


def test_the_next_tier_is_for_when_the_whole_tier_failed() -> None:
    played = play(announcer([A, B], [C]), 0.0, up(C))
    assert played == [(0.0, "a", "started"), (0.0, "b", "started"), (0.0, "c", "started")]
    assert hosts(play(announcer([A, B], [C]), 0.0, up(B, C))) == "ab"


def test_backups_are_asked_again_only_after_the_first_tier() -> None:
    # The example of BEP 12: tracker1, then the backups, on each announce.
    played = play(announcer([A], [B], [C]), 4000, up(C))
    assert hosts(played) == "abc" * 3


def test_who_answers_moves_to_the_front_of_its_tier() -> None:
    # The other example: 1, 2, 3 becomes 2, 1, 3 and then 3, 2, 1.
    subject = announcer([A, B, C])
    assert hosts(play(subject, 0.0, up(B))) == "ab"
    assert [short(row.url) for row in subject.snapshot()] == ["b", "a", "c"]
    assert hosts(play(subject, 1800.0, up(C))) == "bac"
    assert [short(row.url) for row in subject.snapshot()] == ["c", "b", "a"]


def test_nobody_moves_to_another_tier() -> None:
    subject = announcer([A], [B])
    play(subject, 0.0, up(B))
    assert [(short(row.url), row.tier) for row in subject.snapshot()] == [("a", 0), ("b", 1)]


def test_a_tracker_that_wants_a_pause_keeps_the_others_waiting() -> None:
    subject = announcer([A], [B])
    play(subject, 0.0, up(A, B))
    subject.reannounce(10.0)
    assert play(subject, 100.0, up(A, B)) == [(60.0, "a", "")]


# -- failures ----------------------------------------------------------------------------------------------------------


def test_the_pause_after_a_failure_doubles() -> None:
    times = [time for time, _, _ in play(announcer([A]), 12_000, up())]
    pauses = [later - earlier for earlier, later in zip(times, times[1:])]
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800, 1800, 1800, 1800]


def test_chance_spreads_the_pauses_up_to_their_double() -> None:
    firsts = set()
    for seed in range(40):
        subject = Announcer([[A]], settings=SETTINGS, random=random.Random(seed), objection=objection)
        subject.start(0.0)
        times = [time for time, _, _ in play(subject, 20_000, up())]
        firsts.add(times[1])
        assert 5 <= times[1] < 10
        assert 1800 <= times[-1] - times[-2] < 3600
    assert len(firsts) == 40


def test_success_ends_the_back_off() -> None:
    subject = announcer([A])
    play(subject, 200, lambda url, now: now > 100)
    (row,) = subject.snapshot()
    assert (row.state, row.failures, row.last_error) == ("working", 0, "")
    times = [time for time, _, _ in play(subject, 2000, up())]
    assert times[1] - times[0] == 5


def test_while_all_fail_each_is_tried_at_its_own_pace() -> None:
    played = play(announcer([A], [B]), 40, up())
    assert [(time, host) for time, host, _ in played] == [
        (time, host) for time in (0.0, 5.0, 15.0, 35.0) for host in ("a", "b")
    ]


@pytest.mark.parametrize("retry_in", [300.0, 86_400.0])
def test_a_tracker_may_ask_for_a_pause(retry_in: float) -> None:
    subject = announcer([A])
    announce = subject.due(0.0)
    assert announce is not None
    subject.failed(announce, "overloaded", 0.0, retry_in=retry_in)
    assert subject.next_time() == retry_in


def test_a_tracker_that_said_never_is_not_asked_again_before_the_next_start() -> None:
    subject = announcer([A])
    announce = subject.due(0.0)
    assert announce is not None
    subject.failed(announce, "not a tracker", 0.0, retry_in=math.inf)
    assert (subject.next_time(), subject.due(1e12)) == (None, None)
    (row,) = subject.snapshot()
    assert (row.state, row.last_error, row.next_announce) == ("refused", "not a tracker", None)
    subject.stop()
    subject.start(1.0)
    assert subject.next_time() == 1.0


def test_a_start_does_not_make_an_unusable_url_usable() -> None:
    subject = announcer(["udp://a:1/announce"], started_at=None)
    subject.start(0.0)
    assert subject.next_time() is None
    (row,) = subject.snapshot()
    assert (row.state, row.last_error) == ("refused", "not supported")


def test_a_host_that_fails_under_many_urls_is_left_alone() -> None:
    subject = announcer(*[[f"http://a/{number}/announce"] for number in range(499)], [B])
    played = play(subject, 10.0, up())
    assert [time for time, host, _ in played if host == "a"] == [0.0, 0.0, 0.0, 5.0]
    assert [time for time, host, _ in played if host == "b"] == [0.0, 5.0]
    assert len({row.url for row in subject.snapshot() if row.failures}) == 5
    assert [row.next_announce for row in subject.snapshot()][400] == 15.0


def test_an_answer_makes_the_whole_host_good_again() -> None:
    subject = announcer(*[[f"http://a/{number}/announce"] for number in range(6)])
    play(subject, 0.0, up())
    assert subject.next_time() == 5.0
    announce = subject.due(5.0)
    assert announce is not None
    subject.succeeded(announce, AnnounceReply(), 5.0)
    subject.reannounce(65.0)
    again = subject.due(65.0)
    assert again is not None
    subject.failed(again, "refused", 65.0)
    assert subject.due(65.0) is not None


def test_those_not_asked_yet_go_before_those_that_failed_in_the_same_walk() -> None:
    # Each takes 30 s to fail, longer than the pause of the first.
    subject = announcer(*[[f"http://{number}/announce"] for number in range(4)], [A])
    asked = []
    for now in range(0, 150, 30):
        announce = subject.due(float(now))
        assert announce is not None
        asked.append(short(announce.url))
        subject.failed(announce, "no answer within 30 s", now + 30.0)
    assert asked == ["0", "1", "2", "3", "a"]


def test_trackers_of_the_program_are_trusted_also_if_the_torrent_names_them_too() -> None:
    subject = announcer([A], [B])
    subject.add([[A], [C]], 0.0)
    played = []
    for _ in range(3):
        announce = subject.due(0.0)
        assert announce is not None
        played.append((short(announce.url), announce.trusted))
        subject.failed(announce, "refused", 0.0)
    assert played == [("a", True), ("b", False), ("c", True)]


def test_trackers_with_an_objection_show_it_and_are_not_asked() -> None:
    subject = announcer(["udp://u:1/announce", A])
    assert hosts(play(subject, 0.0, up(A))) == "a"
    rows = {short(row.url.replace("udp", "http")): row for row in subject.snapshot()}
    assert (rows["u:1"].state, rows["u:1"].last_error) == ("refused", "not supported")
    assert rows["a"].state == "working"


# -- events ------------------------------------------------------------------------------------------------------------


def test_started_until_it_was_accepted() -> None:
    played = play(announcer([A]), 2000, lambda url, now: now >= 15)
    assert [event for _, _, event in played] == ["started", "started", "started", ""]


def test_each_tracker_hears_started_once() -> None:
    subject = announcer([A], [B])
    played = play(subject, 5000, lambda url, now: url == B or now > 3000)
    assert [(host, event) for _, host, event in played] == [
        ("a", "started"),
        ("b", "started"),
        ("a", "started"),
        ("b", ""),
        ("a", "started"),
    ]


def test_completed_is_sent_once_and_at_once() -> None:
    subject = announcer([A])
    play(subject, 0.0, up(A))
    subject.complete(10.0)
    subject.complete(11.0)
    assert play(subject, 3000, up(A)) == [(10.0, "a", "completed"), (1810.0, "a", "")]
    subject.complete(3000.0)
    assert play(subject, 3000, up(A)) == []


def test_completed_waits_for_started() -> None:
    subject = announcer([A])
    play(subject, 0.0, up())
    subject.complete(1.0)
    assert play(subject, 30, up(A)) == [(5.0, "a", "started"), (5.0, "a", "completed")]


def test_completed_goes_to_another_tracker_when_the_first_is_gone() -> None:
    subject = announcer([A], [B])
    play(subject, 0.0, up(A))
    subject.complete(10.0)
    played = play(subject, 10.0, up(B))
    assert played == [(10.0, "a", "completed"), (10.0, "b", "started"), (10.0, "b", "completed")]
    later = play(subject, 10_000, up(A, B))
    assert [host for _, host, event in later if event == "completed"] == ["a"], "it knew us as a leecher"


def test_what_was_complete_before_the_start_is_no_event() -> None:
    subject = announcer([A], started_at=None)
    subject.complete(0.0)
    subject.start(1.0)
    assert [event for _, _, event in play(subject, 2000, up(A))] == ["started", ""]


def test_stopped_goes_to_whom_heard_started() -> None:
    subject = announcer([A], [B], [C])
    play(subject, 4000, lambda url, now: url == B or (now > 1000 and url == A))
    assert subject.stop() == [Announce(A, "stopped", 0, "beef", b""), Announce(B, "stopped", 0, "beef", b"")]
    assert subject.stop() == []
    assert subject.next_time() is None


def test_stopped_goes_to_who_may_be_hearing_started_just_now() -> None:
    subject = announcer([A])
    announce = subject.due(0.0)
    assert announce is not None
    assert [(short(stop.url), stop.event) for stop in subject.stop()] == [("a", "stopped")]
    subject.succeeded(announce, AnnounceReply(), 1.0)
    assert (subject.next_time(), subject.stop()) == (None, [])


def test_a_late_answer_does_not_disturb_the_next_run() -> None:
    subject = announcer([A])
    late = subject.due(0.0)
    assert late is not None
    subject.stop()
    subject.start(1.0)
    again = subject.due(1.0)
    assert again is not None
    subject.failed(late, "timed out", 2.0)
    assert subject.snapshot()[0].state == "announcing"
    subject.succeeded(again, AnnounceReply(), 2.0)
    assert subject.snapshot()[0].state == "working"


def test_start_begins_anew() -> None:
    subject = announcer([A])
    play(subject, 5000, up())
    subject.stop()
    subject.start(5000.0)
    subject.start(5001.0)
    assert play(subject, 5005.0, up()) == [(5000.0, "a", "started"), (5005.0, "a", "started")]


def test_a_completion_nobody_heard_of_ends_with_the_run() -> None:
    subject = announcer([A])
    play(subject, 0.0, up())
    subject.complete(1.0)
    subject.stop()
    subject.start(2.0)
    assert [event for _, _, event in play(subject, 2000, up(A))] == ["started", ""]


# -- asking again ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("min_interval", "asked", "expected"), [(None, 10.0, 60.0), (600, 10.0, 600.0), (None, 90.0, 90.0)]
)
def test_reannounce_keeps_to_the_least_interval(min_interval: Optional[int], asked: float, expected: float) -> None:
    subject = announcer([A])
    play(subject, 0.0, up(A), AnnounceReply(interval=1800, min_interval=min_interval))
    subject.reannounce(asked)
    assert subject.next_time() == expected


def test_reannounce_does_not_cut_a_back_off() -> None:
    subject = announcer([A])
    play(subject, 100, up())
    before = subject.next_time()
    subject.reannounce(100.0)
    assert subject.next_time() == before


# -- peers wanted ------------------------------------------------------------------------------------------------------

EMPTY = AnnounceReply(interval=1800)
SOME = AnnounceReply(interval=1800, peers=(("192.0.2.1", 6881),))


def ask(subject: Announcer, now: float, *full: str, empty: Sequence[str] = ()) -> str:
    """Make every announce that is due, then answer all; ``full`` name a peer, ``empty`` none, the others fail."""
    asked = []
    while True:
        announce = subject.due(now)
        if announce is None:
            break
        asked.append(announce)
    for announce in asked:
        if announce.url in full:
            subject.succeeded(announce, SOME, now)
        elif announce.url in empty:
            subject.succeeded(announce, EMPTY, now)
        else:
            subject.failed(announce, "refused", now)
    return "".join(short(announce.url) for announce in asked)


def wanting(*tiers: Sequence[str]) -> Announcer:
    subject = announcer(*tiers)
    subject.wanting = True
    return subject


def test_every_tier_is_asked_at_once_while_peers_are_wanted() -> None:
    subject = wanting([A], [B], [C])
    assert ask(subject, 0.0, B, empty=[A]) == "abc"
    assert subject.next_time() == 5.0
    assert ask(subject, 5.0) == "c"
    assert ask(subject, 1800.0, A, B, C) == "abc"


def test_in_a_tier_the_next_is_asked_if_one_names_nobody() -> None:
    subject = wanting([A, B, C])
    assert ask(subject, 0.0, empty=[A]) == "a"
    assert ask(subject, 0.0, B) == "b"
    assert ask(subject, 0.0) == ""
    assert [short(row.url) + row.state for row in subject.snapshot()] == ["bworking", "aworking", "cunused"]
    assert ask(subject, 1800.0, B) == "b", "the first that names peers suffices"
    assert {short(stop.url) for stop in subject.stop()} == {"a", "b"}


def test_trackers_that_answered_are_told_at_their_interval_though_they_name_nobody() -> None:
    subject = wanting([A, B], [C])
    assert ask(subject, 0.0, empty=[A, C]) == "ac"
    assert ask(subject, 0.0, empty=[B]) == "b"
    subject.reannounce(10.0)
    assert subject.next_time() == 60.0
    assert sorted(ask(subject, 60.0, empty=[A, B, C])) == ["a", "b", "c"]


def test_named_peers_that_cannot_be_reached_do_not_hide_the_next_of_the_tier() -> None:
    subject = wanting([A, B])
    assert ask(subject, 0.0, A) == "a"
    assert ask(subject, 100.0) == ""
    subject.lonely = True
    assert ask(subject, 100.0, B) == "b"


def test_peers_in_another_answer_to_the_same_announce_count() -> None:
    subject = wanting([A, B])
    assert ask(subject, 0.0, empty=[A]) == "a"
    subject.named(A, 3)
    subject.named(A, 0)
    assert ask(subject, 0.0) == ""


def test_without_want_it_is_one_tracker_after_the_other() -> None:
    subject = announcer([A, B], [C])
    assert ask(subject, 0.0, empty=[A]) == "a"
    assert ask(subject, 1000.0) == ""
    subject.wanting = True
    assert ask(subject, 1000.0, B, C) == "bc"
    subject.wanting = False
    assert ask(subject, 3000.0, B) == "b"


def test_all_are_announced_to_if_that_is_set() -> None:
    settings = SETTINGS.replace(announce_to_all=True)
    subject = Announcer([[A, B], [C]], settings=settings, random=NoChance(), objection=objection)
    subject.start(0.0)
    assert ask(subject, 0.0, A, B, C) == "abc"
    assert sorted(ask(subject, 1800.0, A, B, C)) == ["a", "b", "c"]


def test_only_so_many_announces_are_under_way() -> None:
    subject = wanting(*[[f"http://{number}/announce"] for number in range(20)])
    announces = [subject.due(0.0) for _ in range(20)]
    assert [announce is not None for announce in announces] == [True] * MAX_UNDER_WAY + [False] * (20 - MAX_UNDER_WAY)
    assert subject.next_time() is None
    subject.failed(announces[3] or Announce("", "", 0, "", b""), "refused", 1.0)
    following = subject.due(1.0)
    assert following is not None
    assert short(following.url) == "8"


def test_many_trackers_are_asked_at_a_pace_and_a_completion_waits_for_none() -> None:
    subject = wanting(*[[f"http://{number}/announce"] for number in range(200)])
    played = play(subject, 10.0, lambda url, now: url == "http://0/announce")
    assert sum(now == 0.0 for now, _, _ in played) == BURST
    assert len(played) == BURST + 10 * RATE
    subject.complete(10.0)
    made = subject.due(10.0)
    assert made is not None
    assert (made.url, made.event) == ("http://0/announce", "completed")
    assert [row.shown for row in announcer(["http://u:p@h/announce"]).snapshot()] == ["http://u:***@h/announce"]


def test_each_tracker_that_knew_a_leecher_hears_of_its_completion() -> None:
    subject = wanting([A], [B], [C])
    assert ask(subject, 0.0, A, B) == "abc"
    subject.complete(1.0)
    subject.wanting = False
    asked = [subject.due(1.0), subject.due(1.0), subject.due(1.0)]
    assert [(short(made.url), made.event) for made in asked if made] == [("a", "completed"), ("b", "completed")]
    for made in asked:
        if made:
            subject.succeeded(made, SOME, 1.0)
    assert ask(subject, 1000.0) == ""


def test_a_stop_overtakes_all_that_is_under_way() -> None:
    subject = wanting([A], [B])
    first, second = subject.due(0.0), subject.due(0.0)
    assert first is not None
    assert second is not None
    assert [short(stop.url) for stop in subject.stop()] == ["a", "b"]
    subject.succeeded(first, SOME, 1.0)
    subject.failed(second, "refused", 1.0)
    assert subject.stop() == []
    assert [row.state for row in subject.snapshot()] == ["unused", "unused"]


def test_a_forgiving_reannounce_cuts_our_own_back_off_and_not_a_pause_asked_for() -> None:
    subject = wanting([A], [B], [C])
    play(subject, 100.0, up())
    for now in (200.0, 400.0):
        announce = subject.due(now)
        assert announce is not None
        subject.failed(announce, "busy", now, **({"retry_in": 900.0} if now == 200.0 else {"interval": 900.0}))
    subject.reannounce(500.0, forgiving=True)
    assert ask(subject, 500.0) == "c"


def test_an_interval_in_a_failure_is_the_least_pause() -> None:
    subject = announcer([A])
    announce = subject.due(0.0)
    assert announce is not None
    subject.failed(announce, "busy", 0.0, interval=3600.0)
    assert subject.next_time() == 3600.0
    announce = subject.due(3600.0)
    assert announce is not None
    subject.failed(announce, "busy", 3600.0, interval=1.0)
    assert subject.next_time() == 3610.0


# -- the table ---------------------------------------------------------------------------------------------------------


def test_add() -> None:
    subject = announcer([A])
    play(subject, 0.0, up())
    subject.add([[B, C], [], [A, B]], 0.0)
    rows = [(short(row.url), row.tier) for row in subject.snapshot()]
    assert sorted(rows) == [("a", 0), ("b", 1), ("c", 1)]
    assert hosts(play(subject, 4.0, up())) == "abc", "the first is trusted from now on"


def test_what_is_added_is_asked_at_once_while_peers_are_wanted() -> None:
    subject = announcer([A])
    subject.wanting = True
    play(subject, 100.0, up(A))
    subject.add([[B]], 50.0)
    assert play(subject, 100.0, up(A, B)) == [(50.0, "b", "started")]


def test_a_tracker_stands_once_and_the_table_has_an_end() -> None:
    subject = announcer([A, B, A], [B], [f"http://{number}/announce" for number in range(1000)])
    rows = subject.snapshot()
    assert len(rows) == len({row.url for row in rows}) == MAX_TRACKERS


def test_snapshot() -> None:
    subject = announcer([A], [B], [C])
    assert [row.state for row in subject.snapshot()] == ["unused"] * 3
    announce = subject.due(0.0)
    assert announce is not None
    assert [row.state for row in subject.snapshot()] == ["announcing", "unused", "unused"]
    subject.failed(announce, "refused", 0.0)
    reply = AnnounceReply(interval=900, complete=3, incomplete=4, downloaded=5, warning="careful")
    play(subject, 0.0, up(B), reply)
    first, second, third = subject.snapshot()
    assert (first.state, first.last_error, first.failures, first.next_announce) == ("failing", "refused", 1, 900.0)
    assert second._replace(url="") == ("", B, 1, "working", "", "careful", 900.0, 900.0, 3, 4, 5, 0, 0)
    assert (third.state, third.next_announce) == ("unused", None)
    subject.stop()
    assert [row.next_announce for row in subject.snapshot()] == [None] * 3


# -- whatever happens --------------------------------------------------------------------------------------------------


OUTCOMES = st.lists(st.sampled_from(["accepted", "accepted", "refused", "held", "never", "busy", ""]), max_size=12)
"""What becomes of each announce that is made; those left, and those of an empty string, stay under way."""


class AnnouncerMachine(RuleBasedStateMachine):
    """Eleven trackers in ten tiers do what they like; the promises to each of them are kept all the same."""

    @initialize(seed=st.integers(0, 9), shared_host=st.booleans(), everywhere=st.booleans(), wanting=st.booleans())
    def make(self, seed: int, shared_host: bool, everywhere: bool, wanting: bool) -> None:
        path = "http://h/{}/announce" if shared_host else "http://{}/announce"
        self.urls = [path.format(number) for number in range(11)]
        tiers = [self.urls[:2], *[[url] for url in self.urls[2:]]]
        settings = SETTINGS.replace(announce_to_all=everywhere)
        self.subject = Announcer(tiers, settings=settings, random=random.Random(seed), objection=objection)
        self.subject.wanting = wanting
        self.now = 1000.0
        self.running = False
        self.completed = False
        """The download ended in a run."""
        self.told: Set[str] = set()
        """Which trackers accepted ``completed``."""
        self.accepted: Set[str] = set()
        """Which trackers count us in."""
        self.under_way: Dict[str, Announce] = {}
        self.overtaken: List[Announce] = []
        """Those that a stop overtook."""
        self.welcome_at = dict.fromkeys(self.urls, -math.inf)
        self.made: List[float] = []
        """When announces were made, those of a completion aside."""
        self.start()

    @rule()
    def start(self) -> None:
        self.subject.start(self.now)
        if not self.running:
            self.running = True
            self.backed_off_until = dict.fromkeys(self.urls, -math.inf)
            self.held_until = dict.fromkeys(self.urls, -math.inf)

    @rule()
    def stop(self) -> None:
        told = [announce.url for announce in self.subject.stop()]
        assert sorted(told) == sorted(self.accepted | set(self.under_way)), "all that may count us in, and no other"
        self.running = False
        self.accepted.clear()
        self.overtaken += self.under_way.values()
        self.under_way.clear()

    @rule(wanting=st.booleans(), lonely=st.booleans())
    def look(self, wanting: bool, lonely: bool) -> None:
        self.subject.wanting, self.subject.lonely = wanting, lonely

    @rule()
    def complete(self) -> None:
        self.completed |= self.running
        self.subject.complete(self.now)

    @rule(forgiving=st.booleans())
    def reannounce(self, forgiving: bool) -> None:
        self.subject.reannounce(self.now, forgiving=forgiving)
        if forgiving:
            self.backed_off_until = dict.fromkeys(self.urls, -math.inf)

    @rule(seconds=st.sampled_from([0, 1, 6, 61, 700, 4000]), outcomes=OUTCOMES)
    def ask(self, seconds: float, outcomes: List[str]) -> None:
        self.now += seconds
        promised = self.subject.next_time()
        made = 0
        announce = self.subject.due(self.now)
        assert (announce is not None) == (promised is not None and promised <= self.now)
        while announce is not None:
            self.check(announce)
            self.under_way[announce.url] = announce
            made += 1
            if outcomes:
                self.end(announce.url, outcomes.pop())
            announce = self.subject.due(self.now)
            assert made < 100, "it never ends"

    @rule(outcomes=OUTCOMES)
    def answer(self, outcomes: List[str]) -> None:
        for url, outcome in zip(list(self.under_way), outcomes):
            self.end(url, outcome)

    @rule()
    def answer_late(self) -> None:
        for announce in self.overtaken:
            self.subject.succeeded(announce, SOME, self.now)
            self.subject.failed(announce, "refused", self.now)

    def check(self, announce: Announce) -> None:
        url = announce.url
        assert self.running
        assert url not in self.under_way
        assert len(self.under_way) < MAX_UNDER_WAY
        assert self.now >= max(self.held_until[url], self.backed_off_until[url])
        assert (announce.event == "started") == (url not in self.accepted)
        if announce.event == "":
            assert self.now >= self.welcome_at[url], "not before the least interval"
        if announce.event == "completed":
            assert self.completed
            assert url not in self.told
        else:
            self.made.append(self.now)
            assert len([time for time in self.made if time > self.now - 5.0]) <= BURST + 5 * RATE

    def end(self, url: str, outcome: str) -> None:
        if not outcome:
            return
        announce = self.under_way.pop(url)
        if outcome == "accepted":
            self.subject.succeeded(announce, AnnounceReply(min_interval=900 if url == self.urls[0] else None), self.now)
            self.accepted.add(url)
            if announce.event == "completed":
                self.told.add(url)
            self.welcome_at[url] = self.now + (900 if url == self.urls[0] else 60)
            self.held_until[url] = self.backed_off_until[url] = -math.inf
            return
        retry_in = {"held": 600.0, "never": math.inf}.get(outcome)
        interval = 99.0 if outcome == "busy" else 0.0
        self.subject.failed(announce, outcome, self.now, retry_in=retry_in, interval=interval)
        self.backed_off_until[url] = self.now + RETRY_MIN
        self.held_until[url] = self.now + max(retry_in or 0.0, interval)

    @invariant()
    def rows_tell_the_state(self) -> None:
        rows = self.subject.snapshot()
        assert sorted(row.url for row in rows) == sorted(self.urls)
        assert {row.url for row in rows if row.state == "announcing"} == set(self.under_way)
        if not self.running:
            assert self.subject.next_time() is None
            assert self.subject.due(self.now) is None


TestAnnouncerMachine = AnnouncerMachine.TestCase


MOODS = ("names peers", "names none", "refuses", "is slow")


@given(st.lists(st.lists(st.sampled_from(MOODS), min_size=1, max_size=6), max_size=20), st.integers(0, 99))
def test_while_peers_are_wanted_every_tier_is_asked_until_it_names_peers(tiers: List[List[str]], seed: int) -> None:
    urls = [[f"http://{tier}.{place}/announce" for place in range(len(row))] for tier, row in enumerate(tiers)]
    moods = {url: mood for names, row in zip(urls, tiers) for url, mood in zip(names, row)}
    subject = Announcer(urls, settings=SETTINGS, random=random.Random(seed), objection=objection)
    subject.wanting = True
    subject.start(0.0)
    now, timeout = 0.0, 15.0
    longest = max(map(len, tiers), default=0)
    limit = (longest + len(moods) / MAX_UNDER_WAY) * timeout + len(moods) / RATE
    answered: Set[str] = set()
    ends: List[Tuple[float, int, Announce]] = []
    made = 0
    while True:
        announce = subject.due(now)
        if announce is not None:
            made += 1
            assert made <= BURST + RATE * now, "paced"
            heapq.heappush(ends, (now + (timeout if moods[announce.url] == "is slow" else 0.1), made, announce))
            continue
        times = [subject.next_time(), *(time for time, _, _ in ends[:1])]
        now = max(now, min((time for time in times if time is not None), default=math.inf))
        if now > limit:
            break
        while ends and ends[0][0] <= now:
            _, _, announce = heapq.heappop(ends)
            answered.add(announce.url)
            mood = moods[announce.url]
            if mood.startswith("names"):
                subject.succeeded(announce, SOME if mood == "names peers" else EMPTY, now)
            else:
                subject.failed(announce, mood, now)
    for names in urls:
        assert answered.issuperset(names) or any(moods[url] == "names peers" for url in answered.intersection(names))


# -- private torrents (BEP 27) -----------------------------------------------------------------------------------------


def private(*tiers: Sequence[str]) -> Announcer:
    subject = announcer(*tiers)
    subject.private = subject.wanting = True
    return subject


def test_a_private_torrent_uses_one_tracker_though_it_wants_peers() -> None:
    played = play(private([A, B], [C]), 4000, up(A, B, C))
    assert hosts(played) == "aaa"


def test_it_uses_one_tracker_though_all_are_to_be_announced_to() -> None:
    subject = Announcer(
        [[A], [B]], settings=SETTINGS.replace(announce_to_all=True), random=NoChance(), objection=objection
    )
    subject.private = True
    subject.start(0.0)
    assert hosts(play(subject, 4000, up(A, B))) == "aaa"


def test_it_goes_on_to_the_next_tracker_when_its_own_fails_and_stays_there() -> None:
    played = play(private([A], [B], [C]), 9000, lambda url, now: url != A or now > 100)
    assert hosts(played) == "abbbbbb"


def test_it_returns_when_the_other_fails() -> None:
    subject = private([A], [B])
    played = play(subject, 4000, lambda url, now: (url == A) == (now > 2000))
    assert hosts(played).startswith("ab")
    assert hosts(played).endswith("a")
    assert hosts(played[1:]).count("ba") == 1


def test_a_switch_is_told_once() -> None:
    subject = private([A], [B])
    told: List[bool] = []
    for works in (True, False, True, True):
        time = subject.next_time()
        assert time is not None
        announce = subject.due(time)
        assert announce is not None
        if works:
            told.append(subject.succeeded(announce, AnnounceReply(interval=1800), time))
        else:
            subject.failed(announce, "refused", time)
    assert told == [False, True, False]


def test_a_new_run_is_no_switch_and_a_public_torrent_has_none() -> None:
    subject = private([A], [B])
    play(subject, 100, up(A))
    subject.stop()
    subject.start(200.0)
    first = subject.due(200.0)
    assert first is not None
    subject.failed(first, "refused", 200.0)
    second = subject.due(200.0)
    assert second is not None
    assert second.url == B
    assert not subject.succeeded(second, AnnounceReply(), 200.0)
    public = announcer([A], [B])
    public.wanting = True
    one, other = public.due(0.0), public.due(0.0)
    assert one is not None
    assert other is not None
    assert not public.succeeded(one, AnnounceReply(), 0.0)
    assert not public.succeeded(other, AnnounceReply(), 0.0)


def test_its_completion_is_told_to_the_tracker_that_is_used_and_no_other() -> None:
    subject = private([A], [B])
    play(subject, 100, up(A))
    play(subject, 2000, up(B))
    subject.complete(2000.0)
    assert [(host, event) for _, host, event in play(subject, 2100, up(A, B))] == [("b", "completed")]


def test_what_is_scraped() -> None:
    subject = announcer(["udp://x"], [A], [B])
    assert [tracker.url for tracker in subject.scraped()] == ["udp://x", A, B]
    subject.private = True
    assert [tracker.url for tracker in subject.scraped()] == [A]
    play(subject, 100, up(B))
    assert [tracker.url for tracker in subject.scraped()] == [B]


# -- other trackers while it runs --------------------------------------------------------------------------------------


def urls(subject: Announcer) -> List[Tuple[int, str]]:
    return [(row.tier, short(row.url)) for row in subject.snapshot()]


def test_a_removed_tracker_that_knew_us_is_told_stopped() -> None:
    subject = announcer([A, B], [C])
    play(subject, 100, up(A))
    stopped = subject.remove({A, C, "http://unknown/"}, 100.0)
    assert [(announce.url, announce.event, announce.numwant) for announce in stopped] == [(A, "stopped", 0)]
    assert urls(subject) == [(0, "b")]
    assert hosts(play(subject, 4000, up(A, B, C))) == "bbb", "at once, as the tracker that was used is gone"


def test_a_removed_tracker_may_be_named_as_it_is_shown() -> None:
    secret = "http://a/announce?passkey=0123456789abcdef0123"
    subject = announcer([secret], [B])
    subject.remove({"http://a/announce?passkey=***"}, 0.0)
    assert urls(subject) == [(0, "b")]


def test_the_answer_of_a_removed_tracker_is_ignored_and_it_is_told_stopped() -> None:
    subject = announcer([A])
    announce = subject.due(0.0)
    assert announce is not None
    assert [each.event for each in subject.remove({A}, 0.5)] == ["stopped"]
    assert not subject.failed(announce, "late", 1.0)
    assert not subject.succeeded(announce, AnnounceReply(), 1.0)
    assert (subject.next_time(), subject.snapshot()) == (None, ())


def test_nobody_is_told_anything_by_a_torrent_that_is_stopped() -> None:
    subject = announcer([A], [B])
    play(subject, 100, up(A))
    subject.stop()
    assert subject.remove({A}, 200.0) == []
    assert subject.replace([[C]], 200.0) == []
    assert urls(subject) == [(0, "c")]


def test_replaced_trackers_keep_what_is_known_of_those_that_stay() -> None:
    subject = announcer([A], [B])
    play(subject, 100, up(A))
    stopped = subject.replace([[C, A], [A]], 100.0)
    assert stopped == []
    assert urls(subject) == [(0, "c"), (0, "a")]
    assert hosts(play(subject, 200, up(C))) == ""
    (row,) = [row for row in subject.snapshot() if row.url == A]
    assert (row.state, row.failures) == ("working", 0)
    played = play(subject, 2000, up(A, C))
    assert played == [(1800.0, "c", "started")]


def test_replaced_by_nothing() -> None:
    subject = announcer([A], [B])
    play(subject, 100, up(A))
    assert [announce.url for announce in subject.replace([], 100.0)] == [A]
    assert (subject.snapshot(), subject.next_time()) == ((), None)


def test_the_tracker_that_a_private_torrent_used_is_gone() -> None:
    subject = private([A], [B])
    play(subject, 100, up(A))
    subject.remove({A}, 100.0)
    announce = subject.due(100.0)
    assert announce is not None
    assert announce.url == B
    assert subject.succeeded(announce, AnnounceReply(), 100.0), "its peers are to be left"

"""What a peer is told of the others: the difference to what it knows, fifty at a time, once a minute."""

from __future__ import annotations

from typing import Dict, List, Optional, Set, Tuple

from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.protocol.addresses import Address
from bittorrent_threads.protocol.pex import MAX_CONTACTS, SEED, PexMessage
from bittorrent_threads.swarm.pex_news import FIRST_DELAY, INTERVAL, LONGEST, SHARE, PexNews, interval

START = 100.0


def contacts(*numbers: int) -> Dict[Address, int]:
    return {(f"10.0.{number // 256}.{number % 256}", 6881): number % 32 for number in numbers}


def told(message: Optional[PexMessage]) -> Tuple[List[Address], List[Address]]:
    assert message is not None
    return list(message.added), list(message.dropped)


def test_the_first_message_waits_a_moment_and_the_others_a_minute() -> None:
    news = PexNews(START)
    now = START + FIRST_DELAY
    assert not news.due(now - 0.1)
    assert news.due(now)
    assert news.message({}, now) is None
    assert news.due(now), "nothing was sent"
    assert news.message(contacts(1), now) == PexMessage(contacts(1))
    assert not news.due(now + INTERVAL - 0.1)
    assert news.due(now + INTERVAL)
    assert news.message(contacts(1), now + INTERVAL) is None


def test_a_message_tells_the_difference() -> None:
    news = PexNews(START)
    news.message(contacts(1, 2), START)
    assert told(news.message(contacts(2, 3), START)) == (list(contacts(3)), list(contacts(1)))
    assert told(news.message({}, START)) == ([], list(contacts(2, 3)))


def test_what_comes_and_goes_between_two_messages_is_not_told() -> None:
    news = PexNews(START)
    news.message(contacts(1), START)
    assert news.message(contacts(1), START) is None


def test_what_does_not_fit_waits_for_the_next_message() -> None:
    news = PexNews(START)
    crowd = contacts(*range(120))
    sizes = [len(told(news.message(crowd, START))[0]) for _ in range(3)]
    assert sizes == [MAX_CONTACTS, MAX_CONTACTS, 20]
    sizes = [len(told(news.message({}, START))[1]) for _ in range(3)]
    assert sizes == [MAX_CONTACTS, MAX_CONTACTS, 20]
    assert news.message({}, START) is None


def test_a_seed_is_told_of_no_seed_and_of_each_that_left() -> None:
    news = PexNews(START)
    assert told(news.message({**contacts(1), ("10.9.9.9", 1): SEED}, START, seeds=False))[0] == list(contacts(1))
    news.message({("10.9.9.9", 1): SEED}, START)
    assert news.message({("10.9.9.9", 1): SEED}, START, seeds=False) is None, "it did not leave"
    assert told(news.message({}, START, seeds=False)) == ([], [("10.9.9.9", 1)])


@given(st.lists(st.sets(st.integers(0, 150), max_size=130), max_size=8))
def test_the_peer_is_told_the_truth_in_the_end(rounds: List[Set[int]]) -> None:
    news = PexNews(START)
    believed: Set[Address] = set()
    for present in [*rounds, *[rounds[-1] if rounds else set()] * 4]:
        message = news.message(contacts(*present), START)
        if message is None:
            continue
        assert not set(message.added) & set(message.dropped)
        assert len(message.added) + len(message.dropped) > 0
        assert max(len(message.added), len(message.dropped)) <= MAX_CONTACTS
        assert not believed & set(message.added), "nothing is added twice"
        assert set(message.dropped) <= believed
        believed = (believed | set(message.added)) - set(message.dropped)
    assert believed == set(contacts(*(rounds[-1] if rounds else ())))


def test_at_a_low_limit_messages_come_less_often() -> None:
    assert interval(20, 0) == interval(20, 1_000_000) == INTERVAL
    seldom = interval(20, 600)
    assert 20 * LONGEST / seldom == 600 / SHARE, "bytes a second"
    news = PexNews(0)
    assert not news.due(seldom - INTERVAL, seldom)
    assert news.due(seldom - INTERVAL + FIRST_DELAY, seldom)

"""Uploads: requests are written ``index:begin+length`` in units of 16 KiB."""

from __future__ import annotations

import random
from typing import List, Optional

import pytest

from bittorrent_threads.metainfo.layout import BLOCK, Layout
from bittorrent_threads.swarm.uploads import FAST_COPIES, MAX_LENGTH, MAX_MISLED, MAX_REFUSED, Request, Run, Uploads

LAYOUT = Layout([16 * BLOCK * 10 + 20000], 16 * BLOCK)
"""Ten pieces of 16 blocks, and one of 20,000 bytes."""

TINY = Layout([10 * BLOCK], BLOCK)

ACCEPTED, REJECTED, IGNORED = "accepted", "rejected", "ignored"


def make(*, fast: bool = True, reqq: int = 2000, layout: Layout = LAYOUT) -> Uploads:
    return Uploads(layout=layout, reqq=reqq, fast=fast)


def request(
    uploads: Uploads,
    index: int,
    begin: int,
    length: int,
    *,
    available: bool = True,
    choked: bool = False,
    allowed: bool = False,
) -> str:
    before = len(uploads)
    asked = [(index, begin, length)]
    rejected = uploads.add(index, asked, available=available, choked=choked, allowed_fast=allowed)
    assert rejected in ([], asked)
    assert len(uploads) - before in (0, 1)
    if rejected:
        assert len(uploads) == before
        return REJECTED
    return ACCEPTED if len(uploads) > before else IGNORED


def parse(text: str) -> Request:
    index, _, rest = text.partition(":")
    begin, _, length = rest.partition("+")
    return int(index), int(begin) * BLOCK, int(length or 1) * BLOCK


def ask(uploads: Uploads, text: str, *, choked: bool = False, allowed: bool = False) -> None:
    for word in text.split():
        assert request(uploads, *parse(word), choked=choked, allowed=allowed) == ACCEPTED


def show(run: Optional[Run]) -> str:
    if run is None:
        return "-"
    assert run.requests[0][:2] == (run.index, run.begin)
    assert sum(length for _, _, length in run.requests) == run.length
    return f"{run.index}:{run.begin // BLOCK}+{run.length // BLOCK}"


def drain(uploads: Uploads, blocks: int = 1000) -> str:
    runs: List[str] = []
    while uploads:
        (run,) = uploads.take(blocks * BLOCK)
        runs.append(show(run))
    assert len(uploads) == 0
    assert uploads.take(blocks * BLOCK) == []
    return " ".join(runs)


# -- runs --------------------------------------------------------------------------------------------------------------


def test_nothing_waits() -> None:
    uploads = make()
    assert uploads.take(1000) == []
    assert len(uploads) == 0


@pytest.mark.parametrize(
    ("asked", "most", "runs"),
    [
        ("1:0", 100, "1:0+1"),
        ("1:0 1:1 1:2 1:3", 100, "1:0+4"),
        ("1:0 1:1 1:2 1:3 1:4", 2, "1:0+2 1:2+2 1:4+1"),
        ("1:0 1:1 2:2 2:3", 100, "1:0+2 2:2+2"),
        ("1:0 2:1 1:1", 100, "1:0+1 2:1+1 1:1+1"),
        ("1:15 2:0", 100, "1:15+1 2:0+1"),
        ("1:2 1:1 1:0", 100, "1:2+1 1:1+1 1:0+1"),
        ("1:0 1:2", 100, "1:0+1 1:2+1"),
        ("1:0+2 1:2+1 1:3+4", 100, "1:0+7"),
        ("1:0+2 1:2+2 1:4+2", 5, "1:0+4 1:4+2"),
        ("1:0+4 1:4+1", 3, "1:0+4 1:4+1"),
        ("0:0 0:1", 0, "0:0+1 0:1+1"),
    ],
)
def test_runs(asked: str, most: int, runs: str) -> None:
    uploads = make()
    ask(uploads, asked)
    assert len(uploads) == len(asked.split())
    assert drain(uploads, most) == runs


def test_run_tells_each_request() -> None:
    uploads = make()
    assert request(uploads, 10, 0, BLOCK) == ACCEPTED
    assert request(uploads, 10, BLOCK, 20000 - BLOCK) == ACCEPTED
    assert uploads.take(1 << 20) == [Run(10, 0, 20000, [(10, 0, BLOCK), (10, BLOCK, 20000 - BLOCK)])]


@pytest.mark.parametrize(
    ("most", "enough", "runs"),
    [
        (9, 1, "1:0+2"),
        (9, 2, "1:0+2"),
        (9, 3, "1:0+2 3:5+1"),
        (9, 4, "1:0+2 3:5+1 3:9+3"),
        (5, 5, "1:0+2 3:5+1 3:9+2"),
        (9, 9, "1:0+2 3:5+1 3:9+3 4:0+1"),
        (1, 5, "1:0+1"),
        (0, 5, "1:0+1"),
    ],
)
def test_as_many_runs_as_are_needed(most: int, enough: int, runs: str) -> None:
    uploads = make()
    ask(uploads, "1:0 1:1 3:5 3:9 3:10 3:11 4:0")
    taken = uploads.take(most * BLOCK, enough * BLOCK)
    assert " ".join(map(show, taken)) == runs
    assert len(uploads) == 7 - sum(len(run.requests) for run in taken)


def test_a_request_can_be_made_again_once_it_was_taken() -> None:
    uploads = make()
    ask(uploads, "1:0")
    uploads.take(BLOCK)
    ask(uploads, "1:0")
    assert len(uploads) == 1


def test_doubles_are_answered_once() -> None:
    uploads = make()
    ask(uploads, "1:0 1:1")
    assert request(uploads, *parse("1:0")) == IGNORED
    assert drain(uploads) == "1:0+2"


def test_random_requests_come_out_in_order_and_whole() -> None:
    chance = random.Random(4)
    uploads, waiting = make(), []
    for _ in range(3000):
        block = (chance.randrange(3), chance.randrange(16) * BLOCK, BLOCK)
        what = chance.random()
        if what < 0.6:
            assert request(uploads, *block) == (IGNORED if block in waiting else ACCEPTED)
            if block not in waiting:
                waiting.append(block)
        elif what < 0.8:
            assert uploads.cancel(*block) is (block in waiting)
            if block in waiting:
                waiting.remove(block)
        else:
            most = chance.randrange(1, 6)
            enough = chance.choice([1, most * BLOCK])
            runs = uploads.take(most * BLOCK, enough)
            taken = [block for run in runs for block in run.requests]
            assert sum(run.length for run in runs) <= most * BLOCK
            assert enough == 1 or len(taken) == min(most, len(waiting))
            assert taken == waiting[: len(taken)]
            assert bool(taken) is bool(waiting)
            del waiting[: len(taken)]
        assert len(uploads) == len(waiting)
    assert uploads.failed == ""


def test_many_at_once_are_taken_in_order_and_each_refused_for_itself() -> None:
    uploads = make(reqq=4)
    blocks = [parse(f"3:{number}") for number in range(4)]
    asked = [blocks[0], (3, 1, 0), blocks[1], blocks[0], blocks[2], (3, 16 * BLOCK, BLOCK), blocks[3], parse("3:9")]
    rejected = uploads.add(3, asked, available=True, choked=False, allowed_fast=False)
    assert rejected == [(3, 1, 0), (3, 16 * BLOCK, BLOCK), parse("3:9")]
    assert uploads.take(1 << 20) == [Run(3, 0, 4 * BLOCK, blocks)]


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "begin", "length"),
    [
        (11, 0, BLOCK),
        (-1, 0, BLOCK),
        (2**32 - 1, 0, BLOCK),
        (0, 0, 0),
        (0, 0, MAX_LENGTH + 1),
        (0, 16 * BLOCK, 1),
        (0, 16 * BLOCK - 1, 2),
        (0, 2**32 - 1, BLOCK),
        (0, -1, BLOCK),
        (0, 0, -1),
        (10, BLOCK, BLOCK),
        (10, 20000, 1),
    ],
)
def test_what_is_no_block_is_rejected(index: int, begin: int, length: int) -> None:
    uploads = make()
    assert request(uploads, index, begin, length) == REJECTED
    assert len(uploads) == 0
    assert uploads.failed == ""
    ask(uploads, "0:15 1:0")
    assert request(uploads, index, begin, length) == REJECTED


def test_odd_requests_within_a_piece_are_filled() -> None:
    uploads = make()
    assert request(uploads, 0, 1, 1) == ACCEPTED
    assert request(uploads, 0, 2, MAX_LENGTH) == ACCEPTED
    assert request(uploads, 10, 19999, 1) == ACCEPTED
    assert uploads.take(1 << 20) == [Run(0, 1, 1 + MAX_LENGTH, [(0, 1, 1), (0, 2, MAX_LENGTH)])]


def test_pieces_we_do_not_have_are_rejected() -> None:
    uploads = make()
    assert request(uploads, *parse("1:0"), available=False) == REJECTED
    assert request(uploads, *parse("1:0"), available=False, choked=True, allowed=True) == REJECTED


@pytest.mark.parametrize("fast", [True, False])
def test_too_much_nonsense_is_a_reason_to_close(fast: bool) -> None:
    uploads = make(fast=fast)
    for _ in range(MAX_REFUSED):
        assert request(uploads, 7, 16 * BLOCK, 99) == REJECTED
    assert uploads.failed == ""
    assert request(uploads, 7, 16 * BLOCK, 99) == REJECTED
    for word in (str(MAX_REFUSED + 1), "99 bytes", str(16 * BLOCK), "piece 7"):
        assert word in uploads.failed


def test_nothing_is_looked_at_behind_a_reason_to_close() -> None:
    uploads = make()
    asked = [(7, 16 * BLOCK, 99)] * (3 * MAX_REFUSED)
    rejected = uploads.add(7, asked, available=True, choked=False, allowed_fast=False)
    assert uploads.failed
    assert len(rejected) == MAX_REFUSED + 1


def test_a_full_queue_rejects_for_peers_that_know_rejects() -> None:
    uploads = make(reqq=3)
    ask(uploads, "1:0 1:1 1:2")
    assert request(uploads, *parse("1:3")) == REJECTED
    assert uploads.failed == ""
    uploads.take(BLOCK)
    ask(uploads, "1:3")
    for _ in range(MAX_REFUSED):
        request(uploads, *parse("1:4"))
    assert uploads.failed


def test_a_full_queue_is_a_reason_to_close_for_others() -> None:
    uploads = make(reqq=3, fast=False)
    ask(uploads, "1:0 1:1 1:2")
    assert request(uploads, *parse("1:3")) == REJECTED
    assert "3 requests" in uploads.failed


# -- cancel and choke --------------------------------------------------------------------------------------------------


def test_one_block_of_the_piece_of_lowest_rank() -> None:
    uploads = make()
    ask(uploads, "2:0 2:1 1:0 1:1 0:0 0:1")
    ranks = {0: 5, 1: 3, 2: 3}
    runs = [uploads.take_one(ranks.__getitem__) for _ in range(6)]
    assert [show(run) for run in runs] == ["2:0+1", "2:1+1", "1:0+1", "1:1+1", "0:0+1", "0:1+1"]
    assert len(uploads) == 0
    assert uploads.take_one(ranks.__getitem__) is None


def test_requests_for_pieces_that_were_lost_are_dropped() -> None:
    uploads = make()
    ask(uploads, "1:0 1:1 2:0 0:1")
    assert uploads.drop({1, 5}) == [parse("1:0"), parse("1:1")]
    assert uploads.drop({1, 5}) == []
    assert drain(uploads) == "2:0+1 0:1+1"


def test_cancel() -> None:
    uploads = make()
    ask(uploads, "1:0 1:1 1:2")
    assert uploads.cancel(*parse("1:1"))
    assert not uploads.cancel(*parse("1:1"))
    assert not uploads.cancel(1, 0, 1)
    assert drain(uploads) == "1:0+1 1:2+1"
    assert not uploads.cancel(*parse("1:0"))


@pytest.mark.parametrize(("fast", "kept", "dropped"), [(True, "2:0+1", "1:0 1:1"), (False, "", "1:0 2:0 1:1")])
def test_choke_drops_all_but_allowed_fast_pieces(fast: bool, kept: str, dropped: str) -> None:
    uploads = make(fast=fast)
    ask(uploads, "1:0")
    ask(uploads, "2:0", allowed=True)
    ask(uploads, "1:1")
    assert uploads.choke() == [parse(word) for word in dropped.split()]
    assert drain(uploads) == kept


def test_requests_while_choked_are_rejected_and_end_the_connection() -> None:
    uploads = make()
    for _ in range(MAX_REFUSED + 1):
        assert uploads.failed == ""
        assert request(uploads, *parse("1:0"), choked=True) == REJECTED
    assert "the peer is choked" in uploads.failed


def test_requests_on_their_way_when_we_choke_are_no_offence() -> None:
    uploads = make(reqq=1000)
    uploads.choke()
    for _ in range(1000 + MAX_REFUSED):
        assert request(uploads, *parse("1:0"), choked=True) == REJECTED
    assert uploads.failed == ""
    request(uploads, *parse("1:0"), choked=True)
    assert uploads.failed


def test_allowed_fast_pieces_are_given_to_choked_peers() -> None:
    uploads = make()
    ask(uploads, "1:0 1:1", choked=True, allowed=True)
    assert request(uploads, *parse("2:0"), choked=True) == REJECTED
    assert drain(uploads) == "1:0+2"


@pytest.mark.parametrize(("layout", "index", "blocks"), [(LAYOUT, 1, 16), (LAYOUT, 10, 2), (TINY, 3, 1)])
def test_an_allowed_fast_piece_is_given_three_times(layout: Layout, index: int, blocks: int) -> None:
    uploads = make(layout=layout)
    for _ in range(FAST_COPIES * blocks):
        assert request(uploads, index, 0, BLOCK, choked=True, allowed=True) == ACCEPTED
        uploads.take(BLOCK)
    assert request(uploads, index, 0, BLOCK, choked=True, allowed=True) == REJECTED
    assert request(uploads, index, 0, BLOCK, allowed=True) == ACCEPTED
    assert request(uploads, 0, 0, BLOCK, choked=True, allowed=True) == ACCEPTED


def test_requests_of_pieces_that_we_said_we_have_are_counted_apart() -> None:
    uploads = make()
    asked = [(3, 0, BLOCK)] * MAX_MISLED
    rejected = uploads.add(3, asked, available=False, choked=False, allowed_fast=False, misled=True)
    assert rejected == asked
    assert not uploads.failed
    uploads.add(3, asked[:2], available=False, choked=False, allowed_fast=False, misled=True)
    assert uploads.failed == f"made {MAX_MISLED + 1} requests for pieces that could not be read"


@pytest.mark.parametrize(
    ("layout", "small"), [(LAYOUT, BLOCK // 2), (TINY, BLOCK // 2), (Layout([100_000], 1024), 512)]
)
def test_requests_of_less_than_half_a_block_are_counted(layout: Layout, small: int) -> None:
    uploads = make(layout=layout)
    for length, count in ((small, 0), (small - 1, 1), (1, 2), (2 * small, 2)):
        assert request(uploads, 0, 0, length) == ACCEPTED
        assert uploads.small == count
    assert request(uploads, 0, 0, 1) == IGNORED
    assert uploads.small == 2


# -- requests of a peer that is not choked ----------------------------------------------------------------------------


def test_ordinary_requests_are_accepted_together() -> None:
    uploads = make()
    asked = [parse(f"{index}:{number}") for index in (2, 3) for number in range(16)] + [(10, BLOCK, 20000 - BLOCK)]
    assert uploads.accept(asked, {2, 3, 10}.__contains__, {3}) == len(asked) - 1, "the last one is small"
    assert uploads.accept(asked[-1:], {10}.__contains__, ()) == 0
    assert uploads.choke() == asked[:16], "those of an allowed-fast piece stay"
    assert drain(uploads) == "3:0+16"


@pytest.mark.parametrize(
    "odd",
    [
        *[(2, 0, 0), (2, 0, 100), (2, 0, MAX_LENGTH + 1), (2, 15 * BLOCK, 2 * BLOCK), (2, -1, BLOCK), (4, 0, BLOCK)],
        *[(-1, 0, BLOCK), (11, 0, BLOCK), (1, 0, BLOCK)],
    ],
)
def test_up_to_one_that_is_not_ordinary(odd: Request) -> None:
    uploads = make()
    asked = [(1, 0, BLOCK), (1, BLOCK, 2 * BLOCK), odd, (1, 3 * BLOCK, BLOCK)]
    assert uploads.accept(asked, lambda index: index != 4, ()) == 2
    assert drain(uploads) == "1:0+3"


def test_no_more_are_accepted_than_may_wait() -> None:
    uploads = make(reqq=3)
    asked = [parse(f"2:{number}") for number in range(5)]
    assert uploads.accept(asked[:2], lambda index: True, ()) == 2
    assert uploads.accept(asked[2:], lambda index: True, ()) == 1
    assert uploads.accept(asked[3:], lambda index: True, ()) == 0

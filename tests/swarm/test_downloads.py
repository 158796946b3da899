"""Requests, arrivals, time-outs, blame and the endgame, with a recorder in place of the engine.

Peers are described by the pieces they have (``"x.x"``); a block's content names its piece and number.
"""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, Tuple

import pytest
from support.downloads import Block, Swarm, name
from support.lender import Lender

from bittorrent_threads.buffers import Memory
from bittorrent_threads.metainfo.bitfield import Bitfield
from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.endgame import ENDGAME_DEPTH
from bittorrent_threads.swarm.pipeline import LEAST_DEPTH, REFUSAL_TIME, Pipeline


def test_a_piece_comes_in_and_is_saved() -> None:
    swarm = Swarm(3 * BLOCK + 5, 2 * BLOCK)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    assert blocks == [(0, 0, BLOCK), (0, BLOCK, BLOCK), (1, 0, BLOCK), (1, BLOCK, 5)]
    for block in reversed(blocks):
        swarm.send(peer, block)
    assert [piece.index for piece in swarm.record.pieces] == [1, 0]
    assert bytes(swarm.record.pieces[1].whole[BLOCK : BLOCK + 1]) == b"\x01"
    assert swarm.save() == [True, True]
    assert swarm.memory.reserved == 0
    assert not swarm.picker.missing
    assert not peer.outstanding
    assert peer.payload == 3 * BLOCK + 5
    assert peer.wasted == 0


def test_neighbouring_blocks_come_in_at_once() -> None:
    swarm = Swarm(6 * BLOCK, 3 * BLOCK)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer, now=1.0)
    swarm.send_run(peer, blocks[1:3], now=2.0)
    assert not swarm.record.pieces
    assert list(peer.outstanding) == [0, 3, 4, 5]
    assert (peer.payload, peer.answered) == (2 * BLOCK, 1.0)
    swarm.send(peer, blocks[0])
    swarm.send_run(peer, blocks[3:])
    assert [piece.index for piece in swarm.record.pieces] == [0, 1]
    assert [bytes(swarm.record.pieces[1].whole[at : at + 2]) for at in (0, BLOCK)] == [b"\x07\x07", b"\x08\x08"]
    assert swarm.save() == [True, True]
    assert (peer.payload, peer.wasted, peer.violations) == (6 * BLOCK, 0, 0)


def unopened(swarm: Swarm, peer: Pipeline) -> Block:
    swarm.downloads.withdraw(peer)
    return 0, 0, BLOCK


def half_received(swarm: Swarm, peer: Pipeline) -> Block:
    swarm.send(peer, (0, BLOCK, BLOCK))
    return 0, 0, BLOCK


def half_cancelled(swarm: Swarm, peer: Pipeline) -> Block:
    swarm.downloads.rejected(peer, 0, BLOCK, 0.0)
    return 0, 0, BLOCK


def asked_of_another(swarm: Swarm, peer: Pipeline) -> Block:
    swarm.downloads.rejected(peer, 0, BLOCK, 0.0)
    assert swarm.ask(swarm.peer("B")) == [(0, BLOCK, BLOCK)]
    return 0, 0, BLOCK


def asked_of_two(swarm: Swarm, peer: Pipeline) -> Block:
    other = swarm.peer("B")
    swarm.rated(other, 1_000_000)
    assert swarm.ask(other, now=2.0)
    return 0, BLOCK, BLOCK


@pytest.mark.parametrize(
    "arrange",
    [
        lambda swarm, peer: (0, 0, BLOCK),
        lambda swarm, peer: (0, 100, BLOCK),
        lambda swarm, peer: (0, 3 * BLOCK, BLOCK),
        lambda swarm, peer: (0, 2**32 - BLOCK, BLOCK),
        lambda swarm, peer: (1, BLOCK, BLOCK),
        unopened,
        half_received,
        half_cancelled,
        asked_of_another,
        asked_of_two,
    ],
    ids=["requested", "off the grid", "past the end", "far away", "others", "closed", "received", "cancelled",
         "asked of another", "endgame"],
)  # fmt: skip
@pytest.mark.parametrize("memory", [1 << 26, 12 * BLOCK], ids=["in one buffer", "in segments"])
def test_blocks_at_once_are_the_same_as_one_by_one(arrange: Callable[[Swarm, Pipeline], Block], memory: int) -> None:
    outcomes = []
    for at_once in (True, False):
        swarm = Swarm(8 * BLOCK, 4 * BLOCK, memory=memory)
        peer = swarm.peer("A")
        swarm.ask(peer)
        index, begin, length = arrange(swarm, peer)
        run = [(index, begin + place * BLOCK, length) for place in range(3)]
        if at_once:
            swarm.send_run(peer, run)
        else:
            for block in run:
                swarm.send(peer, block)
        figures = peer.payload, peer.wasted, peer.violations, peer.unrequested_bytes, peer.answered
        open_pieces = [(piece.index, bytes(piece.received), piece.left) for piece in swarm.downloads._open.values()]
        views = [piece.view(0, BLOCK) for piece in swarm.downloads._open.values()]
        segments = [(piece, at, bytes(data)) for piece, at, data, _ in swarm.record.segments]
        outcomes.append((figures, open_pieces, list(map(bytes, filter(None, views))), segments, list(peer.outstanding),
                         sorted(peer.late), swarm.record.cancels))  # fmt: skip
    assert outcomes[0] == outcomes[1]


def test_nothing_is_asked_while_choked_suspended_or_full() -> None:
    swarm = Swarm(8 * BLOCK, BLOCK, min_requests=4)
    assert swarm.ask(swarm.peer("A", choked=True)) == []
    peer = swarm.peer("B")
    swarm.downloads.suspended = True
    assert swarm.ask(peer) == []
    swarm.downloads.suspended = False
    assert len(swarm.ask(peer)) == 4
    assert swarm.ask(peer) == []


def test_a_pipeline_is_refilled_in_batches() -> None:
    swarm = Swarm(100 * BLOCK, BLOCK, min_requests=8)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    swarm.send(peer, blocks[0])
    assert swarm.ask(peer) == []
    swarm.send(peer, blocks[1])
    assert len(swarm.ask(peer)) == 2


def test_only_what_the_peer_has() -> None:
    swarm = Swarm(4 * BLOCK, BLOCK)
    assert [index for index, _, _ in swarm.ask(swarm.peer("A", ".x.x"))] == [1, 3]


def test_partial_pieces_come_before_new_ones() -> None:
    swarm = Swarm(8 * BLOCK, 4 * BLOCK, min_requests=2)
    first, second = swarm.peer("A"), swarm.peer("B")
    assert swarm.ask(first) == [(0, 0, BLOCK), (0, BLOCK, BLOCK)]
    assert swarm.ask(second) == [(0, 2 * BLOCK, BLOCK), (0, 3 * BLOCK, BLOCK)]
    swarm.downloads.left(first)
    assert swarm.ask(swarm.peer("C")) == [(0, BLOCK, BLOCK), (0, 0, BLOCK)]


def test_allowed_fast_pieces_while_choked() -> None:
    swarm = Swarm(4 * BLOCK, BLOCK)
    peer = swarm.peer("A", choked=True)
    peer.allow(2)
    assert swarm.ask(peer) == [(2, 0, BLOCK)]
    swarm.downloads.rejected(peer, 2, 0, 0.0)
    assert swarm.ask(peer) == [], "rejected while choked: not allowed after all"


def test_suggested_pieces_come_first() -> None:
    swarm = Swarm(4 * BLOCK, BLOCK, min_requests=1)
    peer = swarm.peer("A")
    peer.suggest(3)
    assert swarm.ask(peer) == [(3, 0, BLOCK)]


def test_a_choke_releases_and_late_blocks_are_welcome() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    first, second = swarm.peer("A"), swarm.peer("B")
    blocks = swarm.ask(first)
    swarm.downloads.release(first)
    assert not first.outstanding
    assert swarm.memory.reserved == 0
    assert swarm.ask(second) == blocks
    swarm.send(first, blocks[0])
    assert first.violations == 0
    assert swarm.record.cancels == [("B", blocks[0])]
    swarm.send(second, blocks[1])
    assert swarm.save() == [True]


def test_blocks_that_were_not_requested_are_waste_and_counted() -> None:
    swarm = Swarm(4 * BLOCK, 2 * BLOCK, min_requests=1)
    peer = swarm.peer("A")
    assert swarm.ask(peer) == [(0, 0, BLOCK)]
    for block in ((0, BLOCK, BLOCK), (1, 0, BLOCK), (0, 1, BLOCK), (0, 0, 5), (0, 7 * BLOCK, BLOCK)):
        swarm.send(peer, block)
    assert peer.violations == 5, "that of the wrong size is no answer"
    assert peer.payload == 0
    assert peer.wasted == 4 * BLOCK + 5
    assert len(peer.outstanding) == 1
    assert swarm.ask(peer) == []


def test_blocks_that_were_not_asked_for_are_no_progress() -> None:
    swarm = Swarm(4 * BLOCK, 2 * BLOCK, min_requests=1)
    peer = swarm.peer("A")
    ((index, begin, _),) = swarm.ask(peer)
    for second in range(1, 20):
        swarm.send(peer, (index, begin, 1), now=float(second))
        swarm.send(peer, (1, 0, BLOCK), now=float(second))
    assert peer.rate.value(19.0) == 0
    assert peer.violations == 38
    swarm.downloads.tick(peer, 20.0)
    assert peer.snubbed
    assert not peer.outstanding
    swarm.send(peer, (1, 0, BLOCK), now=21.0)
    assert peer.snubbed
    swarm.send(peer, (index, begin, BLOCK), now=22.0)
    assert not peer.snubbed, "that was asked for once"


def test_a_block_is_counted_once() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    swarm.send(peer, blocks[0])
    swarm.send(peer, blocks[0])
    assert peer.payload == BLOCK
    assert peer.wasted == BLOCK
    assert peer.violations == 1


def test_a_peer_that_sends_nothing_is_snubbed_and_others_are_asked() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    slow, quick = swarm.peer("A"), swarm.peer("B")
    blocks = swarm.ask(slow, now=100.0)
    swarm.downloads.tick(slow, 119.0)
    assert not slow.snubbed
    swarm.downloads.tick(slow, 120.0)
    assert slow.snubbed
    assert not slow.outstanding
    assert swarm.ask(quick, now=120.0) == blocks
    for block in blocks:
        swarm.send(quick, block, now=121.0)
    assert swarm.save() == [True]


# -- slow peers and low limits ---------------------------------------------------------------------------------------


def test_of_a_peer_that_snubs_us_all_but_the_oldest_is_taken_back() -> None:
    swarm = Swarm(6 * BLOCK, BLOCK)
    slow = swarm.peer("slow")
    blocks = swarm.ask(slow)
    swarm.downloads.tick(slow, 20.0)
    assert slow.snubbed
    assert [block for _, block in swarm.record.cancels] == blocks[1:]
    assert swarm.ask(slow, now=20.0) == [], "it may be sending that one, and others are asked for the pieces first"
    swarm.send(slow, blocks[0], now=21.0)
    assert slow.payload == BLOCK
    assert slow.violations == 0


def test_what_a_snubbing_peer_may_be_sending_is_cancelled_when_it_comes_from_another() -> None:
    swarm = Swarm(2 * BLOCK, BLOCK)
    slow, quick = swarm.peer("slow"), swarm.peer("quick")
    blocks = swarm.ask(slow)
    swarm.downloads.tick(slow, 20.0)
    for block in swarm.ask(quick, now=20.0):
        swarm.send(quick, block, now=20.0)
    assert swarm.save() == [True, True]
    swarm.record.cancels.clear()
    for now in (21.0, 22.0):
        swarm.downloads.tick(slow, now)
    assert swarm.record.cancels == [("slow", blocks[0])]


@pytest.mark.parametrize("what", ["reject", "choke", "progress"])
def test_what_a_snubbing_peer_does_not_send_any_more_is_asked_for_again(what: str) -> None:
    swarm = Swarm(2 * BLOCK, BLOCK)
    slow = swarm.peer("slow")
    blocks = swarm.ask(slow)
    swarm.downloads.tick(slow, 20.0)
    if what == "reject":
        swarm.downloads.rejected(slow, 0, 0, 20.0)
    elif what == "choke":
        slow.on_choke()
        slow.on_unchoke()
    else:
        swarm.send(slow, blocks[1], now=20.0)
        assert swarm.ask(slow, now=20.0)[0] == blocks[0]
        assert slow.violations == 0
        return
    assert swarm.ask(slow, now=20.0) == [], "others are asked first"
    swarm.downloads.tick(slow, 20.0 + REFUSAL_TIME)
    assert swarm.ask(slow, now=20.0 + REFUSAL_TIME)[0] == blocks[0]
    assert slow.violations == 0


def test_a_peer_that_turns_out_slow_is_asked_for_little() -> None:
    swarm = Swarm(100 * BLOCK, BLOCK)
    slow = swarm.peer("slow")
    blocks = swarm.ask(slow)
    assert len(blocks) == 64
    swarm.downloads.tick(slow, 4.0)
    assert swarm.record.cancels == []
    swarm.downloads.tick(slow, 5.0)
    assert [block for _, block in swarm.record.cancels] == blocks[LEAST_DEPTH:]
    assert swarm.ask(slow, now=5.0) == []
    swarm.send(slow, blocks[0], now=9.0)
    assert slow.depth == LEAST_DEPTH
    assert len(swarm.ask(slow, now=9.0)) == 1


def test_a_late_block_of_a_piece_that_was_given_up_is_no_waste() -> None:
    swarm = Swarm(3 * BLOCK, BLOCK)
    slow = swarm.peer("slow")
    blocks = swarm.ask(slow)
    swarm.downloads.release(slow)
    assert swarm.memory.reserved == 0
    swarm.send(slow, blocks[1], now=30.0)
    assert slow.payload == BLOCK
    assert slow.wasted == 0
    assert swarm.save() == [True]
    swarm.downloads.cautious = True
    swarm.send(slow, blocks[2], now=30.0)
    assert slow.wasted == BLOCK, "the disk is being tried"
    swarm.send(slow, (0, 0, 5), now=30.0)
    assert slow.violations == 1


def test_no_more_is_asked_of_all_peers_than_a_low_limit_lets_in() -> None:
    swarm = Swarm(64 * BLOCK, BLOCK)
    swarm.downloads.window.rate = 5000
    peers = [swarm.peer(str(number)) for number in range(5)]
    asked = [swarm.ask(peer) for peer in peers]
    assert [len(blocks) for blocks in asked] == [1, 1, 0, 0, 0]
    swarm.send(peers[1], asked[1][0])
    assert [len(swarm.ask(peer)) for peer in (peers[1], peers[2])] == [1, 0]


def test_what_a_lowered_limit_makes_too_much_is_taken_back() -> None:
    swarm = Swarm(200 * BLOCK, BLOCK, min_requests=50)
    peers = [swarm.peer(str(number)) for number in range(3)]
    for peer in peers:
        assert len(swarm.ask(peer)) == 50
    swarm.downloads.adapt(unused=False)
    assert swarm.record.cancels == []
    swarm.downloads.window.rate = 5000
    swarm.downloads.adapt(unused=False)
    assert [len(peer.outstanding) for peer in peers] == [1, 1, 2]
    assert len(swarm.record.cancels) == 146
    swarm.downloads.check()


def test_no_block_is_asked_of_two_peers_while_the_limit_is_what_they_wait_for() -> None:
    swarm = Swarm(BLOCK, BLOCK)
    swarm.downloads.window.rate = 5000
    first, second = swarm.peer("A"), swarm.peer("B")
    swarm.rated(second, 1_000_000)
    blocks = swarm.ask(first)
    swarm.downloads.adapt(unused=False)
    assert swarm.ask(second, now=5.0) == []
    swarm.downloads.adapt(unused=True)
    assert swarm.ask(second, now=5.0) == blocks


def test_a_peer_is_not_late_for_a_delay_of_our_own() -> None:
    swarm = Swarm(4 * BLOCK, BLOCK)
    swarm.downloads.window.rate = BLOCK // 10
    peers = [swarm.peer(str(number)) for number in range(2)]
    for peer in peers:
        assert swarm.ask(peer)
    swarm.downloads.tick(peers[0], 39.0)
    assert not peers[0].snubbed, "two blocks of ten seconds each are under way"
    swarm.downloads.tick(peers[0], 44.0, departure=5.0)
    assert not peers[0].snubbed
    swarm.downloads.tick(peers[0], 46.0, departure=5.0)
    assert peers[0].snubbed


def test_endgame_asks_others_and_cancels() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    first, second = swarm.peer("A"), swarm.peer("B")
    swarm.rated(second, 1_000_000)
    blocks = swarm.ask(first)
    assert swarm.ask(second, now=0.4) == [], "the first has some time"
    assert swarm.ask(second, now=2.0) == blocks[::-1], "what would come last first"
    swarm.send(second, blocks[1])
    assert swarm.record.cancels == [("A", blocks[1])]
    swarm.send(first, blocks[0])
    assert swarm.record.cancels[1:] == [("B", blocks[0])]
    assert swarm.save() == [True]
    swarm.send(second, blocks[0])
    assert second.violations == 0
    assert second.wasted == BLOCK


def test_a_peer_that_was_asked_for_nothing_is_tried_with_one_block_of_a_slow_peer() -> None:
    swarm = Swarm(4 * BLOCK, BLOCK)
    slow, untried = swarm.peer("slow"), swarm.peer("untried")
    blocks = swarm.ask(slow)
    assert swarm.ask(untried, now=2.0) == []
    assert swarm.ask(untried, now=2.1) == blocks[-1:]
    assert swarm.ask(untried, now=2.2) == []
    swarm.rated(slow, 1_000_000)
    assert swarm.ask(swarm.peer("another"), now=4.0) == [], "and of no other"


def test_endgame_is_shallow() -> None:
    swarm = Swarm(100 * BLOCK, 100 * BLOCK, min_requests=100)
    swarm.ask(swarm.peer("A"))
    quick = swarm.peer("B")
    swarm.rated(quick, 1_000_000)
    assert len(swarm.ask(quick, now=2.0)) == ENDGAME_DEPTH


def test_endgame_asks_no_peer_that_is_not_much_quicker() -> None:
    swarm = Swarm(100 * BLOCK, 100 * BLOCK, min_requests=100)
    first, equal = swarm.peer("A"), swarm.peer("B")
    swarm.rated(first, 1_000_000)
    swarm.rated(equal, 1_000_000)
    blocks = swarm.ask(first)
    for block in blocks[:99]:
        swarm.send(first, block)
    assert swarm.ask(equal, now=1.0) == []


def test_no_endgame_while_there_are_pieces_to_open() -> None:
    swarm = Swarm(4 * BLOCK, 2 * BLOCK, min_requests=2)
    swarm.ask(swarm.peer("A"))
    poor = swarm.peer("B", "x.")
    swarm.rated(poor, 1_000_000)
    assert swarm.ask(poor, now=1.0) == []


def test_no_piece_is_opened_beyond_the_memory_but_always_one() -> None:
    swarm = Swarm(100 * 4 * BLOCK, 4 * BLOCK, memory=16 * BLOCK, min_requests=64)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    assert len(blocks) == 16
    assert swarm.memory.reserved == 16 * BLOCK
    for block in blocks[:4]:
        swarm.send(peer, block)
    assert swarm.ask(peer) == [], "the first piece still waits for the disk"
    assert swarm.save() == [True]
    assert len(swarm.ask(peer)) == 4
    tight = Swarm(100 * BLOCK, 4 * BLOCK, memory=BLOCK)
    assert len(tight.ask(tight.peer("A"))) == 1, "a segment of one block"


def test_a_disk_that_is_being_tried_gets_one_piece_at_a_time() -> None:
    swarm = Swarm(8 * BLOCK, 2 * BLOCK)
    swarm.downloads.cautious = True
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    assert len(blocks) == 2
    for block in blocks:
        swarm.send(peer, block)
    assert swarm.ask(peer) == []
    swarm.downloads.finished.saved((), unwritten=[0])
    assert len(swarm.ask(peer)) == 2


def test_what_was_borrowed_for_pieces_of_one_block_comes_back_when_they_are_saved_or_wrong() -> None:
    lender = Lender(2)
    swarm = Swarm(3 * BLOCK, BLOCK, lender=lender)
    liar = swarm.peer("liar")
    first, second, third = swarm.ask(liar)
    swarm.send(liar, first)
    swarm.send(liar, second, bad=True)
    swarm.send(liar, third)
    assert [type(piece.whole.obj) for piece in swarm.record.pieces] == [bytes, bytes, Memory]
    assert len(lender.out) == 2
    assert swarm.save() == [True, False, True]
    assert lender.out == []
    assert swarm.record.accused == ["liar"]
    assert swarm.memory.reserved == 0


def test_the_only_sender_of_a_bad_piece_is_accused() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    liar = swarm.peer("liar")
    for block in swarm.ask(liar):
        swarm.send(liar, block, bad=True)
    assert swarm.save() == [False]
    assert swarm.record.accused == ["liar"]
    assert swarm.picker.missing_count == 1


def failed_with_two(swarm: Swarm) -> Tuple[Pipeline, Pipeline]:
    """A liar and an honest peer have sent a block each of the first piece, which has failed."""
    liar, honest = swarm.peer("liar"), swarm.peer("honest")
    (first,) = swarm.ask(liar)
    (second,) = swarm.ask(honest)
    swarm.send(liar, first, bad=True)
    swarm.send(honest, second)
    assert swarm.save() == [False]
    assert swarm.record.accused == []
    return liar, honest


def test_of_several_senders_the_liar_is_found_and_no_bystander() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK, min_requests=1)
    _, honest = failed_with_two(swarm)
    third = swarm.peer("third")
    assert swarm.ask(honest) == [], "peers that sent nothing of it come first"
    (first,) = swarm.ask(third)
    assert swarm.ask(honest, now=10.0) == []
    swarm.send(third, first)
    for block in swarm.ask(third):
        swarm.send(third, block)
    assert swarm.save() == [True]
    assert swarm.record.accused == ["liar"]


def test_peers_that_sent_nothing_of_it_share_a_piece_that_failed() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK, min_requests=1)
    failed_with_two(swarm)
    third, fourth = swarm.peer("third"), swarm.peer("fourth")
    for peer in (third, fourth):
        (block,) = swarm.ask(peer)
        swarm.send(peer, block)
    assert swarm.save() == [True]
    assert swarm.record.accused == ["liar"]


def test_where_all_have_sent_some_of_it_one_at_a_time_is_asked_and_if_it_is_wrong_banned() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK, min_requests=1)
    liar, honest = failed_with_two(swarm)
    assert swarm.ask(liar, now=1.0) == []
    blocks = swarm.ask(liar, now=3.0)
    assert len(blocks) == 2
    assert swarm.ask(honest, now=3.0) == []
    swarm.send(liar, blocks[0], bad=True)
    swarm.send(liar, blocks[1])
    assert swarm.save() == [False]
    assert swarm.record.accused == ["liar"]
    swarm.downloads.left(liar)
    assert swarm.ask(honest, now=3.0) == []
    for block in swarm.ask(honest, now=5.0):
        swarm.send(honest, block)
    assert swarm.save() == [True]
    assert set(swarm.record.accused) == {"liar"}


def test_what_came_of_a_piece_that_failed_stays_when_its_peer_leaves() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK, min_requests=1)
    _, honest = failed_with_two(swarm)
    third = swarm.peer("third")
    (first,) = swarm.ask(third)
    swarm.send(third, first)
    swarm.downloads.left(third)
    assert swarm.ask(honest, now=1.0) == []
    (rest,) = swarm.ask(honest, now=3.0)
    assert rest != first
    swarm.send(honest, rest)
    assert swarm.save() == [True]
    assert swarm.record.accused == ["liar"]


def test_who_lets_a_piece_that_failed_wait_loses_it_with_all_requests_though_it_serves_others() -> None:
    swarm = Swarm(4 * BLOCK, 2 * BLOCK, min_requests=4)
    slow, liar = swarm.peer("slow"), swarm.peer("liar", "x.")
    slow.depth = liar.depth = 1
    for peer, bad in ((slow, False), (liar, True)):
        (block,) = swarm.ask(peer)
        swarm.send(peer, block, bad=bad)
    assert swarm.save() == [False]
    slow.depth = 4
    assert [index for index, _, _ in swarm.ask(slow, now=1.0)] == [1, 1]
    asked = swarm.ask(slow, now=3.0)
    assert [index for index, _, _ in asked] == [0, 0]
    swarm.downloads.tick(slow, 4.0)
    swarm.send(slow, (1, 0, BLOCK), now=20.0)
    swarm.downloads.tick(slow, 23.0)
    assert swarm.record.cancels == []
    swarm.downloads.tick(slow, 24.0)
    assert [block for _, block in swarm.record.cancels] == asked
    assert not slow.snubbed
    swarm.send(slow, asked[0], now=24.5)
    assert swarm.ask(liar, now=24.5) == []
    assert slow.violations == 0, "and what it sends now is not taken"
    liar.depth = 4
    assert swarm.ask(liar, now=27.0) == asked


def test_a_peer_that_chokes_us_does_not_keep_a_piece_that_failed_from_others() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK, min_requests=1)
    liar, _ = failed_with_two(swarm)
    fresh = swarm.peer("fresh", choked=True)
    fresh.allow(0)
    for second in range(4):
        assert swarm.ask(fresh, now=float(second)) == []
        swarm.ask(liar, now=float(second))
    assert liar.outstanding


def test_a_piece_that_failed_is_opened_before_others() -> None:
    swarm = Swarm(20 * BLOCK, 2 * BLOCK, min_requests=1)
    swarm.picker.take(0)
    (first,) = swarm.ask(swarm.peer("liar", ".....x...."))
    (second,) = swarm.ask(swarm.peer("honest", ".....x...."))
    liar, honest = swarm.downloads._pipelines
    swarm.send(liar, first, bad=True)
    swarm.send(honest, second)
    swarm.picker.lost(0)
    assert swarm.save() == [False]
    third = swarm.peer("third")
    third.depth = 4
    assert [index for index, _, _ in swarm.ask(third)] == [5, 5, 0, 0]


def test_it_is_forgotten_who_sent_what_of_a_piece_that_is_not_wanted_any_more() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK, min_requests=1)
    liar, _ = failed_with_two(swarm)
    swarm.downloads.set_priorities([0])
    swarm.downloads.set_priorities([1])
    assert swarm.ask(liar)
    assert not swarm.downloads.finished.suspects


def test_a_reject_ends_the_turn_at_a_piece_that_failed() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK, min_requests=2)
    swarm.settings = swarm.settings.replace(min_requests=1)
    failed_with_two(swarm)
    swarm.settings = swarm.settings.replace(min_requests=2)
    third, fourth = swarm.peer("third"), swarm.peer("fourth")
    blocks = swarm.ask(third)
    assert len(blocks) == 2
    swarm.downloads.rejected(third, *blocks[0][:2], now=1.0)
    assert not third.outstanding
    assert swarm.record.cancels == [("third", blocks[1])]
    assert sorted(swarm.ask(fourth, now=1.0)) == blocks


def test_a_piece_that_could_not_be_written_is_asked_for_again() -> None:
    swarm = Swarm(BLOCK, BLOCK)
    peer = swarm.peer("A")
    swarm.send(peer, swarm.ask(peer)[0])
    assert swarm.downloads.finished.saved((), unwritten=[0]) == []
    assert swarm.picker.missing_count == 1
    assert swarm.record.accused == []
    assert swarm.ask(peer) == [(0, 0, BLOCK)]


def test_a_piece_that_could_not_be_hashed_accuses_nobody() -> None:
    swarm = Swarm(BLOCK, BLOCK)
    peer = swarm.peer("A")
    swarm.send(peer, swarm.ask(peer)[0], bad=True)
    swarm.downloads.finished.saved((), unhashed=[0])
    assert swarm.record.accused == []
    assert swarm.picker.missing_count == 1


def test_withdraw_cancels_everything() -> None:
    swarm = Swarm(4 * BLOCK, 2 * BLOCK)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    swarm.downloads.withdraw(peer)
    assert swarm.record.cancels == [("A", block) for block in blocks]
    assert swarm.memory.reserved == 0


def test_a_dropped_piece_takes_its_requests_back() -> None:
    swarm = Swarm(4 * BLOCK, 2 * BLOCK)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    swarm.send(peer, blocks[0])
    swarm.downloads.set_priorities([0, 1])
    swarm.downloads.check()
    assert swarm.record.cancels == [("A", blocks[1])]
    assert len(peer.outstanding) == 2
    assert swarm.memory.reserved == 2 * BLOCK
    swarm.send(peer, blocks[1])
    assert peer.violations == 0


def test_the_disk_answers_for_many_pieces_at_once() -> None:
    swarm = Swarm(8 * BLOCK, 2 * BLOCK)
    liar, honest = swarm.peer("liar", "..x."), swarm.peer("honest")
    for peer in (liar, honest):
        for block in swarm.ask(peer):
            swarm.send(peer, block, bad=peer is liar)
    assert swarm.memory.saving == swarm.memory.reserved == 8 * BLOCK
    assert [piece.index for piece in swarm.record.pieces] == [2, 0, 1, 3]
    wrong = swarm.downloads.finished.saved([0], wrong=[2], unwritten=[1], unhashed=[3])
    assert wrong == [(2, [liar.sender] * 2)]
    assert swarm.record.accused == ["liar"]
    swarm.have.set(0)
    swarm.picker.passed([0])
    assert swarm.memory.saving == swarm.memory.reserved == 0
    assert sorted({index for index, _, _ in swarm.ask(honest)}) == [1, 2, 3], "all but the one that is right"


def test_a_reject_of_a_cancelled_request_leaves_the_request_that_followed() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    swarm.downloads.withdraw(peer)
    assert swarm.ask(peer) == blocks
    swarm.downloads.rejected(peer, 0, 0, 1.0)
    assert 0 in peer.outstanding
    assert not peer.refused
    swarm.downloads.rejected(peer, 0, 0, 1.0)
    assert 0 not in peer.outstanding
    assert peer.refused
    assert not peer.violations


def test_a_reject_of_what_was_not_requested_is_a_violation_and_of_what_was_cancelled_is_none() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    peer = swarm.peer("A")
    swarm.ask(peer)
    swarm.downloads.withdraw(peer)
    swarm.downloads.rejected(peer, 0, 0, 1.0)
    assert peer.violations == 0
    swarm.downloads.rejected(peer, 0, 0, 1.0)
    swarm.downloads.rejected(peer, 0, 1, 1.0)
    assert peer.violations == 2


def test_what_a_snubbing_peer_may_be_sending_is_not_requested_a_second_time() -> None:
    swarm = Swarm(4 * BLOCK, BLOCK)
    slow = swarm.peer("slow")
    blocks = swarm.ask(slow)
    swarm.downloads.tick(slow, 20.0)
    swarm.downloads.tick(slow, 20.0 + REFUSAL_TIME)
    assert swarm.ask(slow, now=30.0) == []
    assert list(slow.outstanding) == [0], "that one may be on its way"
    swarm.send(slow, blocks[0], now=31.0)
    assert slow.payload == BLOCK
    assert swarm.ask(slow, now=31.0) == blocks[1:]


def test_a_depth_above_one_leaves_out_only_the_block_that_may_be_on_its_way() -> None:
    swarm = Swarm(4 * BLOCK, BLOCK)
    slow = swarm.peer("slow")
    blocks = swarm.ask(slow)
    swarm.downloads.tick(slow, 20.0)
    swarm.downloads.tick(slow, 20.0 + REFUSAL_TIME)
    slow.depth = 4
    assert swarm.ask(slow, now=30.0) == blocks[1:]


def test_a_block_of_an_open_piece_that_another_sent_is_cancelled_at_the_snubbing_peer() -> None:
    swarm = Swarm(3 * BLOCK, 3 * BLOCK)
    slow, quick = swarm.peer("slow"), swarm.peer("quick")
    blocks = swarm.ask(slow)
    swarm.downloads.tick(slow, 20.0)
    swarm.record.cancels.clear()
    assert swarm.ask(quick, now=20.0) == blocks
    swarm.downloads.tick(slow, 21.0)
    assert swarm.record.cancels == [], "it is missing still"
    swarm.send(quick, blocks[0], now=21.0)
    swarm.downloads.tick(slow, 22.0)
    assert swarm.record.cancels == [("slow", blocks[0])]
    assert slow.uncancelled is None


def test_a_late_block_that_came_before_it_was_counted_is_not_cancelled() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    slow, quick = swarm.peer("slow"), swarm.peer("quick")
    blocks = swarm.ask(slow)
    swarm.downloads.tick(slow, 20.0)
    swarm.ask(quick, now=20.0)
    swarm.record.cancels.clear()
    index, begin, length = blocks[0]
    swarm.downloads.block(slow, index, begin, memoryview(bytes(length)))
    swarm.downloads.tick(slow, 21.0)
    assert swarm.record.cancels == [("quick", blocks[0])]
    assert slow.uncancelled is None


def test_a_finished_piece_that_is_unwanted_for_a_moment_is_not_opened_a_second_time() -> None:
    swarm = Swarm(2 * BLOCK, BLOCK)
    peer = swarm.peer("A")
    first, second = swarm.ask(peer)
    swarm.send(peer, first)
    swarm.downloads.set_priorities([0, 1])
    swarm.downloads.set_priorities([1, 1])
    swarm.send(peer, second)
    assert swarm.ask(peer) == []
    assert swarm.save() == [True, True]


def test_dropping_pieces_while_none_is_open_changes_nothing() -> None:
    swarm = Swarm(2 * BLOCK, BLOCK)
    swarm.downloads.drop([0, 1])
    assert len(swarm.ask(swarm.peer("A"))) == 2


# -- pieces too large for the memory -------------------------------------------------------------------------------


def segmented(**settings: Any) -> Swarm:
    """Pieces of 8 blocks, memory for 8 blocks, so segments of 2."""
    return Swarm(3 * 8 * BLOCK, 8 * BLOCK, memory=8 * BLOCK, **settings)


def test_a_large_piece_is_written_in_segments_and_then_hashed() -> None:
    swarm = segmented(min_requests=3)
    peer = swarm.peer("A")
    peer.reqq = 3
    blocks = swarm.ask(peer)
    assert [begin for _, begin, _ in blocks] == [0, BLOCK, 2 * BLOCK]
    assert swarm.memory.reserved == 4 * BLOCK
    while not swarm.record.whole:
        assert blocks
        for block in blocks:
            swarm.send(peer, block)
        swarm.written()
        blocks = [] if swarm.record.whole else swarm.ask(peer)
        assert swarm.memory.reserved <= swarm.memory.limit
    assert swarm.record.whole == [0]
    swarm.have.set(0)
    swarm.downloads.finished.saved([0])
    swarm.picker.passed([0])
    swarm.downloads.left(peer)
    swarm.downloads.forget()
    assert swarm.picker.missing_count == 2
    assert swarm.memory.reserved == 0


def test_no_more_than_the_memory_is_asked_for_in_segments() -> None:
    swarm = segmented()
    assert len(swarm.ask(swarm.peer("A"))) == 8
    assert swarm.memory.reserved == 8 * BLOCK
    assert swarm.ask(swarm.peer("B")) == []


def test_a_segment_that_cannot_be_written_begins_the_piece_anew() -> None:
    swarm = segmented(min_requests=2)
    peer = swarm.peer("A")
    for block in swarm.ask(peer):
        swarm.send(peer, block)
    assert swarm.written(failed=True) == [(0, 0)]
    assert swarm.memory.reserved == 0
    assert swarm.ask(peer)[0] == (0, 0, BLOCK)


def test_a_piece_given_up_while_it_is_written_is_not_begun_before_that_is_over() -> None:
    swarm = segmented(min_requests=2)
    peer = swarm.peer("A")
    for block in swarm.ask(peer):
        swarm.send(peer, block)
    swarm.downloads.drop([0])
    assert swarm.downloads.saving
    assert swarm.memory.reserved == 2 * BLOCK
    assert all(index == 1 for index, _, _ in swarm.ask(peer))
    swarm.downloads.withdraw(peer)
    assert swarm.written() == [(0, 0)]
    assert not swarm.downloads.saving
    assert swarm.memory.reserved == 0
    assert swarm.ask(peer)[0] == (0, 0, BLOCK)


def test_the_only_sender_of_a_large_bad_piece_is_accused() -> None:
    swarm = segmented()
    peer = swarm.peer("A")
    for block in swarm.ask(peer):
        swarm.send(peer, block)
    assert swarm.written() == [(0, 2 * segment * BLOCK) for segment in range(4)]
    assert swarm.downloads.finished.saved((), wrong=[0]) == [(0, [peer.sender] * 8)]
    assert swarm.record.accused == ["A"]


# -- stopping and starting -----------------------------------------------------------------------------------------


def kept(swarm: Swarm) -> Dict[int, Tuple[bytes, bytes]]:
    """What a disk would keep of the open pieces: blocks and the bytes of the piece."""
    found = {}
    for index, blocks, runs in swarm.downloads.unfinished():
        data = bytearray(swarm.layout.piece_size(index))
        for begin, view in runs:
            data[begin : begin + len(view)] = view
        found[index] = (blocks, bytes(data))
    return found


def test_an_unfinished_piece_goes_on_where_it_was() -> None:
    swarm = Swarm(4 * BLOCK, 4 * BLOCK)
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    for block in (blocks[0], blocks[2]):
        swarm.send(peer, block)
    swarm.downloads.left(peer)
    unfinished = kept(swarm)
    swarm.downloads.forget()
    assert swarm.memory.reserved == 0
    assert unfinished[0][0] == b"\xa0"

    again = Swarm(4 * BLOCK, 4 * BLOCK)
    assert again.downloads.restore(0, Bitfield(4, unfinished[0][0])) == [(0, 0, 3 * BLOCK)], "the file may end there"
    peer = again.peer("B")
    assert again.ask(peer) == [], "its bytes are still being read"
    again.downloads.restored(0, 0, unfinished[0][1])
    rest = again.ask(peer)
    assert sorted(rest) == [blocks[1], blocks[3]]
    for block in rest:
        again.send(peer, block)
    (piece,) = again.record.pieces
    assert [piece.whole[block * BLOCK] for block in range(4)] == [0, 1, 2, 3]
    assert again.save() == [True]


def test_restored_blocks_that_were_bad_accuse_nobody_and_are_asked_of_one_peer() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    swarm.downloads.restore(0, Bitfield(2, b"\x80"))
    swarm.downloads.restored(0, 0, bytes([255]) * 2 * BLOCK)
    peer = swarm.peer("A")
    for block in swarm.ask(peer):
        swarm.send(peer, block)
    assert swarm.save() == [False]
    assert swarm.record.accused == []
    assert swarm.ask(peer) == []
    assert len(swarm.ask(peer, now=3.0)) == 2


def test_bytes_that_cannot_be_read_begin_the_piece_anew() -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    swarm.downloads.restore(0, Bitfield(2, b"\x80"))
    swarm.downloads.restored(0, 0, None)
    assert swarm.memory.reserved == 0
    assert len(swarm.ask(swarm.peer("A"))) == 2


@pytest.mark.parametrize("blocks", [b"\x00", b"\xc0"])
def test_nothing_and_everything_are_not_unfinished(blocks: bytes) -> None:
    swarm = Swarm(2 * BLOCK, 2 * BLOCK)
    assert swarm.downloads.restore(0, Bitfield(2, blocks)) == []
    assert swarm.memory.reserved == 0


def test_segments_that_are_whole_on_disk_are_not_read() -> None:
    swarm = segmented(min_requests=8)
    assert swarm.downloads.restore(0, Bitfield(8, b"\xf8")) == [(2, 4 * BLOCK, BLOCK)]
    swarm.downloads.restored(0, 2, bytes(BLOCK))
    peer = swarm.peer("A")
    blocks = swarm.ask(peer)
    assert sorted(begin // BLOCK for index, begin, _ in blocks if not index) == [5, 6, 7]
    for block in blocks:
        if not block[0]:
            swarm.send(peer, block)
    assert swarm.written() == [(0, 4 * BLOCK), (0, 6 * BLOCK)]
    assert swarm.record.whole == [0]


@pytest.mark.parametrize("seed", range(5))
def test_a_long_random_run_always_completes(seed: int) -> None:
    chance = random.Random(seed)
    swarm = Swarm(40 * 3 * BLOCK + 17, 3 * BLOCK, min_requests=7, memory=30 * BLOCK)
    liars = {"P0"}
    peers = [swarm.peer(f"P{number}") for number in range(6)]
    now = 0.0
    for _ in range(20_000):
        now += 0.5
        pipeline = chance.choice(peers)
        banned = name(pipeline) in swarm.record.accused
        move = chance.random()
        if move < 0.1:
            swarm.downloads.release(pipeline)
        elif move < 0.4 and not banned:
            swarm.ask(pipeline, now)
        elif move < 0.9 and pipeline.outstanding and not banned:
            number = chance.choice(list(pipeline.outstanding))
            block = swarm.downloads._pieces.request(number)
            bad = name(pipeline) in liars and chance.random() < 0.3
            swarm.send(pipeline, block, bad=bad, now=now)
        elif banned:
            swarm.downloads.release(pipeline)
        if swarm.record.pieces and chance.random() < 0.3:
            swarm.save()
        if not swarm.picker.missing:
            break
    assert not swarm.picker.missing
    assert set(swarm.record.accused) <= liars
    for pipeline in peers:
        swarm.downloads.left(pipeline)
    assert swarm.memory.reserved == 0


def test_a_block_withheld_while_later_ones_come_is_asked_of_others_after_the_time_out() -> None:
    swarm = Swarm(6 * BLOCK, 2 * BLOCK, min_requests=2, request_timeout=20)
    peer, other = swarm.peer("A"), swarm.peer("B")
    first, *later = swarm.ask(peer)
    for now in (5.0, 10.0, 15.0, 19.0):
        swarm.send(peer, later.pop(0), now=now)
        later += swarm.ask(peer, now)
        swarm.downloads.tick(peer, now)
    assert first not in swarm.ask(other, 19.0), "it is in time still"
    swarm.downloads.tick(peer, 20.0)
    assert ("A", first) in swarm.record.cancels
    assert peer.violations == 1
    assert first in swarm.ask(other, 20.0)
    assert first not in swarm.ask(peer, 20.0), "not of the same peer again"
    swarm.send(peer, first, now=21.0)
    assert peer.violations == 1, "that comes late is no offence"


def test_blocks_that_a_slow_peer_sends_in_turn_are_not_withheld() -> None:
    swarm = Swarm(8 * BLOCK, 8 * BLOCK, min_requests=8, request_timeout=20)
    peer = swarm.peer("A")
    for number, block in enumerate(swarm.ask(peer)):
        now = 15.0 * (number + 1)
        swarm.send(peer, block, now=now)
        swarm.downloads.tick(peer, now)
    assert peer.violations == 0
    assert not swarm.record.cancels

"""The download of metadata from several peers: shared, separated after a wrong hash, bounded, and never stuck."""

from __future__ import annotations

import random
from typing import Callable, List, Optional, Tuple

import pytest

from bittorrent_threads.protocol.metadata_exchange import PIECE_SIZE, piece_count
from bittorrent_threads.swarm import metadata_download as md
from bittorrent_threads.swarm.metadata_download import DEPTH, MetadataDownload

COUNT = 10
SIZE = (COUNT - 1) * PIECE_SIZE + 100
INFO = random.Random(1).randbytes(SIZE) if hasattr(random.Random, "randbytes") else bytes(range(256)) * 577 + bytes(84)
MAX = 40 * PIECE_SIZE


class Source:
    """A peer: records what it is asked, and answers when the test says so."""

    def __init__(self, world: World, info: bytes, *, size: int = 0) -> None:
        self.world = world
        self.info = info
        self.size = size or len(info)
        self.asked: List[int] = []
        self.blamed = ""
        self.closed = ""

    def ask(self, piece: int) -> None:
        self.asked.append(piece)

    def blame(self, reason: str) -> None:
        self.blamed = reason
        self.leave(reason)

    def leave(self, reason: str = "left") -> None:
        """The connection ends."""
        self.closed = reason
        self.asked.clear()
        self.world.download.left(self, self.world.now)

    def block(self, piece: int) -> bytes:
        return self.info[piece * PIECE_SIZE : (piece + 1) * PIECE_SIZE]

    def send(self, piece: int, data: Optional[bytes] = None, *, total: Optional[int] = None) -> str:
        """Send a piece; return why the connection is to be closed."""
        said = self.block(piece) if data is None else data
        total_size = self.size if total is None else total
        return self.world.download.on_data(self, piece, total_size, said, self.world.now)

    def serve(self, count: int = 1000) -> int:
        """Answer what was asked, up to ``count`` pieces; return how many."""
        done = 0
        while self.asked and done < count:
            assert self.send(self.asked.pop(0)) == ""
            done += 1
        return done


class World:
    """A download, its peers and a clock."""

    def __init__(self, info: bytes = INFO, *, max_size: int = MAX) -> None:
        self.now = 100.0
        self.info = info
        self.download = MetadataDownload(lambda found, deliver: deliver(found == info), max_size=max_size)
        self.sources: List[Source] = []

    def peer(self, info: Optional[bytes] = None, *, size: int = 0) -> Source:
        """One more peer, which says what size the metadata has."""
        source = Source(self, self.info if info is None else info, size=size)
        self.sources.append(source)
        self.download.offered(source, source.size, self.now)
        return source

    def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        for source in self.sources:
            self.download.tick(source, self.now)

    def serve_all(self) -> None:
        """Let all peers answer, a piece each in turn, until nobody is asked."""
        while sum([source.serve(1) for source in self.sources]):
            pass


def spoilt(*pieces: int) -> bytes:
    """The metadata, with these pieces wrong."""
    found = bytearray(INFO)
    for piece in pieces:
        found[piece * PIECE_SIZE] ^= 1
    return bytes(found)


def test_one_peer_is_asked_for_a_few_pieces_at_once_and_for_each_once() -> None:
    world = World()
    peer = world.peer()
    assert peer.asked == list(range(DEPTH))
    asked: List[int] = []
    while peer.asked:
        asked.append(peer.asked[0])
        peer.serve(1)
    assert asked == list(range(COUNT))
    assert world.download.info == INFO
    assert world.download.received == SIZE
    assert world.download.held == 0


def test_several_peers_share_the_pieces() -> None:
    world = World()
    first, second, third = world.peer(), world.peer(), world.peer()
    assert (first.asked, second.asked, third.asked) == ([0, 1, 2, 3], [4, 5, 6, 7], [8, 9])
    world.serve_all()
    assert world.download.info == INFO


def test_after_the_end_answers_on_their_way_are_ignored_and_nothing_is_asked() -> None:
    world = World()
    first, second = world.peer(), world.peer()
    world.tick(md.PATIENCE)
    world.serve_all()
    assert world.download.info == INFO
    late = world.peer()
    assert late.asked == []
    assert late.send(0) == "sent metadata that was not asked for"
    world.tick()
    second.leave()
    assert first.asked == []


def test_an_idle_peer_is_asked_for_what_another_lets_wait() -> None:
    world = World(INFO[: 2 * PIECE_SIZE])
    slow, idle = world.peer(), world.peer()
    assert (slow.asked, idle.asked) == ([0, 1], [])
    world.tick(md.PATIENCE - 1)
    assert idle.asked == []
    world.tick(1)
    assert idle.asked == [0], "one at a time"
    third, fourth = world.peer(), world.peer()
    assert (third.asked, fourth.asked) == ([1], []), "two peers for a piece are enough"
    idle.serve(1)
    assert idle.asked == [], "that one is here now"
    third.serve()
    assert world.download.info == world.info
    assert slow.send(0) == "", "it was asked"
    slow.leave()
    assert world.download._assemblies == {}


def test_a_peer_that_does_not_answer_rests_and_its_late_answer_counts() -> None:
    world = World()
    slow = world.peer()
    world.tick(md.REQUEST_TIMEOUT - 0.5)
    other = world.peer()
    assert other.asked == [4, 5, 6, 7]
    other.serve(4)
    assert other.asked == [8, 9]
    world.tick(0.5)
    assert other.asked == [8, 9, 0, 1]
    assert slow.asked == [0, 1, 2, 3], "it was not asked again"
    assert slow.send(slow.asked.pop(0)) == "", "and what it sends is taken"
    assert slow.send(0).startswith("sent metadata that was not"), "once"
    other.leave()
    world.serve_all()
    assert world.download.info == INFO


def test_a_single_silent_peer_is_asked_again_after_its_rest() -> None:
    world = World()
    peer = world.peer()
    peer.asked.clear()
    world.tick(md.REQUEST_TIMEOUT)
    assert peer.asked == []
    assert world.download.report(world.now) == "1 of them have the metadata, and do not send it"
    world.tick(md.REST - 1)
    assert peer.asked == []
    world.tick(1)
    assert peer.asked == [4, 5, 6, 7], "the others may still come"
    peer.serve()
    assert world.download.info == INFO


def test_a_rejected_piece_is_asked_of_others() -> None:
    world = World()
    first, second = world.peer(), world.peer()
    assert world.download.on_reject(first, 0, world.now) == ""
    second.serve()
    assert world.download.info is None
    for piece in (1, 2, 3):
        assert world.download.on_reject(first, piece, world.now) == ""
    second.serve()
    assert world.download.info == INFO
    assert world.download.on_reject(first, 0, world.now) == "rejected metadata that was not asked for"
    assert world.download.on_reject(Source(world, INFO), 0, world.now)


@pytest.mark.parametrize(
    ("piece", "data", "total", "reason"),
    [
        (0, INFO[:100], SIZE, f"sent 100 bytes as piece 0 of {SIZE} bytes of metadata"),
        (1, INFO[:PIECE_SIZE], SIZE + 1, f"sent {PIECE_SIZE} bytes as piece 1 of {SIZE + 1} bytes of metadata"),
        (5, INFO[:PIECE_SIZE], SIZE, "sent metadata that was not asked for"),
    ],
)
def test_wrong_pieces_end_the_connection(piece: int, data: bytes, total: int, reason: str) -> None:
    world = World()
    assert world.peer().send(piece, data, total=total) == reason


def test_a_message_need_not_tell_the_size() -> None:
    world = World()
    assert world.peer().send(0, total=0) == ""


def test_the_peer_that_sent_all_of_wrong_metadata_is_blamed() -> None:
    world = World()
    liar = world.peer(spoilt(3))
    while liar.asked:
        liar.serve(1)
    assert liar.blamed == md.WRONG
    assert world.download.held == 0
    honest = world.peer()
    honest.serve()
    assert world.download.info == INFO
    assert not honest.blamed


def test_after_wrong_metadata_of_several_peers_each_is_alone_and_the_liar_is_found() -> None:
    world = World()
    honest, liar, idle = world.peer(), world.peer(spoilt(4)), world.peer()
    world.serve_all()
    assert world.download.info == INFO
    assert [source.blamed for source in world.sources].count(md.WRONG) <= 1
    assert not honest.blamed
    assert not idle.blamed

    world = World()
    honest, liar = world.peer(), world.peer(spoilt(4))
    while not world.download._alone:
        honest.serve(1)
        liar.serve(1)
    honest.asked, silent = [], honest.asked
    while liar.asked:
        liar.serve(1)
    assert liar.blamed == md.WRONG
    assert world.download.info is None
    honest.asked = silent
    honest.serve()
    assert world.download.info == INFO


def test_pieces_of_a_peer_that_left_are_kept_and_its_requests_go_to_others() -> None:
    world = World()
    leaving = world.peer()
    leaving.serve(2)
    other = world.peer()
    leaving.leave()
    assert world.download.held == 2 * PIECE_SIZE
    world.serve_all()
    assert world.download.info == INFO
    assert other.blamed == ""
    world.download.left(leaving, world.now)


def test_a_peer_that_left_before_it_sent_anything_leaves_nothing() -> None:
    world = World()
    world.peer().leave()
    assert world.download._assemblies == {}


def test_a_lie_about_the_size_does_not_disturb_the_others() -> None:
    world = World()
    liars = [world.peer(bytes(SIZE + number)) for number in range(1, 4)]
    honest = world.peer()
    world.serve_all()
    assert world.download.info == INFO
    assert not honest.blamed
    assert all(source.blamed or source.closed == "" for source in liars)


def test_the_first_size_counts() -> None:
    world = World()
    peer = world.peer()
    world.download.offered(peer, SIZE + 1, world.now)
    peer.serve()
    assert world.download.info == INFO


def test_metadata_that_is_too_large_is_not_asked_for() -> None:
    world = World()
    peer = world.peer(size=MAX + 1)
    assert peer.asked == []
    assert f"1 of them say that the metadata has more than the {MAX} bytes" in world.download.report(world.now)
    world.download.offered(peer, SIZE, world.now)
    assert peer.asked == [0, 1, 2, 3], "it said so by mistake"
    gone = world.peer(size=MAX + 1)
    gone.leave()
    peer.leave()
    assert world.download.report(world.now) == "none of them has the metadata"


def test_what_is_reported() -> None:
    world = World()
    peer = world.peer()
    world.peer(bytes(2 * SIZE))
    peer.serve(3)
    assert world.download.report(world.now) == "3 of 10 pieces of the metadata have come, 2 of the peers have it"


def test_many_sizes_hold_no_more_than_the_limit_and_the_truth_comes_through() -> None:
    """Peers that each claim another size, and send all but the last piece of it, so that none is ever blamed."""
    world = World()
    liars = [world.peer(bytes((COUNT + number) * PIECE_SIZE)) for number in range(30)]
    honest = world.peer()
    most = 0
    for _ in range(200):
        for liar in liars:
            liar.asked[:] = [piece for piece in liar.asked if piece < piece_count(liar.size) - 1]
            liar.serve(1)
        honest.serve(1)
        most = max(most, world.download.held)
        world.tick()
        if world.download.info is not None:
            break
    assert world.download.info == INFO
    assert most <= MAX + DEPTH * PIECE_SIZE * len(world.sources)


def test_pieces_that_nobody_claims_any_more_give_way_first() -> None:
    world = World(max_size=COUNT * PIECE_SIZE)
    gone = world.peer(bytes(9 * PIECE_SIZE))
    gone.serve(8)
    gone.leave()
    assert world.download.held == 8 * PIECE_SIZE
    honest = world.peer()
    world.serve_all()
    assert world.download.info == INFO
    assert not honest.blamed


SEEDS = 25


def test_after_any_order_of_events_one_honest_peer_is_enough() -> None:
    """Honest peers and liars come, send, reject, stay silent and go in any order; then one sends all it is asked."""
    for seed in range(SEEDS):
        chance = random.Random(seed)
        world = World(max_size=chance.choice([SIZE, MAX]))
        for _ in range(150):
            _move(world, chance)
            assert world.download.held <= world.download._max_size + DEPTH * PIECE_SIZE * len(world.sources)
        honest = world.peer()
        for _ in range(600):
            if world.download.info is not None:
                break
            honest.serve()
            world.tick()
        assert world.download.info == INFO, seed
        assert not [source for source in world.sources if source.blamed and source.info == INFO], seed


def _move(world: World, chance: random.Random) -> None:
    present = [source for source in world.sources if not source.closed]
    kinds: List[Tuple[bytes, int]] = [(INFO, 0), (spoilt(0), 0), (spoilt(5, 9), 0), (bytes(SIZE + PIECE_SIZE), 0)]
    what = chance.random()
    if what < 0.1 or not present:
        world.peer(chance.choice(kinds)[0])
        return
    source = chance.choice(present)
    if what < 0.75:
        source.serve(chance.randint(1, 3))
    elif what < 0.8 and source.asked:
        world.download.on_reject(source, source.asked.pop(0), world.now)
    elif what < 0.85:
        source.leave()
    else:
        world.tick(chance.choice([1.0, 3.0, 30.0]))


def test_a_peer_that_stops_in_the_middle_does_not_keep_the_room() -> None:
    world = World(max_size=COUNT * PIECE_SIZE)
    silent = world.peer(bytes(9 * PIECE_SIZE))
    silent.serve(8)
    honest = world.peer()
    honest.serve()
    assert world.download.info is None, "what is nearly whole goes on first"
    for _ in range(int(md.TURN * 8 / 9 + md.REQUEST_TIMEOUT) + 2):
        world.tick()
        honest.serve()
    assert world.download.info == INFO


# -- the hash comes later ----------------------------------------------------------------------------------------------


class Slow(World):
    """A world in which metadata is hashed by another thread."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: List[bytes] = []
        self.checks: List[Callable[[], None]] = []
        self.download = MetadataDownload(self.check, max_size=MAX)
        self.download.on_info = self.taken.append

    def check(self, info: bytes, deliver: Callable[[bool], None]) -> None:
        self.checks.append(lambda: deliver(info == self.info))


def test_nothing_is_asked_for_while_the_metadata_is_hashed() -> None:
    world = Slow()
    first, second = world.peer(), world.peer()
    world.serve_all()
    assert (len(world.checks), world.download.info) == (1, None)
    world.tick(30.0)
    third = world.peer()
    assert first.asked == second.asked == third.asked == []
    world.checks[0]()
    assert world.download.info == INFO
    assert world.taken == [INFO]


def test_a_late_piece_of_what_is_being_hashed_changes_nothing() -> None:
    world = Slow()
    late, other = world.peer(), world.peer()
    waiting = late.asked[0]
    while len(world.checks) == 0:
        other.serve()
        world.tick(21.0)
    assert late.send(waiting) == ""
    assert len(world.checks) == 1
    world.checks[0]()
    assert world.taken == [INFO]


def test_a_sender_of_wrong_metadata_that_has_left_is_blamed_all_the_same() -> None:
    world = Slow()
    liar = world.peer(spoilt(0))
    world.serve_all()
    world.download.left(liar, world.now)
    good = world.peer()
    world.checks.pop()()
    assert liar.blamed == md.WRONG
    world.tick()
    world.serve_all()
    world.checks.pop()()
    assert not good.blamed
    assert world.taken == [INFO]


def test_two_are_hashed_at_once() -> None:
    world = Slow()
    for info in (INFO, INFO[:-1]):
        world.peer(info)
    world.serve_all()
    assert len(world.checks) == 2
    for check in world.checks:
        check()
    assert world.taken == [INFO]
    assert not any(source.blamed for source in world.sources), "what is of no use any more is not judged"


def test_what_several_sent_is_judged_once_more_after_they_were_separated() -> None:
    world = Slow()
    for size in (SIZE, SIZE, SIZE - 1, SIZE - 1):
        world.peer(spoilt(0)[:size])
    world.serve_all()
    first, second = world.checks
    first()
    asked = [list(source.asked) for source in world.sources]
    second()
    assert [list(source.asked) for source in world.sources] == asked, "each goes on alone"

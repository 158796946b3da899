"""Peers that send bad blocks, and peers that keep others waiting for a piece that failed, beside an honest seed.

Each download must be complete in bounded time; who lied is banned, and no other peer is.
"""

from __future__ import annotations

from typing import List, Sequence, Set, Type

import pytest

from bittorrent_threads import events
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing import peer_messages as pm
from bittorrent_threads.testing.peer_messages import message
from bittorrent_threads.testing.simulation.actor import Actor, Block
from bittorrent_threads.testing.simulation.swarm import Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import make_torrent
from bittorrent_threads.testing.simulation.world import World

BLOCK = 16384
PIECE = 16 * BLOCK
COUNT = 6
SETTINGS = Settings(min_requests=2)
"""So few that many peers share a piece."""
STRIPED = SETTINGS.replace(piece_memory=16 * BLOCK)
"""So little memory that a piece is written in stripes of four blocks."""
BOUND = 2 * SETTINGS.request_timeout
"""Virtual seconds that a peer which does not deliver may cost."""


def world_of(*, seed: int = 1, piece_length: int = PIECE, settings: Settings = SETTINGS, count: int = COUNT) -> Swarm:
    torrent = make_torrent(size=count * piece_length, piece_length=piece_length)
    return make_swarm(World(seed), torrent, nodes=1, seeds=0, settings=settings)


def start(swarm: Swarm, actors: Sequence[Actor]) -> None:
    """The node looks for peers, and they come one after the other."""
    swarm.start()
    swarm.world.run(3.0)
    for number, actor in enumerate(actors):
        swarm.world.after(0.001 * number, actor.dial)


def complete(swarm: Swarm, within: float) -> None:
    """The download is complete in so many virtual seconds."""
    swarm.run(limit=within)
    swarm.world.run(swarm.world.now + 1)
    swarm.check()


def banned(swarm: Swarm) -> Set[str]:
    return {ban.address[0] for ban in swarm.nodes[0].seen(events.PeerBanned)}


def failures(swarm: Swarm) -> int:
    return len(swarm.nodes[0].seen(events.PieceFailed))


class Liar(Actor):
    """Each block is wrong, always in the same way."""

    def asked(self, block: Block) -> None:
        self.give(block, wrong=True)


class Fickle(Actor):
    """One block in five is wrong, another one each time."""

    def asked(self, block: Block) -> None:
        self.give(block, wrong=self.world.random.random() < 0.2)


class Consistent(Actor):
    """One block in four is wrong, always the same ones."""

    def asked(self, block: Block) -> None:
        self.give(block, wrong=block[1] // BLOCK % 4 == 1)


class Repentant(Actor):
    """The first answer is wrong, the second is right."""

    def asked(self, block: Block) -> None:
        self.give(block, wrong=block not in self.given)


class Evasive(Actor):
    """Wrong blocks, but the rest of a piece is never sent: so no whole piece is its own."""

    def asked(self, block: Block) -> None:
        index, begin, _ = block
        if begin < 12 * BLOCK or sum(1 for done in self.given if done[0] == index) < 3:
            self.give(block, wrong=True)


class Dripping(Actor):
    """Wrong blocks, one each ten seconds."""

    free_at = 0.0

    def asked(self, block: Block) -> None:
        self.free_at = max(self.free_at, self.world.now) + 10
        self.give(block, wrong=True, after=self.free_at - self.world.now)


class Returning(Actor):
    """Wrong blocks; each few it hangs up and dials again, from another port."""

    left = 3

    def asked(self, block: Block) -> None:
        self.give(block, wrong=True)
        self.left -= 1
        if not self.left and self.stream is not None:
            self.left = 3
            self.stream.close()
            self.network.call_later(0.5, self.dial)


LIARS = [
    [Liar],
    [Fickle],
    [Consistent],
    [Repentant],
    [Evasive],
    [Dripping],
    [Liar, Liar],
    [Consistent, Repentant, Fickle],
    [Evasive, Evasive, Dripping],
]
KINDS = {"whole": (PIECE, SETTINGS), "striped": (PIECE, STRIPED), "one block": (BLOCK, SETTINGS)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("liars", LIARS, ids=lambda liars: "+".join(liar.__name__.lower() for liar in liars))
@pytest.mark.parametrize("honest", [1, 3])
def test_beside_honest_seeds_the_download_completes_and_the_liars_alone_are_banned(
    liars: List[Type[Actor]], kind: str, honest: int
) -> None:
    piece_length, settings = KINDS[kind]
    for seed in (1, 2):
        swarm = world_of(seed=seed, piece_length=piece_length, settings=settings)
        actors = [make(swarm, f"10.6.6.{number + 1}") for number, make in enumerate(liars)]
        actors += [Actor(swarm, f"10.1.1.{number + 1}", up=400_000) for number in range(honest)]
        start(swarm, actors)
        complete(swarm, 240)
        lied = {actor.host for actor in actors if isinstance(actor, tuple(liars)) and actor.given}
        assert banned(swarm) <= {actor.host for actor in actors[: len(liars)]}
        assert failures(swarm) <= 2 * COUNT + 2 * len(liars)
        if failures(swarm) and liars in ([Liar], [Liar, Liar]):
            assert banned(swarm) == lied


@pytest.mark.parametrize("kind", ["whole", "striped"])
def test_a_liar_that_comes_from_another_port_each_time_holds_nothing_up(kind: str) -> None:
    piece_length, settings = KINDS[kind]
    swarm = world_of(piece_length=piece_length, settings=settings)
    liar = Returning(swarm, "10.6.6.1")
    start(swarm, [liar, Actor(swarm, "10.1.1.1", up=400_000)])
    complete(swarm, 240)
    assert banned(swarm) <= {"10.6.6.1"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("liars", [1, 2])
def test_liars_that_are_the_only_source_of_a_piece_are_banned_and_the_next_seed_is_asked(kind: str, liars: int) -> None:
    piece_length, settings = KINDS[kind]
    swarm = world_of(piece_length=piece_length, settings=settings)
    sources: List[Actor] = [Liar(swarm, f"10.6.6.{number}") for number in range(liars)]
    start(swarm, [*sources, Actor(swarm, "10.1.1.1", pieces=range(1, COUNT))])
    swarm.world.run(swarm.world.now + 60)
    before = failures(swarm)
    swarm.world.run(swarm.world.now + 600)
    assert failures(swarm) == before <= 2 * COUNT + 2
    assert banned(swarm) == {liar.host for liar in sources}
    Actor(swarm, "10.1.1.2").dial()
    complete(swarm, 60)
    assert banned(swarm) == {liar.host for liar in sources}


# -- peers that keep others waiting ------------------------------------------------------------------------------------


def str_of(value: object) -> str:
    """The name of a parameter."""
    return value.__name__ if isinstance(value, type) else "fast" if value else "plain"


class Staller(Actor):
    """Honest until a piece has failed; then it does what its class says, once it is asked for more."""

    @property
    def stalls(self) -> bool:
        return bool(self.node.seen(events.PieceFailed))

    def asked(self, block: Block) -> None:
        if self.stalls:
            self.stall(block)
        else:
            self.give(block)

    def stall(self, block: Block) -> None:
        """Not a word."""


class ChokesAfterOne(Staller):
    """One good block, and a choke that answers nothing (which BEP 6 forbids)."""

    choking = False

    def stall(self, block: Block) -> None:
        if not self.choking:
            self.choking = True
            self.give(block)
            self.say(message(pm.CHOKE))


class ChokesProperly(Staller):
    """An honest peer that gives its slot to another: a choke, and with BEP 6 a reject for each request."""

    choking = False

    def stall(self, block: Block) -> None:
        if not self.choking:
            self.choking = True
            self.give(block)
            self.say(message(pm.CHOKE))
        elif self.fast:
            self.say(message(pm.REJECT, *block))


class Rejects(Staller):
    def stall(self, block: Block) -> None:
        self.say(message(pm.REJECT, *block))


class RejectsMost(Staller):
    """Rejects one request of three, says nothing to another and answers the third."""

    number = 0

    def stall(self, block: Block) -> None:
        self.number += 1
        if self.number % 3 == 0:
            self.give(block)
        elif self.number % 3 == 1:
            self.say(message(pm.REJECT, *block))


class WrongSize(Staller):
    def stall(self, block: Block) -> None:
        index, begin, _ = block
        self.say(message(pm.PIECE, index, begin, payload=b"!"))


class Chatters(Staller):
    """Answers nothing, and sends a block that was not asked for each three seconds."""

    talking = False

    def stall(self, block: Block) -> None:
        if not self.talking:
            self.talking = True
            for number in range(60):
                self.say(message(pm.PIECE, block[0], 15 * BLOCK, payload=b"?"), after=3.0 * number + 0.1)


class ServesOthers(Staller):
    """Answers for every piece but the first."""

    def stall(self, block: Block) -> None:
        if block[0]:
            self.give(block)


class DripsRight(Staller):
    """A right block each fifteen seconds."""

    free_at = 0.0

    def stall(self, block: Block) -> None:
        self.free_at = max(self.free_at, self.world.now) + 15
        self.give(block, after=self.free_at - self.world.now)


class LiesOnce(Actor):
    """A liar in the first piece that is asked for, until that has failed; then it is honest."""

    def asked(self, block: Block) -> None:
        self.give(block, wrong=not self.node.seen(events.PieceFailed))


ALWAYS = [Staller, ChokesAfterOne, ChokesProperly, WrongSize, Chatters, ServesOthers]
STALLERS = [*[(staller, fast) for staller in ALWAYS for fast in (False, True)], (Rejects, True), (RejectsMost, True)]
"""With BEP 6 and without, but for those that need it."""


@pytest.mark.parametrize("striped", [False, True], ids=["whole", "striped"])
@pytest.mark.parametrize("stallers", [1, 3])
@pytest.mark.parametrize(("staller", "fast"), STALLERS, ids=str_of)
def test_a_piece_that_failed_does_not_wait_for_who_does_not_deliver(
    staller: Type[Staller], fast: bool, stallers: int, striped: bool
) -> None:
    swarm = world_of(settings=STRIPED if striped else SETTINGS, count=2)
    swarm.nodes[0].files.pieces.add(1)
    # Those that stall are served first after the failure, as they came first.
    actors: List[Actor] = [staller(swarm, f"10.7.7.{number}", fast=fast) for number in range(stallers)]
    actors += [LiesOnce(swarm, "10.6.6.6"), Actor(swarm, "10.1.1.1")]
    start(swarm, actors)
    swarm.world.run(lambda: bool(failures(swarm)), limit=10)
    complete(swarm, BOUND if stallers == 1 else 2 * BOUND)
    assert banned(swarm) == {"10.6.6.6"}
    assert failures(swarm) == 1


def test_a_slow_drip_of_right_blocks_does_not_keep_a_piece_for_long() -> None:
    swarm = world_of(count=1)
    drips, liar, honest = DripsRight(swarm, "10.7.7.7"), LiesOnce(swarm, "10.6.6.6"), Actor(swarm, "10.1.1.1")
    start(swarm, [drips, liar, honest])
    swarm.world.run(lambda: bool(failures(swarm)), limit=10)
    complete(swarm, 2 * BOUND)
    assert banned(swarm) == {"10.6.6.6"}


class Withholding(Actor):
    """Right blocks, all but the first of each piece, for which it never says no."""

    def asked(self, block: Block) -> None:
        if block[1]:
            self.give(block)


@pytest.mark.parametrize(("withholders", "memory", "within"), [(1, 16, 24), (1, 64, 24), (4, 16, 60), (4, 4, 200)])
def test_peers_that_leave_a_block_of_each_piece_out_keep_no_other_from_it(
    withholders: int, memory: int, within: float
) -> None:
    """Beside them a seed at 200,000 bytes a second, which alone needs 32 s; memory is for so many pieces."""
    swarm = world_of(count=24, settings=Settings(piece_memory=memory * PIECE))
    silent = [Withholding(swarm, f"10.66.0.{number}") for number in range(1, withholders + 1)]
    start(swarm, [*silent, Actor(swarm, "10.0.1.1", up=200_000.0)])
    complete(swarm, within)
    assert banned(swarm) == set()
    assert failures(swarm) == 0

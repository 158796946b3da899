"""Files that are read while a swarm in virtual time downloads them."""

from __future__ import annotations

from typing import List, Tuple

from bittorrent_threads.disk.destination import Destination
from bittorrent_threads.engine.readers import Reader
from bittorrent_threads.net.reply import Reply
from bittorrent_threads.testing.simulation.network import MBIT
from bittorrent_threads.testing.simulation.swarm import TRACKER, Node, Swarm, make_swarm
from bittorrent_threads.testing.simulation.torrent import make_torrent
from bittorrent_threads.testing.simulation.world import World

PIECE = 65536
COUNT = 320
ROUND_TRIP = 0.1


def reading_swarm(*, nodes: int = 2) -> Swarm:
    """A seed of 20 Mbit/s behind 100 ms, and others that have begun to download from it."""
    torrent = make_torrent(size=COUNT * PIECE, piece_length=PIECE, trackers=[TRACKER])
    swarm = make_swarm(World(3), torrent, nodes=nodes, up=20 * MBIT, latency=ROUND_TRIP / 4)
    for node in swarm.nodes:
        node.start()
    swarm.until(lambda: all(node.torrent.content.have.count > COUNT // 10 for node in swarm.nodes), limit=60)
    return swarm


class MemoryReply(Reply):
    """An answer, and the memory for its bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = bytearray(100)
        self.into = Destination(memoryview(self.memory))


def seek(node: Node, reader: Reader, index: int) -> MemoryReply:
    """Read at the begin of a piece."""
    reply = MemoryReply()
    readers = node.torrent.content.readers
    node.act(lambda: readers.read(reader, index * PIECE, 100, wanted=100, answer=reply, into=reply.into))
    return reply


def answered(swarm: Swarm, reply: Reply) -> None:
    swarm.world.run(lambda: reply.done, limit=30)


def opened(node: Node, *, readahead: int = 0) -> Reader:
    reader = Reader(0, COUNT * PIECE, readahead)
    node.act(node.torrent.content.readers.open, reader)
    return reader


def missing(node: Node) -> List[int]:
    have = node.torrent.content.have
    return [index for index in range(COUNT) if not have[index]]


def right(swarm: Swarm, answers: List[Tuple[int, MemoryReply]]) -> bool:
    return all(
        reply.memory[: reply.wait(0)] == swarm.torrent.content.read(index * PIECE, 100) for index, reply in answers
    )


def test_a_seek_is_answered_in_two_round_trips_while_the_rest_is_downloaded() -> None:
    swarm = reading_swarm()
    world, node = swarm.world, swarm.nodes[1]
    reader = opened(node)
    world.run(world.now + 1.5)  # what was requested before the file was opened is over
    for _ in range(5):
        world.run(world.now + 0.3)
        index = missing(node)[len(missing(node)) // 2]
        asked = world.now
        reply = seek(node, reader, index)
        answered(swarm, reply)
        assert world.now - asked <= 2 * ROUND_TRIP
        assert right(swarm, [(index, reply)])
    node.act(node.torrent.content.readers.close, reader)
    swarm.run(limit=60)
    swarm.check()


def test_readers_at_different_places_are_all_answered_soon() -> None:
    swarm = reading_swarm()
    world, node = swarm.world, swarm.nodes[1]
    readers = [opened(node) for _ in range(6)]
    world.run(world.now + 1.5)
    places = missing(node)[10::40][: len(readers)]
    asked = world.now
    answers = [(index, seek(node, reader, index)) for reader, index in zip(readers, places)]
    world.run(lambda: all(reply.done for _, reply in answers), limit=5)
    assert right(swarm, answers)
    assert world.now - asked <= 2 * ROUND_TRIP + len(places) * PIECE / (20 * MBIT)


def test_a_file_is_read_from_begin_to_end_in_a_swarm() -> None:
    swarm = reading_swarm(nodes=4)
    node = swarm.nodes[3]
    reader = opened(node, readahead=16 * PIECE)
    for index in range(COUNT):
        reply = seek(node, reader, index)
        answered(swarm, reply)
        assert right(swarm, [(index, reply)])
    swarm.run([node], limit=60)
    wasted = node.status.wasted
    assert wasted <= COUNT * PIECE / 20
    swarm.run(limit=300)
    swarm.check()

"""Swarms whose connections are made by another transport than TCP, with receive memory of their own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable, Optional

from support.scrambled import Scrambled, ScrambledStream

from bittorrent_threads import events
from bittorrent_threads.net.interfaces import Address, StreamHandler
from bittorrent_threads.testing.simulation.network import SimNetwork
from bittorrent_threads.testing.simulation.swarm import TRACKER, make_swarm
from bittorrent_threads.testing.simulation.torrent import make_torrent
from bittorrent_threads.testing.simulation.world import World


def scramble(network: SimNetwork) -> None:
    """Have a host dial and accept scrambled connections only."""
    transport = Scrambled()
    plain = SimpleNamespace(connect=network.connect)
    listen = network.listen

    def connect(address: Address, handler: StreamHandler, timeout: float, chosen: Optional[Any] = None) -> Any:
        return transport.dial(plain, address, handler, timeout)

    def listen_scrambled(host: str, port: int, accept: Callable[[ScrambledStream], None]) -> Any:
        return listen(host, port, transport.accepting(accept))

    network.connect = connect  # type: ignore[assignment, method-assign]
    network.listen = listen_scrambled  # type: ignore[assignment, method-assign]


def test_a_piece_of_one_block_is_not_kept_in_the_memory_of_another_transport() -> None:
    """That memory is overwritten after each read; a piece that was kept there would fail its hash check."""
    torrent = make_torrent(size=1024 * 1024 + 100, piece_length=16384, trackers=[TRACKER])
    swarm = make_swarm(World(4), torrent, nodes=4)
    for node in swarm.nodes:
        scramble(node.network)
    swarm.start()
    swarm.run()
    swarm.check()
    for node in swarm.nodes[1:]:
        pool = node.network.receive_pool
        assert node.complete
        assert not node.seen(events.PieceFailed)
        assert pool.lent == 0
        assert pool.refused > 0

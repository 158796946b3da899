"""The interfaces to the engine: it has their methods, and so have the recorders that the tests give instead."""

from __future__ import annotations

import inspect
from typing import Set

import pytest
from support.block_sources import Record, RecordingSource

from bittorrent_threads.engine.peer import Peer
from bittorrent_threads.engine.peer_sender import PeerSender
from bittorrent_threads.engine.piece_writer import PieceWriter as DiskWriter
from bittorrent_threads.swarm.interfaces import BlockSource, PieceWriter, Sender


def methods(kind: type) -> Set[str]:
    return {name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")}


@pytest.mark.parametrize("interface", [BlockSource, PieceWriter, Sender])
def test_it_is_narrow(interface: type) -> None:
    assert 0 < len(methods(interface)) <= 10


@pytest.mark.parametrize(
    ("interface", "kind"),
    [
        (BlockSource, Peer),
        (BlockSource, RecordingSource),
        (Sender, PeerSender),
        (Sender, RecordingSource),
        (PieceWriter, DiskWriter),
        (PieceWriter, Record),
    ],
)
def test_its_methods_are_implemented(interface: type, kind: type) -> None:
    assert methods(interface) <= methods(kind)
    for name in methods(interface):
        asked = inspect.signature(getattr(interface, name)).parameters
        assert list(inspect.signature(getattr(kind, name)).parameters) == list(asked)

"""The port of the downloads: the engine has its methods, and so has the recorder that the tests give instead."""

from __future__ import annotations

import inspect
from typing import Set

import pytest

from bittorrent_threads.engine.piece_tracker import PieceTracker
from bittorrent_threads.swarm.interfaces import DownloadPort

from .test_downloads import Recorder


def methods(kind: type) -> Set[str]:
    return {name for name, member in vars(kind).items() if inspect.isfunction(member) and not name.startswith("_")}


def test_it_is_narrow() -> None:
    assert 0 < len(methods(DownloadPort)) <= 10


@pytest.mark.parametrize("kind", [PieceTracker, Recorder])
def test_who_has_it(kind: type) -> None:
    assert methods(DownloadPort) <= methods(kind)
    for name in methods(DownloadPort):
        asked = inspect.signature(getattr(DownloadPort, name)).parameters
        assert list(inspect.signature(getattr(kind, name)).parameters) == list(asked)

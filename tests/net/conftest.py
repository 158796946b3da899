"""Fixtures: a running loop, and the exceptions of its callbacks, which fail the test unless it clears them."""

from __future__ import annotations

from typing import Iterator, List

import pytest
from support.loopback import PATIENCE, Plain

from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def faults() -> List[Exception]:
    """Return the list of exceptions that callbacks of ``loop`` raised; a test that expects some clears it."""
    return []


@pytest.fixture
def loop(settings: Settings, faults: List[Exception]) -> Iterator[Loop]:
    loop = Loop(settings)
    loop.on_fault = faults.append
    loop.start()
    yield loop
    loop.stop()
    assert loop.join(PATIENCE)
    assert faults == []


@pytest.fixture
def plain() -> Iterator[Plain]:
    with Plain() as listening:
        yield listening

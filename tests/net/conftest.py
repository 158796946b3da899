"""A running loop for each test that asks for one; a callback that raised fails the test unless it says so."""

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
    """What callbacks of ``loop`` raised; a test that makes them do so looks at it and clears it."""
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

"""Fixture for all fault tests: no callback of the network thread may raise."""

from __future__ import annotations

import logging
from typing import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_raised(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which a callback of the network thread raised, or another error was logged."""
    yield
    logged = [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not logged, [f"{record.getMessage()}: {record.exc_info and record.exc_info[1]!r}" for record in logged]

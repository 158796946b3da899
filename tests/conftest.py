"""What holds for every test: nothing is left behind, and a missing peer is told at the end of the run."""

from __future__ import annotations

import os
import signal
from typing import Callable, Iterator

import hypothesis
import pytest
from support import leaks, peers_required

# Properties are tried with few examples and no clock, as machines are busy; where a failure must not come and go (CI
# requires the peers) always with the same.
hypothesis.settings.register_profile(
    "quick",
    max_examples=100,
    deadline=None,
    database=None,
    derandomize="BITTORRENT_THREADS_REQUIRE_PEERS" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("quick")


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that left a thread, a socket or an open file behind."""
    before = leaks.snapshot()
    yield
    found = leaks.leaks_since(before)
    if found:
        pytest.fail(f"{request.node.nodeid} leaked: " + "; ".join(found), pytrace=False)


@pytest.fixture
def require_peer() -> Callable[[str], str]:
    """``require_peer(name)``: the path of a peer's program, or the end of the test."""
    return peers_required.require_peer


def pytest_configure() -> None:
    """A shell has its background jobs ignore SIGINT, and their children too; here some are to be interrupted."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which peers were missing, and which tests for want of them did not run."""
    if not peers_required.missed:
        return
    terminalreporter.section("missing peers")
    for name, tests in sorted(peers_required.missed.items()):
        terminalreporter.line(f"{name} is not installed; {len(tests)} tests did not run:")
        for test in tests:
            terminalreporter.line(f"    {test}")

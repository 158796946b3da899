"""Fixtures and hooks for all tests: leaks fail the test, and missing peers are listed at the end of the run."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Callable, Iterator

import hypothesis
import pytest
from support import peers_required

from bittorrent_threads.testing import leaks, quiet

pytest_plugins = ["bittorrent_threads.testing.pytest_plugin"]

# Few examples and no deadline, because machines may be busy.  CI, which requires the peers, always uses the same
# examples, so that a failure can be repeated.
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
    """Fail a test that leaves a thread, a socket or an open file behind."""
    before = leaks.snapshot()
    yield
    found = leaks.leaks_since(before)
    if found:
        pytest.fail(f"{request.node.nodeid} leaked: " + "; ".join(found), pytrace=False)


@pytest.fixture
def require_peer() -> Callable[[str], str]:
    """Return ``require_peer(name)``: it returns the path of a peer's program, or skips or fails the test."""
    return peers_required.require_peer


def pytest_configure(config: pytest.Config) -> None:
    """Keep sessions quiet, and restore SIGINT, which shells ignore in background jobs: tests interrupt children."""
    stack = contextlib.ExitStack()
    stack.enter_context(quiet.quiet_defaults())
    config.add_cleanup(stack.close)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the missing peers, and the tests that did not run without them."""
    if not peers_required.missed:
        return
    terminalreporter.section("missing peers")
    for name, tests in sorted(peers_required.missed.items()):
        terminalreporter.line(f"{name} is not installed; {len(tests)} tests did not run:")
        for test in tests:
            terminalreporter.line(f"    {test}")

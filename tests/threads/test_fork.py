"""The child of a fork closes what its parent has open, and only what still exists."""

from __future__ import annotations

import gc
import os

import pytest

from bittorrent_threads.threads.fork import close_after_fork

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


class Owner:
    """Reports on a pipe that it was closed."""

    def __init__(self, name: bytes, pipe: int) -> None:
        self.name = name
        self.pipe = pipe

    def close(self, timeout: float = 5.0) -> None:
        os.write(self.pipe, self.name + (b" at once\n" if not timeout else b"\n"))


def test_the_child_closes_what_still_exists() -> None:
    out, into = os.pipe()
    kept, dropped = Owner(b"kept", into), Owner(b"dropped", into)
    close_after_fork(kept)
    close_after_fork(dropped)
    del dropped
    gc.collect()
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    os.close(into)
    with os.fdopen(out, "rb") as told:
        assert told.read() == b"kept at once\n"

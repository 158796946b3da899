"""``no_leaks`` fails when something is left, and says what; more of it is in ``test_support``."""

from __future__ import annotations

import threading

import pytest

from bittorrent_threads.testing import no_leaks


def test_a_thread_that_is_left_is_named() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="bittorrent-net", daemon=True)
    try:
        with pytest.raises(AssertionError, match="leaked: the thread bittorrent-net still runs"), no_leaks(grace=0.01):
            thread.start()
    finally:
        stop.set()
        thread.join()


def test_an_error_of_the_block_is_not_replaced() -> None:
    with pytest.raises(KeyError), no_leaks():
        raise KeyError

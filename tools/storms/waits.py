"""Programs that wait: for a condition, for several clients, for a hash check, with and without progress."""

from __future__ import annotations

import contextlib
import io

import bittorrent_threads as bt

from .ground import PATIENCE


def waited(client: bt.Client) -> None:
    """Wait for a state that is reached, and for one that is never reached."""
    client.wait()
    with contextlib.suppress(bt.WaitTimeout):
        client.wait(lambda status: False, timeout=0.005)


def watched(client: bt.Client) -> None:
    """Wait and show the progress."""
    with contextlib.redirect_stdout(io.StringIO()):
        client.watch(timeout=PATIENCE)
        with contextlib.suppress(bt.WaitTimeout):
            client.watch(lambda status: False, timeout=0.005, interval=0.001)


def waited_together(client: bt.Client) -> None:
    """Wait as for several clients, with progress."""
    bt.wait_all([client], progress=lambda report: None).check()
    bt.wait_all([client], lambda status: False, timeout=0.005)
    assert [outcome.error for outcome in bt.as_completed([client])] == [None]


def checked(client: bt.Client) -> None:
    """Check pieces, waiting and not waiting."""
    client.hashcheck(0, 1, 2)
    check = client.hashcheck(wait=False)
    with contextlib.suppress(bt.WaitTimeout):
        check.wait(0.001)
    check.cancel()
    check.wait(PATIENCE)
    assert check.done

"""Programs that take the events of a client."""

from __future__ import annotations

import contextlib
import queue
import select

import bittorrent_threads as bt

from .ground import PATIENCE


def followed(client: bt.Client) -> None:
    """Iterate over the events of a hash check."""
    client.hashcheck(0, 1, wait=False)
    for event in client:
        if isinstance(event, bt.events.HashcheckFinished):
            return


def got(client: bt.Client) -> None:
    """Take events one by one."""
    client.hashcheck(0, wait=False)
    with contextlib.suppress(queue.Empty):
        while True:
            client.events.get(timeout=0.002)
    assert client.events.qsize() >= 0
    assert not client.events.ended
    assert client.events.empty() in (False, True)
    assert client.events.full() in (False, True)


def polled(client: bt.Client) -> None:
    """Take events when the descriptor is readable, up to that of a hash check."""
    client.hashcheck(0, wait=False)
    assert client.fileno() == client.events.fileno()
    while True:
        assert select.select([client], [], [], PATIENCE)[0], "an event waits and the descriptor is not readable"
        with contextlib.suppress(queue.Empty):
            if isinstance(client.events.get_nowait(), bt.events.HashcheckFinished):
                return

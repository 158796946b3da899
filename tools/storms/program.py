"""What a program is, and the frame of the programs that interrupt a call of one client."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import bittorrent_threads as bt

from .ground import PATIENCE, Ground

Call = Callable[[], Any]
Storm = Callable[[Call], None]
"""Makes a call repeatedly, and interrupts it."""


class Program(NamedTuple):
    """Calls of the library to be interrupted."""

    run: Callable[[Ground, Storm], None]
    """Gives the storm a call, and checks afterwards that the interrupted object works."""
    needs: str = ""
    """The module without which the program cannot run."""


def on_a_client(call: Callable[[bt.Client], Any], **options: Any) -> Callable[[Ground, Storm], None]:
    """Return a program that interrupts a call of one client, which must work and close at the end."""

    def run(ground: Ground, storm: Storm) -> None:
        client = ground.client(**options)
        client.wait("checked", timeout=PATIENCE)
        storm(lambda: call(client))
        check_works(client)
        client.close(timeout=PATIENCE)
        assert type(list(client)[-1]) is bt.events.Closed or client.events.ended
        client.close()

    return run


def check_works(client: bt.Client) -> None:
    """Check that the verbs of the client work and that its events arrive."""
    client.pause()
    client.start()
    assert len(client.hashcheck().passed) == client.piece_count
    client.wait(timeout=PATIENCE)
    while True:  # older events, then that of the check
        if isinstance(client.events.get(timeout=PATIENCE), bt.events.HashcheckFinished):
            return

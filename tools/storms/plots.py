"""A program that draws what a client did."""

from __future__ import annotations

import contextlib

from .ground import PATIENCE, Ground
from .program import Storm, check_works


def plotted(ground: Ground, storm: Storm) -> None:
    """Draw the rates, the pieces and the peers."""
    with ground.client() as client:
        client.wait("checked", timeout=PATIENCE)

        def call() -> None:
            # Compiled code of matplotlib reports an interrupt as a wrong argument.
            with contextlib.suppress(TypeError, ValueError):
                assert client.plot().axes

        storm(call)
        assert client.plot().axes
        check_works(client)

"""Programs that make, ask and close sessions, and change what they block."""

from __future__ import annotations

import time

import bittorrent_threads as bt

from .ground import LOCAL, PATIENCE, Ground
from .program import Storm


def made(ground: Ground, storm: Storm) -> None:
    """Make sessions and close them."""

    def call() -> None:
        with bt.Session(LOCAL.replace(port=0)) as session:
            session.download_limit = session.upload_limit = 0
            assert session.download_limit == session.upload_limit == session.port == 0
            assert not session.closed
            assert repr(session)
            assert session._repr_html_()
            session.close(timeout=PATIENCE)

    storm(call)


def shared(ground: Ground, storm: Storm) -> None:
    """Add clients to one session and close them; the session must take the torrent again."""
    with bt.Session(LOCAL) as session:

        def call() -> None:
            for client in session.clients:  # the interrupt came after it was added
                client.close()
            with session.add(ground.metainfo, ground.folder / "seed", on_hash_pass=abs) as client:
                client.hashcheck(0)

        def patient() -> None:
            try:
                call()
            except bt.StateError:  # the interrupted client is still closing
                time.sleep(0.01)

        storm(patient)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                call()
                break
            except bt.StateError:
                assert time.monotonic() < deadline, "the session keeps a torrent without a client"
        assert session.clients == ()


def filtered(ground: Ground, storm: Storm) -> None:
    """Change the addresses that a session blocks; each change is made or not made."""
    path = ground.folder / "blocked"
    path.write_text("192.0.2.0/24\n198.51.100.0/24\n")
    with bt.Session(LOCAL) as session:

        def call() -> None:
            blocked = session.ip_filter
            blocked.clear()
            blocked.block("203.0.113.0/24")
            blocked.allow("203.0.113.7")
            assert "203.0.113.7" not in blocked
            assert len(blocked) == len(list(blocked)) == 2
            assert repr(blocked)
            assert blocked.load(path)

        storm(call)
        call()
        assert len(session.ip_filter) == 4

"""Programs that make, order, ask and close clients."""

from __future__ import annotations

import gc
import time
from typing import Optional

import bittorrent_threads as bt

from .ground import PATIENCE, Ground
from .leftovers import own_threads
from .program import Storm, check_works


def made(ground: Ground, storm: Storm) -> None:
    """Make clients and close them."""

    def call() -> None:
        with ground.client(on_hash_pass=len, on_hash_fail=len) as client:
            client.hashcheck(0)

    storm(call)


def forgotten(ground: Ground, storm: Storm) -> None:
    """Make clients with callbacks and a name look-up, and drop the references."""

    def call() -> None:
        client = ground.client(on_hash_pass=abs, peers=[("localhost", 1)])
        client.hashcheck(0)

    storm(call)


def closed(ground: Ground, storm: Storm) -> None:
    """Close a client; after an interrupt, call ``close`` again until it returns."""

    def call() -> None:
        while gc.collect() >= 0 and own_threads():  # threads of an interrupted constructor end soon
            time.sleep(0.001)
        client = ground.client(on_hash_pass=abs)
        client.hashcheck(0)
        interrupted: Optional[KeyboardInterrupt] = None
        while True:
            try:
                client.close(timeout=PATIENCE)
                break
            except KeyboardInterrupt as error:
                interrupted = error
        assert [type(event) for event in client][-1:] in ([bt.events.Closed], [])
        assert not own_threads(), f"closed, and still there: {own_threads()}"
        if interrupted is not None:
            raise interrupted

    storm(call)


def paused(client: bt.Client) -> None:
    """Pause and start."""
    client.pause()
    client.start()


def stopped(client: bt.Client) -> None:
    """Stop and start."""
    client.stop()
    client.start()


def ordered(client: bt.Client) -> None:
    """Call and set everything that returns at once."""
    client.add_peer("127.0.0.1", 1)
    client.set_priorities({0: 3})
    client.files[0].priority = 1
    client.download_limit = client.upload_limit = 0
    client.super_seeding = True
    client.on_hash_pass = client.on_hash_fail = None


def shown(client: bt.Client) -> None:
    """Read everything that a client and its session show."""
    status = client.status()
    assert status.as_dict()["size"] == client.size == status.size
    assert status.progress == 1.0 or status.checking
    assert status.peer_rows() == status.tracker_rows() == []
    assert repr(status)
    assert status.piece_count == client.piece_count
    assert client.metainfo is not None
    assert client.metainfo.infohash == client.infohash
    assert client.name == "data"
    assert client.piece_length == 16384
    assert len(client.peerid) == 20
    assert client.port == client.session.port
    assert client.state == "active"
    assert client.complete == client.seed
    assert client.wanted
    assert client.bitfield
    assert client.left >= 0
    assert client.uploaded == client.downloaded == 0
    assert client.peers == ()
    assert client.trackers == ()
    assert client.download_limit == client.upload_limit == 0
    assert client.super_seeding is False
    assert client.on_hash_pass is client.on_hash_fail is None
    assert str(client.explain())
    assert client.history() is not None
    assert repr(client)
    assert client._repr_html_()
    assert client.session.clients == (client,)
    assert client.piece_cache or status.checking


def peers_shown(ground: Ground, storm: Storm) -> None:
    """Read what a client shows of a peer."""
    with ground.client() as seed, ground.client("down", state="paused", peers=[("127.0.0.1", seed.port)]) as client:
        client.wait(lambda status: bool(status.peers), timeout=PATIENCE)

        def call() -> None:
            status = client.status()
            assert status.peer_rows() == [peer.as_row() for peer in status.peers]
            assert client.peers

        storm(call)
        check_works(seed)


def files_shown(client: bt.Client) -> None:
    """Read everything that a file of a client shows."""
    (file,) = client.files
    assert file.path.startswith(client.basedir)
    assert file.priority == 1
    assert file.downloaded == file.length
    assert file.progress == 1.0
    assert file.complete
    assert client.file_rows() == [file.as_row()]
    assert repr(file)

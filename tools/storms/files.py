"""Programs that read, serve, move and rename the files of a client."""

from __future__ import annotations

import contextlib
import gc
import io
import socket
import time

import bittorrent_threads as bt

from .ground import PATIENCE, SIZE, Ground
from .program import Storm, check_works


def opened(ground: Ground, storm: Storm) -> None:
    """Read in files of a client; all must be closed at the end."""
    client = ground.client()
    client.wait("checked", timeout=PATIENCE)
    storm(lambda: read(client))
    gc.collect()
    readers, deadline = client._handle.torrent.content.readers, time.monotonic() + PATIENCE
    while client._handle.call(lambda: len(readers)):
        assert time.monotonic() < deadline, "a file was left open"
        time.sleep(0.01)
    check_works(client)
    client.close(timeout=PATIENCE)


def read(client: bt.Client) -> None:
    """Open the file and read in it; files that an interrupt left open are closed by the garbage collector."""
    with client.open(0, timeout=PATIENCE) as file:
        assert file.size == SIZE
        assert file.path
        assert file.readable()
        assert file.seekable()
        assert repr(file)
        file.seek(SIZE // 2)
        file.expect(200)
        assert len(file.read(100)) == 100
        assert file.readinto(bytearray(100)) == 100
        assert file.tell() == SIZE // 2 + 200
        file.seek(-100, io.SEEK_END)
        assert len(file.readall()) == 100
        with contextlib.suppress(io.UnsupportedOperation):
            file.write(b"data")
        file.close()


def served(client: bt.Client) -> None:
    """Start a server of the files, fetch one over a connection, and close the server."""
    with client.serve() as server, socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(b"GET /data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while sock.recv(65536):
            pass
        assert server.url
        assert server.urls
        assert repr(server)
        server.close()
        assert server.closed


def moved(client: bt.Client) -> None:
    """Move and rename the files of a client, and undo both."""
    home = client.basedir
    away = f"{home}-away"
    try:
        client.move(away)
        client.files[0].rename("other")
        client.files[0].rename("data")
    finally:
        while True:  # an interrupted move was done or undone; the next one works in both cases
            try:
                client.move(home)
                client.files[0].rename("data")
                break
            except (KeyboardInterrupt, bt.BitTorrentError):
                continue

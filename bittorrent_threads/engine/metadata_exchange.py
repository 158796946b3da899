"""The metadata exchange on one connection (BEP 9, ``ut_metadata``): asks while the metadata is unknown, then answers.

Private torrents do not have it, as in libtorrent and Transmission: their peers have the .torrent file of the tracker.
A torrent that turns out to be private was fetched from a peer that sent it all the same.

The bounds: what is asked and blamed is decided by ``swarm.metadata_download``, what is sent by
``swarm.metadata_upload``.
"""

from __future__ import annotations

from typing import Any, Mapping

from ..protocol import metadata_exchange as messages
from ..protocol.extension import ExtensionHandshake
from ..protocol.extension_table import Extension, ExtensionHandler, Send
from ..protocol.metadata_exchange import DATA, PIECE_SIZE, REJECT, REQUEST
from ..swarm.metadata_upload import MetadataUpload
from .connection import Connection

LOCAL_ID = 2


class MetadataExchange(ExtensionHandler):
    """The handler of one connection; ``send`` sends a message to the peer."""

    def __init__(self, connection: Connection, send: Send) -> None:
        self._connection = connection
        self._send = send
        self._metadata = connection.host.metadata
        self._upload = MetadataUpload()

    def on_handshake(self, said: ExtensionHandshake) -> None:
        """The peer takes the messages, and may have said that it has the metadata."""
        size = messages.claimed_size(said.extra)
        if size:
            self._metadata.offered(self, size, self._connection.host.network.now())

    def receive(self, payload: bytes, now: float) -> str:
        """Act on one message; returns the reason to close the connection, empty if there is none."""
        said = messages.parse(payload)
        if said.kind == REQUEST:
            return self._answer(said.piece)
        if said.kind == DATA:
            self._connection.moved_at = now  # it is of use, and others are closed to make room
            return self._metadata.on_data(self, said.piece, said.total_size, said.data, now)
        if said.kind == REJECT:
            return self._metadata.on_reject(self, said.piece, now)
        return said.failed

    def tick(self, now: float) -> None:
        """Once a second."""
        self._metadata.tick(self, now)

    def closed(self, now: float) -> None:
        """The connection ended."""
        self._metadata.left(self, now)

    def ask(self, piece: int) -> None:
        """Send a request for a piece."""
        self._send(messages.request(piece))

    def blame(self, reason: str) -> None:
        """The metadata that this peer alone sent is wrong; the peer may have left."""
        self._connection.host.ban(self._connection.address, reason)

    def _answer(self, piece: int) -> str:
        metainfo, size = self._metadata.metainfo, self._metadata.size
        granted = self._upload.grant(piece, size, waiting=self._connection.stream.backlog)
        if metainfo is not None and granted:
            begin = piece * PIECE_SIZE
            self._send(messages.data(piece, size, metainfo.info_bytes(begin, begin + PIECE_SIZE)))
        else:
            self._send(messages.reject(piece))
        return self._upload.failed


def _keys(connection: Connection) -> Mapping[bytes, Any]:
    size = connection.host.metadata.size
    return {messages.SIZE_KEY: size} if size else {}


METADATA_EXCHANGE: Extension[Connection] = Extension(
    messages.NAME,
    LOCAL_ID,
    messages.MAX_MESSAGE,
    private=False,
    handler=MetadataExchange,
    keys=_keys,
    parsed=messages.USUAL_HEAD,
)
"""The row of the table of extensions."""

"""``upload_only``: the extension message by which libtorrent and others say that they became a partial seed (BEP 21).

BEP 21 has a key of the extension handshake only, which says what an end is when it connects.  A client that becomes a
partial seed later, or wants pieces again, sends this message of one byte to the peers that take it.  The others get
another extension handshake.
"""

from __future__ import annotations

from typing import Protocol

from ..protocol.extension_table import Extension, ExtensionHandler, Send
from .connection import Connection

NAME = "upload_only"
SIZE = 1
"""Bytes of the message."""

LOCAL_ID = 3
"""The id under which we take the message: that of libtorrent, and any would do."""


class Listener(Protocol):
    """The connection."""

    def set_upload_only(self, upload_only: bool) -> None:
        """The peer says that it wants no piece, or that it wants some again."""


class UploadOnly(ExtensionHandler):
    """What one peer says of itself.  A message costs what a change of interest costs, and keeps nothing."""

    def __init__(self, connection: Listener, send: Send) -> None:
        self._connection = connection

    def receive(self, payload: bytes, now: float) -> str:
        """The peer wants no piece any more, or some again."""
        if len(payload) != SIZE:
            return f"{NAME} message of {len(payload)} bytes instead of {SIZE}"
        self._connection.set_upload_only(payload != bytes(SIZE))
        return ""


def encode(upload_only: bool) -> bytes:
    """The payload of one message."""
    return bytes([upload_only])


UPLOAD_ONLY: Extension[Connection] = Extension(NAME, LOCAL_ID, SIZE, private=True, handler=UploadOnly)
"""The row of the table of extensions."""

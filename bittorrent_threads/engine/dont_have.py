"""What a peer says that it does not have any more (BEP 54).

A message costs the peer ten bytes.  It changes one bit, one count of the picker, and for a peer without the fast
extension the requests that wait for it: nothing of it grows with the number of pieces.
"""

from __future__ import annotations

from typing import Protocol

from ..protocol import dont_have
from ..protocol.extension_table import Extension, ExtensionHandler, Send
from .connection import Connection

LOCAL_ID = 7
"""The id under which we take the message: that of libtorrent, and any would do."""


class Listener(Protocol):
    """The connection."""

    def take_back(self, index: int) -> str:
        """The peer does not have a piece any more; returns the reason to close the connection, empty if none."""


class DontHave(ExtensionHandler):
    """The pieces that one peer takes back."""

    def __init__(self, connection: Listener, send: Send) -> None:
        self._connection = connection

    def receive(self, payload: bytes, now: float) -> str:
        """The peer does not have a piece any more."""
        index = dont_have.parse(payload)
        if index is None:
            return f"{dont_have.NAME} message of {len(payload)} bytes instead of {dont_have.SIZE}"
        return self._connection.take_back(index)


DONT_HAVE: Extension[Connection] = Extension(dont_have.NAME, LOCAL_ID, dont_have.SIZE, private=True, handler=DontHave)
"""The row of the table of extensions."""

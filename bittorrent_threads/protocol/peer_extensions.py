"""``PeerExtensions``: the extension messages of one connection, in both directions (BEP 10).

It keeps the ids of the other end, which has an id of its own for each extension, and hands each message that comes to
the handler of its row.  A message is ignored if no row has its id, or if the torrent is private and must not have it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Generic

from . import messages
from .extension import MAX_MESSAGES, ExtensionHandshake
from .extension_table import AnyConnection, Extension, ExtensionHandler, ExtensionTable


class PeerExtensions(Generic[AnyConnection]):
    """The extensions that both ends of a connection may use.

    Args:
        table: The extensions of this library.
        connection: Given to every handler; its ``send`` takes whole messages.
        private: The torrent is private (BEP 27); False as long as its metadata is unknown.
    """

    def __init__(self, table: ExtensionTable[AnyConnection], connection: AnyConnection, *, private: bool) -> None:
        self.ids: Dict[str, int] = {}
        """Id under which the other end takes each extension; what it turned off is not there."""
        self._table = table
        self._connection = connection
        self._private = private
        self._turned_off: Dict[str, int] = {}
        self._handlers: Dict[int, ExtensionHandler] = {}

    def offer(self, handshake: ExtensionHandshake) -> ExtensionHandshake:
        """Our handshake with the ids and keys of the extensions that this connection may use."""
        extra: Dict[bytes, Any] = {}
        for row in self._table:
            if self._allowed(row):
                extra.update(row.keys(self._connection))
        ids = {**self._turned_off, **self._table.ids(private=self._private)}
        return dataclasses.replace(handshake, messages=ids, extra=extra)

    def on_handshake(self, said: ExtensionHandshake) -> None:
        """The other end sent a handshake; a later one changes what it names, and nothing else (BEP 10)."""
        for name, number in said.messages.items():
            if not number:
                self.ids.pop(name, None)
            elif name in self.ids or len(self.ids) < MAX_MESSAGES:
                self.ids[name] = number
        for row in self._table:
            if row.name in self.ids and self._allowed(row):
                self._handler(row).on_handshake(said)

    def receive(self, sub_id: int, payload: bytes, now: float) -> str:
        """Hand a message to its handler.

        Args:
            sub_id: The extension id of the message, not 0.
            payload: The bytes behind it, as many as the wire takes (``ExtensionTable.objection``).
            now: Monotonic seconds.

        Returns:
            The reason to close the connection, empty if there is none.
        """
        row = self._table.row(sub_id)
        if row is None or not self._allowed(row):
            return ""
        return self._handler(row).receive(payload, now)

    def parsed(self, sub_id: int, size: int) -> int:
        """How many of the ``size`` bytes of a message are decoded."""
        row = self._table.row(sub_id)
        return size if row is None else min(size, row.parsed)

    def send(self, name: str, payload: bytes) -> bool:
        """Send a message if the other end takes the extension.

        Returns:
            Whether it was sent.
        """
        number = self.ids.get(name, 0)
        if number:
            self._connection.send(messages.extended(number, payload))
        return bool(number)

    def tick(self, now: float) -> None:
        """Call every handler once a second; ``now`` is monotonic seconds."""
        for handler in list(self._handlers.values()):
            handler.tick(now)

    def close(self, now: float) -> None:
        """The connection ended; ``now`` is monotonic seconds."""
        for handler in list(self._handlers.values()):
            handler.closed(now)

    def forbid(self) -> None:
        """The metadata says that the torrent is private: drop the handlers of what it must not have.

        The other end learns it from another handshake, made by :meth:`offer`, in which these have the id 0 (BEP 10).
        """
        self._private = True
        for row in self._table:
            if not row.private:
                self._turned_off[row.name] = 0
                self._handlers.pop(row.local_id, None)

    def _allowed(self, row: Extension[AnyConnection]) -> bool:
        return row.private or not self._private

    def _handler(self, row: Extension[AnyConnection]) -> ExtensionHandler:
        handler = self._handlers.get(row.local_id)
        if handler is None:
            name = row.name
            handler = row.handler(self._connection, lambda payload: self.send(name, payload))
            self._handlers[row.local_id] = handler
        return handler

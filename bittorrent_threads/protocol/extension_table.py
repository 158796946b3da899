"""The table of extension messages that this library takes (BEP 10): one row for each name in ``m``.

To add an extension message, write one module with a subclass of :class:`ExtensionHandler`, and add one row to the table
of the engine.  The row says under which name and id peers send the message, how long it may be, and whether torrents
that are private (BEP 27) have it; ``PeerExtensions`` enforces that on each connection.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, Callable, Dict, Generic, Iterator, Mapping, Optional, Protocol, Sequence, TypeVar

from .extension import MAX_NAME, ExtensionHandshake

MAX_ID = 255
"""The id of an extension message is one byte, and 0 is the extension handshake."""


class Connection(Protocol):
    """What every handler can do with its connection; a handler that needs more declares a protocol of its own."""

    def send(self, message: bytes) -> None:
        """Queue one whole message."""


AnyConnection = TypeVar("AnyConnection", bound=Connection)

Send = Callable[[bytes], bool]
"""Sends a payload under the id that the other end gave to the extension; False if the other end does not take it."""


class ExtensionHandler:
    """One extension on one connection.  Work and memory are bounded by what the other end sends."""

    def on_handshake(self, said: ExtensionHandshake) -> None:
        """The other end takes the extension, or has sent another handshake since."""

    def receive(self, payload: bytes, now: float) -> str:
        """Act on one message.

        Args:
            payload: At most the ``max_payload`` bytes of the row, from an untrusted peer.
            now: Monotonic seconds.

        Returns:
            The reason to close the connection, empty if there is none.
        """
        raise NotImplementedError

    def tick(self, now: float) -> None:
        """Called once a second; ``now`` is monotonic seconds."""

    def closed(self, now: float) -> None:
        """The connection ended."""


def _no_keys(connection: Connection) -> Mapping[bytes, Any]:
    return {}


@dataclasses.dataclass(frozen=True)
class Extension(Generic[AnyConnection]):
    """One row of the table.

    Args:
        name: The name in ``m`` of the extension handshake.
        local_id: The id under which peers send the message to us, 1 to 255; the same on every connection.
        max_payload: Bytes of the longest payload taken; a longer one closes the connection.
        private: Private torrents have the extension too; False for every source of peers (BEP 27).
        handler: Makes the handler of a connection, given the connection and a function that sends a payload.
        keys: The keys that the extension adds to our handshake on a connection.
        parsed: Bytes at the begin of a message that are decoded; what follows is data, and costs next to nothing.
    """

    name: str
    local_id: int
    max_payload: int
    private: bool
    handler: Callable[[AnyConnection, Send], ExtensionHandler]
    keys: Callable[[AnyConnection], Mapping[bytes, Any]] = _no_keys
    parsed: int = sys.maxsize


class ExtensionTable(Generic[AnyConnection]):
    """The rows, found by id and by name.

    Raises:
        ValueError: A name or an id occurs twice, or is out of range.
    """

    def __init__(self, rows: Sequence[Extension[AnyConnection]]) -> None:
        self._rows = {row.local_id: row for row in rows}
        if len(self._rows) < len(rows) or len({row.name for row in rows}) < len(rows):
            raise ValueError("two extensions have one name or one id")
        for row in rows:
            if not 0 < row.local_id <= MAX_ID or not 0 < len(row.name) <= MAX_NAME:
                raise ValueError(f"the name or the id {row.local_id} of extension {row.name!r} is out of range")

    def __iter__(self) -> Iterator[Extension[AnyConnection]]:
        return iter(self._rows.values())

    def row(self, local_id: int) -> Optional[Extension[AnyConnection]]:
        """The row of an id; None for an id that no extension has."""
        return self._rows.get(local_id)

    def objection(self, sub_id: int, size: int) -> str:
        """Return why a message is too long, given its id and the bytes of its payload; empty if it is not."""
        row = self._rows.get(sub_id)
        if row is None or size <= row.max_payload:
            return ""
        return f"{row.name} message of {size} bytes, more than {row.max_payload}"

    def ids(self, *, private: bool) -> Dict[str, int]:
        """The ids for ``m`` of our handshake.

        Args:
            private: The torrent is private, so only extensions that private torrents may have are named.
        """
        return {row.name: row.local_id for row in self if row.private or not private}

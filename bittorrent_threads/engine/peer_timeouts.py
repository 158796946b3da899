"""How long one peer has kept us waiting: for anything, for the rest of a message, for reading what we send.

What our own limits and the flow control hold up is no delay of the peer, and counts for none of the three.
"""

from __future__ import annotations

from typing import Protocol

from ..protocol.wire import Wire
from ..settings import Settings
from .interfaces.network import Stream

LEAST_PROGRESS = 4096
"""Bytes of a message that must come within ``progress_timeout``, or all of it.

A seed that shares 1,800 bytes a second among its peers sends a block of 16 KiB in more than a minute.
"""


class Gate(Protocol):
    """The flow control of the peer."""

    gated: bool
    """Nothing is read from the peer for now."""


class PeerTimeouts:
    """The delays of one peer; ``now`` is monotonic seconds everywhere."""

    __slots__ = ("_gate", "_missing", "_settings", "_stream", "_wire", "message_at", "received_at", "taken_at")

    def __init__(self, stream: Stream, wire: Wire, gate: Gate, settings: Settings, now: float) -> None:
        self._stream = stream
        self._wire = wire
        self._gate = gate
        self._settings = settings
        self._missing = 0
        """Bytes that the incomplete message needed when it last made progress."""
        self.received_at = now
        """When something came."""
        self.message_at = now
        """When a message was complete, or the one that is not began or made progress."""
        self.taken_at = now
        """When the system took something of what waits for the peer, or nothing waited."""

    def spent(self, now: float) -> str:
        """Once a second: why the peer must be closed; empty if it need not."""
        settings = self._settings
        self._excuse(now)
        if now - self.taken_at >= settings.idle_timeout:
            return f"read nothing for {settings.idle_timeout:.0f} s, {self._stream.backlog} bytes wait for it"
        if now - self.received_at >= settings.idle_timeout:
            return f"silent for {settings.idle_timeout:.0f} s"
        if self._wire.partial and now - self.message_at >= settings.progress_timeout:
            return f"a message took more than {settings.progress_timeout:.0f} s"
        return ""

    def _excuse(self, now: float) -> None:
        missing = self._wire.missing
        if self._stream.held or self._gate.gated:
            # A peer that stays beyond its share, or that reads nothing, is closed for that.
            self.received_at = self.message_at = now
        elif self._missing - missing >= LEAST_PROGRESS:
            self.message_at = now
        elif missing <= self._missing:
            return
        self._missing = missing

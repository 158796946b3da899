"""``StatusView``: base of what has a status, a client, with properties that repeat fields of its newest one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Tuple

from .status import PeerStatus, Status, TrackerStatus


class StatusView(ABC):
    """Base of what has a status: properties that repeat fields of its newest one."""

    @abstractmethod
    def status(self) -> Status:
        """Return the newest snapshot of the torrent."""

    @property
    def infohash(self) -> bytes:
        """SHA-1 hash that identifies the torrent, 20 bytes."""
        return self.status().infohash

    @property
    def name(self) -> str:
        """Name of the torrent, made safe for file systems."""
        return self.status().name

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.status().size

    @property
    def piece_length(self) -> int:
        """Bytes of each piece but the last."""
        return self.status().piece_length

    @property
    def piece_count(self) -> int:
        """Number of pieces."""
        return self.status().piece_count

    @property
    def port(self) -> int:
        """Listening port; 0 before the first start."""
        return self.status().port

    @property
    def state(self) -> str:
        """``active``, ``paused`` or ``stopped``."""
        return self.status().state

    @property
    def uploaded(self) -> int:
        """Payload bytes sent."""
        return self.status().uploaded

    @property
    def downloaded(self) -> int:
        """Payload bytes received."""
        return self.status().downloaded

    @property
    def left(self) -> int:
        """Bytes of wanted pieces that are missing."""
        return self.status().left

    @property
    def bitfield(self) -> bytes:
        """Pieces that the client has: one bit each, most significant bit first, as on the wire."""
        return self.status().bitfield

    @property
    def wanted(self) -> bytes:
        """Pieces of files with a priority above 0, packed as ``bitfield``."""
        return self.status().wanted

    @property
    def complete(self) -> bool:
        """Every wanted piece is there."""
        return self.status().complete

    @property
    def seed(self) -> bool:
        """Every piece is there."""
        return self.status().seed

    @property
    def peers(self) -> Tuple[PeerStatus, ...]:
        """The connected peers, as of the last second."""
        return self.status().peers

    @property
    def trackers(self) -> Tuple[TrackerStatus, ...]:
        """The trackers, in the order in which they are asked."""
        return self.status().trackers

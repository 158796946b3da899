"""``Facts``: what a client says of its torrent without waiting, as plain properties.

They repeat fields of the ``.torrent`` file and of the snapshot that the network thread made last.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Tuple

from .metainfo.metainfo import Metainfo
from .status import PeerStatus, Status, TrackerStatus


class Facts(ABC):
    """Fields of ``metainfo`` and of ``status()`` under the names that they have there."""

    metainfo: Metainfo
    """The torrent."""

    @abstractmethod
    def status(self) -> Status:
        """The newest snapshot."""

    @property
    def infohash(self) -> bytes:
        """20 bytes."""
        return self.metainfo.infohash

    @property
    def name(self) -> str:
        """Name of the torrent, made safe."""
        return self.metainfo.name

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.metainfo.total_size

    @property
    def piece_length(self) -> int:
        """Bytes of each piece but the last."""
        return self.metainfo.piece_length

    @property
    def piece_count(self) -> int:
        """Number of pieces."""
        return self.metainfo.piece_count

    @property
    def port(self) -> int:
        """The listening port; 0 before the first start."""
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
        """Pieces that we have, most significant bit first, as on the wire."""
        return self.status().bitfield

    @property
    def wanted(self) -> bytes:
        """Pieces that are wanted, packed likewise."""
        return self.status().wanted

    @property
    def complete(self) -> bool:
        """All that is wanted is there."""
        return self.status().complete

    @property
    def seed(self) -> bool:
        """Everything is there."""
        return self.status().seed

    @property
    def peers(self) -> Tuple[PeerStatus, ...]:
        """The connected peers, as of the last second."""
        return self.status().peers

    @property
    def trackers(self) -> Tuple[TrackerStatus, ...]:
        """The trackers, in the order in which they are tried."""
        return self.status().trackers

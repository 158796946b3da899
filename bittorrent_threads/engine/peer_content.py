"""What a peer uses of the content of its torrent: the narrow view that ``Payload`` and ``Exchange`` give to it."""

from __future__ import annotations

from typing import Any, Protocol

from ..metainfo.bitfield import Bitfield
from ..swarm.downloads import Downloads
from ..swarm.have_log import HaveLog
from ..swarm.picker import Picker
from .phase import Lifecycle
from .rate_limits import RateLimits
from .seed_mode import SeedMode
from .uploader import Uploader


class PeerExchange(Protocol):
    """The peers of a torrent that exchange pieces."""

    log: HaveLog
    """The pieces that peers are told of."""

    def add(self, peer: Any) -> None:
        """A peer came."""

    def remove(self, peer: Any) -> None:
        """A peer has gone."""

    def touch(self, peer: Any) -> None:
        """Settle this peer at the end of the pass."""

    def touch_all(self) -> None:
        """Settle every peer at the end of the pass."""


class PeerContent(Protocol):
    """What of a torrent's payload its peers exchange."""

    have: Bitfield
    picker: Picker
    downloads: Downloads
    limits: RateLimits
    lifecycle: Lifecycle
    seed_mode: SeedMode

    @property
    def exchange(self) -> PeerExchange:
        """The other peers."""

    def uploader(self, peer: Any) -> Uploader:
        """Make the uploader of a peer."""

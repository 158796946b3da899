"""The rate limits of one torrent as its policies see them: its own, and its share of those of the session.

At a low limit the limit itself decides how soon something comes or goes, and to have much under way only makes all of
it late.  So fewer peers are requested from (``swarm.request_window``) and unchoked, and what is sent is chosen at the
last moment (``upload_turns``).
"""

from __future__ import annotations

from typing import Optional, Protocol

from ..metainfo.layout import BLOCK
from ..swarm.request_window import RequestWindow
from .interfaces.network import Network, Stream
from .torrent_params import TorrentParams

SLOT_TIME = 5.0
"""Seconds in which each unchoked peer is to get a block: where the limit is too low for that there are fewer slots."""

LEAST_SLOTS = 2
"""Slots at any limit: a regular and the optimistic one."""

READY_TIME = 1.0
"""Seconds of the limit that wait to be sent; but one block for each slot, where there is time for that."""


class Shares(Protocol):
    """Among how many torrents the limits of the session are shared; at least 1."""

    downloading: int
    uploading: int


class RateLimits:
    """What the torrent may receive and send, as of the last ``refresh``; users may change it at any time.

    Args:
        network: Has the throttles of the session.
        shares: Among how many torrents those are shared.
        params: The limits of the torrent itself, in bytes a second.
        slots: Most peers that may be unchoked at once.

    Raises:
        SettingsError: A limit is no rate.
    """

    def __init__(self, network: Network, shares: Shares, params: TorrentParams, *, slots: int) -> None:
        self._network = network
        self._shares = shares
        self.read_throttle = network.throttle(params.download_limit, "download_limit")
        """What all streams of the torrent together receive; its ``rate`` may be set at any time."""
        self.write_throttle = network.throttle(params.upload_limit, "upload_limit")
        self._most_slots = slots
        self.window: Optional[RequestWindow] = None
        """The window of the downloads, whose rate follows the download limit."""
        self.download = 0
        """Bytes a second that may come; 0 for no limit."""
        self.upload = 0
        """Bytes a second that may go; 0 for no limit."""
        self.slots = slots
        """Peers that may be unchoked at once."""
        self.narrow = False
        """The limit on what goes is too low for all slots."""

    def apply(self, stream: Stream) -> None:
        """Put a stream of the torrent under its limits, from now on."""
        stream.limit(read=(self.read_throttle,), write=(self.write_throttle,))

    def refresh(self) -> None:
        """Look at the limits again, once a second and for each new peer."""
        network, shares = self._network, self._shares
        self.download = _least(network.download.rate // shares.downloading, self.read_throttle.rate)
        self.upload = rate = _least(network.upload.rate // shares.uploading, self.write_throttle.rate)
        self.slots = most = self._most_slots
        if rate:
            self.slots = min(most, max(LEAST_SLOTS, int(rate * SLOT_TIME) // BLOCK))
        self.narrow = self.slots < most
        if self.window is not None:
            self.window.rate = self.download

    @property
    def unused(self) -> bool:
        """There is a limit on what comes, and less came of late."""
        now = self._network.now()
        limits = [throttle for throttle in (self._network.download, self.read_throttle) if throttle.rate]
        return bool(limits) and all([throttle.unused(now) for throttle in limits])

    @property
    def departure(self) -> float:
        """Seconds that a message of ours may wait for the blocks that are sent to all peers before it."""
        return (BLOCK + self.most_ready) / self.upload if self.upload else 0.0

    @property
    def most_ready(self) -> int:
        """Bytes that may wait to be sent to all peers; at a low limit, with which it is time for another block."""
        return max(0 if self.narrow else self.slots * BLOCK, self.ready_bytes)

    @property
    def ready_bytes(self) -> int:
        """Bytes that the limit lets go in ``READY_TIME``."""
        return int(self.upload * READY_TIME)


def _least(*rates: int) -> int:
    return min([rate for rate in rates if rate], default=0)

"""What a started torrent does once a second: announces that are due, time limits of peers, rates, chokes, figures."""

from __future__ import annotations

from typing import Optional, Protocol

from .. import events
from ..status import Status
from ..swarm.peer_list import PeerList
from .announces import Announces, Progress
from .choking import Choking
from .event_publisher import Publisher
from .payload import Payload
from .peers import Peers
from .transfer_rates import TransferRates


class Torrent(Protocol):
    """The torrent."""

    status: Status
    progress: Progress

    @property
    def payload(self) -> Optional[Payload]:
        """The content; None before the metadata is known."""

    def refresh(self) -> None:
        """Make the snapshot that users read."""


class TorrentTicker:
    """The ticks of one torrent.

    Args:
        torrent: The torrent.
        announces: Its trackers.
        peers: Its connections.
        peerlist: The known addresses.
        rates: How fast it receives and sends.
        choking: Which peers may request.
        publisher: Gets ``Progressed``.
    """

    def __init__(
        self,
        torrent: Torrent,
        *,
        announces: Announces,
        peers: Peers,
        peerlist: PeerList,
        rates: TransferRates,
        choking: Choking,
        publisher: Publisher,
    ) -> None:
        self._torrent = torrent
        self._announces = announces
        self._peers = peers
        self._peerlist = peerlist
        self._rates = rates
        self._choking = choking
        self._publisher = publisher

    def tick(self, now: float) -> None:
        """Once a second while the torrent is started; ``now`` is monotonic seconds."""
        torrent, rates = self._torrent, self._rates
        self._announces.tick(now)
        self._peerlist.need(now, needed=torrent.progress.wanting)
        rates.look()
        moving = rates.receiving or rates.sending
        if not moving and self._idle():
            return
        self._tick_peers(now)
        rates.add(now)
        self._choking.choose()
        torrent.refresh()
        if moving:
            status = torrent.status
            self._publisher.publish(
                events.Progressed,
                downloaded=status.downloaded,
                uploaded=status.uploaded,
                left=status.left,
                download_rate=status.download_rate,
                upload_rate=status.upload_rate,
            )

    def refresh(self) -> None:
        """Make the snapshot that users read, and first what it has of the peers and their pieces."""
        payload = self._torrent.payload
        if payload is not None:
            payload.exchange.measure()
        self._peers.refresh()
        self._torrent.refresh()

    def _tick_peers(self, now: float) -> None:
        payload = self._torrent.payload
        if payload is not None:
            payload.exchange.prepare_tick()
        self._peers.tick(now)
        if payload is not None:
            payload.seed_mode.tick(now)
            payload.exchange.tick()
        self._peers.refresh()

    def _idle(self) -> bool:
        """Whether no figure can change: of a thousand torrents most are idle most of the time."""
        torrent = self._torrent
        status = torrent.status
        busy = len(self._peers) or torrent.progress.wanting or status.checking or status.connected or status.connecting
        return not busy and not status.download_rate and not status.upload_rate

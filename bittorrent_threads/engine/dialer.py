"""Which addresses to dial: those of the torrents that want peers, in turn, within the limits of the session."""

from __future__ import annotations

from typing import Dict, Optional, Protocol

from ..address_scope import is_public, owner
from ..net.interfaces import Address
from ..settings import Settings
from .address_filter import AddressFilter
from .interfaces.network import Network, Timer
from .joinable_torrent import JoinableTorrent

BURST = 10
"""Dials made at once when none was made for a while."""

HOST_PAUSE = 1.0
"""Seconds between two dials to one public host, or to one /64 network of IPv6, of all torrents of a session.

Otherwise an attacker who names many torrents, or many ports, of one victim could have us flood it.
"""

CHOICE = 20
"""Addresses looked at for one whose host was not dialled just now."""


class Handshakes(Protocol):
    """The connections that are being made."""

    @property
    def half_open(self) -> int:
        """Connections that we dialled and whose handshake is not finished."""

    def connecting(self, torrent: object) -> int:
        """Those for this torrent."""

    def dial(self, torrent: JoinableTorrent, address: Address) -> None:
        """Make one more."""


class Room(Protocol):
    """The limit on all connections of the session, and the addresses that it refuses."""

    address_filter: AddressFilter

    def make_room(self) -> bool:
        """Return whether there is room for one more connection, after closing another one if need be."""


class Dialer:
    """Makes the outgoing connections of a session.

    Args:
        handshakes: The connections that are being made.
        room: The limit on all connections.
        network: The clock and the timers.
        settings: Limits of dials at once and dials a second.
    """

    def __init__(self, handshakes: Handshakes, room: Room, network: Network, settings: Settings) -> None:
        self._handshakes = handshakes
        self._room = room
        self._network = network
        self._rate = settings.connect_rate
        self._most_half_open = settings.max_half_open
        self._quota = float(BURST)
        self._quota_at = network.now()
        self._eager: Dict[JoinableTorrent, None] = {}
        """Torrents that may have an address to dial now: in a session of a thousand no others are looked at."""
        self._patient: Dict[JoinableTorrent, float] = {}
        """Torrents that will have an address, and when."""
        self._dialled: Dict[str, float] = {}
        """Public hosts that were dialled in the last second, and when that second is over."""
        self._woken = False
        self._timer: Optional[Timer] = None

    def wake(self, torrent: Optional[JoinableTorrent]) -> None:
        """The torrent may have an address to dial, or the session has room again: look at the end of the pass."""
        if torrent is not None:
            self._eager[torrent] = None
        self._look_later()

    def forget(self, torrent: JoinableTorrent) -> None:
        """The torrent was removed."""
        self._eager.pop(torrent, None)
        self._patient.pop(torrent, None)

    def _look_later(self) -> None:
        if not self._woken:
            self._woken = True
            self._network.defer(self._dial)

    def _dial(self) -> None:
        self._woken = False
        now = self._network.now()
        self._quota = min(BURST, self._quota + (now - self._quota_at) * self._rate)
        self._quota_at = now
        for torrent in [torrent for torrent, due in self._patient.items() if due <= now]:
            del self._patient[torrent]
            self._eager[torrent] = None
        room = self._most_half_open - self._handshakes.half_open
        while self._eager and room > 0 and self._quota >= 1:
            torrent = next(iter(self._eager))
            del self._eager[torrent]
            if torrent.peers.places <= self._handshakes.connecting(torrent):
                continue
            address = self._choose(torrent, now)
            if address is None:
                self._wait(torrent, now)
            elif self._room.make_room():
                self._quota -= 1
                room -= 1
                torrent.peerlist.dialing(address)
                self._connect(torrent, address, now)
                self._eager[torrent] = None
            else:
                self._eager[torrent] = None
                room = 0
        self._sleep(now, room)

    def _choose(self, torrent: JoinableTorrent, now: float) -> Optional[Address]:
        """The next address to dial, leaving out those of a host that was dialled just now.

        An address that the IP filter refuses is taken off the list: the filter may have changed since it was listed.
        """
        for host in [host for host, over in self._dialled.items() if over <= now]:
            del self._dialled[host]
        for count in (1, CHOICE):
            for address in torrent.peerlist.candidates(now, count):
                if self._room.address_filter.blocks(address[0]):
                    torrent.peerlist.forget(address)
                elif owner(address[0]) not in self._dialled:
                    return address
        return None

    def _wait(self, torrent: JoinableTorrent, now: float) -> None:
        """Look again when the next address is due, or one of a host that was dialled just now."""
        due = torrent.peerlist.next_time(now)
        self._patient.pop(torrent, None)
        if due is not None:
            self._patient[torrent] = due if due > now else min(self._dialled.values(), default=now + HOST_PAUSE)

    def _connect(self, torrent: JoinableTorrent, address: Address, now: float) -> None:
        if is_public(address[0]):
            self._dialled[owner(address[0])] = now + HOST_PAUSE
        self._handshakes.dial(torrent, address)

    def _sleep(self, now: float, room: int) -> None:
        """Look again when the quota or the next address is due; without room, a connection that ends wakes us."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if room <= 0:
            return
        due = min(self._patient.values(), default=None)
        if self._eager:
            due = now + (1 - self._quota) / self._rate
        if due is not None:
            self._timer = self._network.call_later(max(due - now, 0.001), self._look_later)

"""Whom to dial: the torrents that want peers, in turn, within the limits of the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Optional

from ..address_scope import is_public, owner
from .handshaker import Handshaker
from .interfaces import Address, Timer

if TYPE_CHECKING:
    from .engine import Engine
    from .torrent import Torrent

BURST = 10
"""Dials made at once when none was made for a while."""

HOST_PAUSE = 1.0
"""Seconds between two dials to one public host, or to one /64 network of IPv6, of all torrents of a session.

Whoever tells many torrents, or many ports, of one victim would have us flood it.
"""

CHOICE = 20
"""Addresses looked at for one whose host was not dialled just now."""


class Dialer:
    """Makes the session's outgoing connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._quota = float(BURST)
        self._quota_at = engine.network.now()
        self._eager: Dict[Torrent, None] = {}
        """Torrents that may have somebody to dial now: a session of a thousand looks at no others."""
        self._patient: Dict[Torrent, float] = {}
        """Torrents that will have somebody, and when."""
        self._dialled: Dict[str, float] = {}
        """Public hosts that were dialled in the last second, and when that is over."""
        self._woken = False
        self._timer: Optional[Timer] = None

    def wake(self, torrent: Optional[Torrent]) -> None:
        """The torrent may have somebody to dial, or the session has room again: look at the end of the pass."""
        if torrent is not None:
            self._eager[torrent] = None
        self._look_later()

    def forget(self, torrent: Torrent) -> None:
        """The torrent has gone."""
        self._eager.pop(torrent, None)
        self._patient.pop(torrent, None)

    def _look_later(self) -> None:
        if not self._woken:
            self._woken = True
            self._engine.network.defer(self._dial)

    def _dial(self) -> None:
        self._woken = False
        engine = self._engine
        now = engine.network.now()
        rate = engine.settings.connect_rate
        self._quota = min(BURST, self._quota + (now - self._quota_at) * rate)
        self._quota_at = now
        for torrent in [torrent for torrent, due in self._patient.items() if due <= now]:
            del self._patient[torrent]
            self._eager[torrent] = None
        room = engine.settings.max_half_open - engine.half_open
        while self._eager and room > 0 and self._quota >= 1:
            torrent = next(iter(self._eager))
            del self._eager[torrent]
            if torrent.peers.places <= engine.connecting(torrent):
                continue
            address = self._choose(torrent, now)
            if address is None:
                self._wait(torrent, now)
            elif engine.make_room():
                self._quota -= 1
                room -= 1
                torrent.peerlist.dialing(address)
                self._connect(torrent, address, now)
                self._eager[torrent] = None
            else:
                self._eager[torrent] = None
                room = 0
        self._sleep(now, room)

    def _choose(self, torrent: Torrent, now: float) -> Optional[Address]:
        """The next address to dial, that of a host dialled just now apart."""
        for host in [host for host, over in self._dialled.items() if over <= now]:
            del self._dialled[host]
        for count in (1, CHOICE):
            for address in torrent.peerlist.candidates(now, count):
                if owner(address[0]) not in self._dialled:
                    return address
        return None

    def _wait(self, torrent: Torrent, now: float) -> None:
        """Look again when the next address is due, or one of a host that was dialled just now."""
        due = torrent.peerlist.next_time(now)
        self._patient.pop(torrent, None)
        if due is not None:
            self._patient[torrent] = due if due > now else min(self._dialled.values(), default=now + HOST_PAUSE)

    def _connect(self, torrent: Torrent, address: Address, now: float) -> None:
        engine = self._engine
        if is_public(address[0]):
            self._dialled[owner(address[0])] = now + HOST_PAUSE
        handshaker = Handshaker(engine, torrent, address)
        engine.greetings[handshaker] = None
        handshaker.attach(engine.network.connect(address, handshaker, engine.settings.connect_timeout))

    def _sleep(self, now: float, room: int) -> None:
        """Look again when the quota or the next address is due; without room, a connection that ends wakes us."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if room <= 0:
            return
        due = min(self._patient.values(), default=None)
        if self._eager:
            due = now + (1 - self._quota) / self._engine.settings.connect_rate
        if due is not None:
            self._timer = self._engine.network.call_later(max(due - now, 0.001), self._look_later)

"""The DHT node of a session: connects the machine (``dht.dht.Dht``) with sockets, timers, names and the disk.

It runs while something uses it, which is a started torrent that is not private, or a program that called
``session.dht``, and is silent otherwise.  From one run to the next it keeps its nodes, in memory and, with
``Settings.dht_state``, in a file.

The rule: after calls of the machine comes ``_settle``, once a pass of the loop, which hands out its events, and then
``_keep_up``, which sets the one timer.  Without traffic nothing happens before that timer.  Peers do not wait for the
end of the pass, which may read many more datagrams.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Protocol, Sequence

from ..dht.dht import Dht, Random, claims
from ..dht.events import Joined, NodesNeeded, PeerAnnounced, PeersFound, SearchEnded
from ..dht.peer_search import PeerSearch
from ..disk.results import Done, Stored
from ..errors import SessionClosed
from ..net.interfaces import Address, Resolved
from ..settings import Settings
from ..status import DhtStatus
from ..swarm.external_address import ExternalAddress
from .address_filter import AddressFilter
from .datagrams import Datagrams
from .dht_bootstrap import DhtBootstrap
from .dht_figures import dht_status
from .interfaces.disk import Disk
from .interfaces.lookups import Lookups
from .interfaces.network import Network, Timer

SAVE_INTERVAL = 900.0
"""Seconds between two times that the nodes are written to the file, besides the end of a run."""
LEAST_PAUSE = 0.01
"""Seconds until the machine is called again at least, whatever it asks for: what it waits for comes as datagrams."""
REFRESH_INTERVAL = 1.0
"""Seconds after which the figures that users read are made anew, if anything happened."""


class Finder(Protocol):
    """Who looks for the peers of a torrent."""

    def on_peers(self, addresses: Sequence[Address]) -> None:
        """Take addresses, each once."""

    def on_search_ended(self, replies: int) -> None:
        """Take the news that the search ended: nodes that answered.  Nothing follows."""


class Search:
    """One search for peers, from ``DhtNode.search``."""

    def __init__(self, infohash: bytes, finder: Finder, announce_port: Optional[int]) -> None:
        self.infohash = infohash
        self.finder = finder
        self.announce_port = announce_port
        self.handle: Optional[PeerSearch] = None
        """The search of the machine; None until it runs."""


class Session(Protocol):
    """The sockets of the session."""

    def open_datagrams(self) -> None:
        """Open the UDP sockets unless they are open."""

    def unlisten(self) -> None:
        """Close the sockets that nothing uses."""


class DhtNode:
    """The node of one session.

    Args:
        session: Opens and closes the sockets.
        datagrams: The UDP sockets.
        network: Clock and timers.
        disk: Keeps the state.
        lookups: Resolve names.
        settings: Whether there is a node, and how it begins.
        own_host: What others say of our address.
        address_filter: With the hosts that it refuses nothing is exchanged.
        random: Random source, which must be hard to guess: it makes tokens and transaction ids.
    """

    def __init__(
        self,
        session: Session,
        *,
        datagrams: Datagrams,
        network: Network,
        disk: Disk,
        lookups: Lookups,
        settings: Settings,
        own_host: ExternalAddress,
        address_filter: AddressFilter,
        random: Random,
    ) -> None:
        self.enabled = settings.dht
        self.failure = ""
        """What is wrong with the sockets or the file, in a sentence; empty if nothing is."""
        self.status = DhtStatus()
        """The figures as of the last second."""
        self.bootstrap = DhtBootstrap(lookups, settings, self._join)
        self.on_announced: Callable[[bytes, Address], None] = _nobody
        """Takes the infohash and the address of each peer that is announced to our node."""
        self._session = session
        self._datagrams = datagrams
        self._network = network
        self._disk = disk
        self._lookups = lookups
        self._settings = settings
        self._own_host = own_host
        self._filter = address_filter
        self._random = random
        self._users: Dict[object, None] = {}
        self._dht: Optional[Dht] = None
        self._state: Optional[object] = None
        """What the node knew when it stopped last, or in an earlier run."""
        self._loaded = not settings.dht_state
        self._loading = False
        self._searches: Dict[Search, None] = {}
        self._by_handle: Dict[PeerSearch, Search] = {}
        self._timer: Optional[Timer] = None
        self._timer_due = 0.0
        self._settling = False
        self._save_due = 0.0
        self._refresh_due = 0.0
        self._stale = False

    # -- running or not --------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """The node is on the network."""
        return self._dht is not None

    def use(self, user: object) -> None:
        """Run from now on, until the last user has called ``release``."""
        if self.enabled:
            self._users[user] = None
            self._start()

    def keep(self) -> None:
        """Run from now on, until ``close``: the program itself uses the node."""
        self.use(self)

    def release(self, user: object) -> None:
        """Do without the node; it stops with its last user."""
        if user in self._users:
            del self._users[user]
            if not self._users:
                self._stop(_nothing)

    def close(self, done: Callable[[], None]) -> None:
        """Stop for good, and call ``done`` when the state is stored."""
        self.enabled = False
        self._users.clear()
        self._stop(done)

    def _start(self) -> None:
        if self.running or self._loading:
            return
        if not self._loaded:
            self._loading = True
            try:
                self._disk.load_state(self._settings.dht_state, self._on_loaded)
            except SessionClosed:
                self._loading = False
            return
        self._session.open_datagrams()
        families, now = self._datagrams.families, self._network.now()
        if not families:
            self.failure = self._datagrams.failure
            self._end_searches(list(self._searches))
            return
        self.failure = ""
        self._dht = Dht(
            self._random,
            self._own_host,
            now=now,
            families=families,
            read_only=self._settings.dht_read_only,
            state=self._state,
            transmit=self._transmit,
        )
        self._datagrams.add(self, claims)
        self._save_due = now + SAVE_INTERVAL
        for search in self._searches:
            self._run(search)
        self._settle_soon()

    def _on_loaded(self, stored: Stored) -> None:
        self._loading = False
        self._loaded = True
        self._state = stored.state
        if stored.error is not None:
            self.failure = str(stored.error)
        if self._users:
            self._start()

    def _stop(self, done: Callable[[], None]) -> None:
        dht, self._dht = self._dht, None
        self._end_searches(list(self._searches))
        if dht is None:
            done()
            return
        self._datagrams.remove(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.bootstrap.end()
        self._store(dht, done)
        self.status = self._figures(dht, running=False)
        self._session.unlisten()

    def _store(self, dht: Dht, done: Callable[[], None]) -> None:
        self._state = dht.state()
        path = self._settings.dht_state

        def stored(answer: Done) -> None:
            self.failure = "" if answer.error is None else str(answer.error)
            done()

        if not path:
            done()
            return
        try:
            self._disk.store_state(path, self._state, stored)
        except SessionClosed:
            done()

    # -- verbs -----------------------------------------------------------------------------------------------------

    def port_of(self, family: int) -> int:
        """Return the UDP port at which others reach the node; 0 if they do not."""
        return self._datagrams.port_of(family) if self.running and not self._settings.dht_read_only else 0

    def add_node(self, address: Address) -> None:
        """Ask a node that a peer or the user names, by its numeric address; it is added when it answers."""
        if self._dht is not None:
            self._dht.add_node(address, self._network.now())
            self._settle_soon()

    def name_node(self, host: str, port: int) -> None:
        """Ask a node that the program names, by name or address; it is added when it answers."""
        self.bootstrap.hint([(host, port)])

        def resolved(answer: Resolved) -> None:
            for address in answer.addresses:
                self.add_node(address)

        self._lookups.resolve(host, port, self._settings.announce_timeout, resolved)

    def search(self, infohash: bytes, finder: Finder, *, announce_port: Optional[int] = None) -> Search:
        """Look for the peers of a torrent; to be called by a user of the node.

        Args:
            infohash: 20 bytes.
            finder: Is told what is found, never before the call has returned.
            announce_port: TCP port to announce, None to announce nothing.
        """
        search = Search(infohash, finder, announce_port)
        self._searches[search] = None
        if self.running:
            self._run(search)
            self._settle_soon()
        elif not self._loading:
            self._start()
            if not self.running and not self._loading:
                self._network.defer(lambda: self._end_searches([search]))
        return search

    def cancel(self, search: Search) -> None:
        """Give a search up; its finder is told nothing more.  Harmless if it has ended."""
        if search not in self._searches:
            return
        del self._searches[search]
        if search.handle is not None and self._dht is not None:
            del self._by_handle[search.handle]
            self._dht.cancel(search.handle, self._network.now())
            self._settle_soon()

    def forget_refused(self) -> None:
        """The IP filter has changed: forget the nodes that it refuses."""
        if self._dht is not None:
            self._dht.forget(self._filter.blocks)

    def tick(self, now: float) -> None:
        """Once a second: make the figures anew if anything happened, and store the nodes at times."""
        if self._dht is None or not self._stale:
            return
        self._refresh(self._dht, now)
        if now >= self._save_due:
            self._save_due = now + SAVE_INTERVAL
            self._store(self._dht, _nothing)

    # -- the sockets -----------------------------------------------------------------------------------------------

    def on_datagram(self, data: memoryview, address: Address) -> None:
        """Take a datagram of the DHT."""
        if self._dht is not None and not self._filter.blocks(address[0]):
            dht = self._dht
            dht.receive(data, address, self._network.now())
            self._send(dht)
            self._hand_out(dht)
            self._settle_soon()

    def on_unsent(self, address: Address, reason: str) -> None:
        """Take the news that the system refused a datagram."""
        if self._dht is not None:
            self._dht.unsent(address, self._network.now())
            self._settle_soon()

    # -- the machine -----------------------------------------------------------------------------------------------

    def _join(self, addresses: Sequence[Address]) -> None:
        if self._dht is not None:
            self._dht.bootstrap(addresses, self._network.now())
            self._settle_soon()

    def _run(self, search: Search) -> None:
        if self._dht is not None:
            handle = self._dht.get_peers(search.infohash, self._network.now(), announce_port=search.announce_port)
            search.handle = handle
            self._by_handle[handle] = search

    def _settle_soon(self) -> None:
        if not self._settling:
            self._settling = True
            self._network.defer(self._settle)

    def _settle(self) -> None:
        self._settling = False
        dht = self._dht
        if dht is None:
            return
        self._send(dht)
        self._hand_out(dht)
        if self._dht is dht:  # what an event led to may have stopped it
            self._network.defer(self._keep_up)  # when the datagrams have left

    def _hand_out(self, dht: Dht) -> None:
        for event in dht.events():
            if isinstance(event, PeersFound):
                search = self._by_handle.get(event.search)
                if search is not None:
                    search.finder.on_peers(event.addresses)
            elif isinstance(event, SearchEnded):
                self._end(event.search)
            elif isinstance(event, PeerAnnounced):
                self.on_announced(event.infohash, event.address)
            elif isinstance(event, NodesNeeded):
                self.bootstrap.begin()
            elif isinstance(event, Joined):
                self.bootstrap.end()

    def _keep_up(self) -> None:
        if self._dht is not None:
            self._stale = True
            self._refresh(self._dht, self._network.now())
            self._arm(self._dht.next_timeout)

    def _send(self, dht: Dht) -> None:
        for data, address in dht.outgoing():
            if self._filter.blocks(address[0]):
                dht.unsent(address, self._network.now())
                self._settle_soon()  # another node is asked in its place
            else:
                self._datagrams.send(data, address, self)

    def _transmit(self, data: bytes, address: Address) -> bool:
        """Send a datagram, unless it goes to a host that the filter refuses: the machine cannot be told of that now."""
        if self._filter.blocks(address[0]):
            return False
        self._datagrams.send(data, address, self)
        return True

    def _arm(self, due: float) -> None:
        """Set the timer, unless it is set for an earlier time: then it is set anew when it is due."""
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        now = self._network.now()
        self._timer_due = max(due, now + LEAST_PAUSE)
        self._timer = self._network.call_later(self._timer_due - now, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._dht is not None:
            now = self._network.now()
            if now < self._dht.next_timeout:
                self._arm(self._dht.next_timeout)
            else:
                self._dht.advance(now)
                self._settle_soon()

    def _end(self, handle: PeerSearch) -> None:
        search = self._by_handle.pop(handle, None)
        if search is not None:
            del self._searches[search]
            search.finder.on_search_ended(handle.replies)

    def _end_searches(self, searches: List[Search]) -> None:
        """The node is not there, or not any more."""
        for search in searches:
            if search in self._searches:  # the end of one may have cancelled another
                del self._searches[search]
                handle = search.handle
                if handle is not None:
                    self._by_handle.pop(handle, None)
                search.finder.on_search_ended(0 if handle is None else handle.replies)

    def _refresh(self, dht: Dht, now: float) -> None:
        """Make the figures anew, unless that was done in the last second."""
        if now >= self._refresh_due:
            self._refresh_due = now + REFRESH_INTERVAL
            self._stale = False
            self.status = self._figures(dht, running=True)

    def _figures(self, dht: Dht, *, running: bool) -> DhtStatus:
        return dht_status(
            dht.statistics(),
            running=running,
            read_only=self._settings.dht_read_only,
            error=self.failure or self.bootstrap.failure,
            port_of=self._datagrams.port_of,
        )


def _nobody(infohash: bytes, address: Address) -> None:
    """Take an announce that is of no interest."""


def _nothing() -> None:
    """Do nothing: nobody waits for the state to be stored."""

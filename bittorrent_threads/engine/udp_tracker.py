"""UDP trackers (BEP 15, BEP 41): announces and scrapes over the UDP sockets of the session.

All torrents share the machine of a tracker's address (``protocol.udp_tracker``), and with it one connection id.

The rule: a call ends once, after its timeout at the latest; meanwhile the machine sends again what was lost, after
15 s, 45 s and so on.  A later announce of a torrent to the same tracker ends the one before it, so that no ``started``
can be sent again after ``stopped``.  A datagram counts only if it comes from the address and port that was asked.
"""

from __future__ import annotations

import functools
from typing import Any, Callable, Dict, Optional, Tuple, Union
from urllib.parse import urlsplit

from ..net.interfaces import Address, Resolved
from ..protocol.announce import AnnounceRequest
from ..protocol.tracker_reply import TrackerFailure
from ..protocol.udp_tracker import Answer, Exchange, Random, UdpTracker, announce_exchange, scrape_exchange
from ..protocol.udp_tracker_messages import MAX_URL_DATA, is_answer, url_data_of
from ..settings import Settings
from ..text import printable
from .datagrams import Datagrams, family_of
from .interfaces.lookups import Lookups
from .interfaces.network import Network, Timer
from .interfaces.tracker_client import Endpoint, ScrapeAnswer, TrackerAnswer
from .tracker_addresses import TrackerAddresses, address_objection

_Key = Tuple[str, int, bytes]
"""URL, address family and infohash of an announce."""


class _Call:
    """One announce or scrape, from the call to its end."""

    def __init__(
        self, tracker: Tuple[str, int], family: int, make: Callable[[str], Exchange], end: Callable[[Any], None]
    ) -> None:
        self.tracker = tracker
        """Host, as in the URL, and port."""
        self.family = family
        """4, 6, or 0 for any."""
        self.make = make
        """Returns the exchange with the tracker at a numeric address."""
        self.end: Optional[Callable[[Any], None]] = end
        """Takes the answer; None once it has."""
        self.timer: Optional[Timer] = None
        self.contact: Optional[_Contact] = None
        """The address that is asked; None before it is known."""
        self.exchange: Optional[Exchange] = None


class _Contact:
    """The exchanges with one address."""

    def __init__(self, address: Address, random: Random) -> None:
        self.address = address
        self.tracker = UdpTracker(random)
        self.calls: Dict[Exchange, _Call] = {}
        self.timer: Optional[Timer] = None
        self.timer_at = 0.0


class UdpTrackerClient:
    """The client of all UDP trackers of a session.

    Args:
        lookups: Resolve names.
        datagrams: The sockets.
        network: Clock and timers.
        settings: Limits and times.
        random: Source of transaction ids.
    """

    def __init__(
        self, lookups: Lookups, datagrams: Datagrams, network: Network, settings: Settings, random: Random
    ) -> None:
        self._datagrams = datagrams
        self._network = network
        self._check = settings.check_tracker_paths
        self._random = random
        self._addresses = TrackerAddresses(lookups, network, timeout=settings.announce_timeout)
        self._contacts: Dict[Address, _Contact] = {}
        self._announces: Dict[_Key, _Call] = {}
        """Those that have not ended."""
        datagrams.add(self, is_answer)

    @property
    def contacts(self) -> int:
        """Number of addresses that are asked, or were in the last minute."""
        return len(self._contacts)

    def objection(self, url: str) -> str:
        """Return why the URL cannot be announced to; empty if it can."""
        size = len(url_data_of(url))
        return f"path and query of the URL have {size} bytes, and UDP {MAX_URL_DATA}" if size > MAX_URL_DATA else ""

    def announce(
        self,
        url: str,
        request: AnnounceRequest,
        deliver: Callable[[TrackerAnswer], None],
        *,
        endpoint: Endpoint,
        timeout: float,
        trusted: bool,
    ) -> None:
        """Announce to one tracker; see ``engine.interfaces.TrackerClient``."""
        key = (url, endpoint.family, request.infohash)

        def end(answer: TrackerAnswer) -> None:
            if self._announces.get(key) is call:
                del self._announces[key]
            deliver(answer)

        call = _Call(_address(url), endpoint.family, functools.partial(announce_exchange, request, url), end)
        before = self._announces.get(key)
        if before is not None:
            self._network.defer(functools.partial(self._end, before, TrackerFailure("a later announce replaced it")))
        self._announces[key] = call
        self._begin(call, timeout, trusted=trusted)

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        """Scrape one tracker; see ``engine.interfaces.TrackerClient``."""
        call = _Call(_address(url), 0, lambda host: scrape_exchange(infohash), deliver)
        self._begin(call, timeout, trusted=trusted)

    # -- one call ----------------------------------------------------------------------------------------------------

    def _begin(self, call: _Call, timeout: float, *, trusted: bool) -> None:
        self._datagrams.begin_exchange()
        call.timer = self._network.call_later(timeout, functools.partial(self._give_up, call, timeout))
        self._addresses.find(*call.tracker, functools.partial(self._resolved, call, trusted))

    def _resolved(self, call: _Call, trusted: bool, resolved: Resolved) -> None:
        if call.end is None:
            return
        chosen = self._chosen(call, trusted, resolved)
        if isinstance(chosen, TrackerFailure):
            self._end(call, chosen)
            return
        contact = self._contacts.get(chosen)
        if contact is None:
            contact = self._contacts[chosen] = _Contact(chosen, self._random)
        call.contact, call.exchange = contact, call.make(chosen[0])
        contact.calls[call.exchange] = call
        contact.tracker.request(call.exchange, self._network.now())
        self._settle(contact)

    def _chosen(self, call: _Call, trusted: bool, resolved: Resolved) -> Union[Address, TrackerFailure]:
        """Return the address to ask, or why there is none."""
        host = call.tracker[0]
        if resolved.error is not None:
            return TrackerFailure(getattr(resolved.error, "reason", "") or printable(str(resolved.error)))
        families = (call.family,) if call.family else (4, 6)
        found = [address for address in resolved.addresses if family_of(address[0]) in families]
        if not found:
            return TrackerFailure(f"{host} has no address of IPv{call.family}", family_unavailable=True)
        there = [address for address in found if family_of(address[0]) in self._datagrams.families]
        if not there:
            return TrackerFailure(self._datagrams.failure, family_unavailable=True)
        objections = [address_objection(address, trusted=trusted or not self._check) for address in there]
        allowed = [address for address, objection in zip(there, objections) if not objection]
        return allowed[0] if allowed else TrackerFailure(objections[0])

    def _give_up(self, call: _Call, timeout: float) -> None:
        """End a call whose time is over."""
        reason = f"no answer within {timeout:g} s"
        if call.contact is not None and call.exchange is not None:
            self._addresses.put_last(call.tracker[0], call.contact.address)
            if call.exchange.malformed:
                reason = f"no usable answer within {timeout:g} s, of {call.exchange.malformed} that came"
        self._end(call, TrackerFailure(reason))

    def _end(self, call: _Call, answer: Answer) -> None:
        """Deliver the answer of a call, once."""
        end, call.end = call.end, None
        if end is None:
            return
        if call.timer is not None:
            call.timer.cancel()
        contact, exchange = call.contact, call.exchange
        if contact is not None and exchange is not None and contact.calls.pop(exchange, None) is not None:
            contact.tracker.cancel(exchange, self._network.now())
            self._settle(contact)
        self._datagrams.end_exchange()
        end(answer)

    # -- datagrams ---------------------------------------------------------------------------------------------------

    def on_datagram(self, data: memoryview, address: Address) -> None:
        """Take the answer of a tracker; one from any other address is ignored."""
        contact = self._contacts.get(address)
        if contact is not None:
            contact.tracker.receive(data, self._network.now())
            self._settle(contact)

    def on_unsent(self, address: Address, reason: str) -> None:
        """The system refused a datagram: whatever waits for this address fails now."""
        contact = self._contacts.get(address)
        if contact is not None:
            contact.tracker.fail(reason)
            self._settle(contact)

    def _settle(self, contact: _Contact) -> None:
        """Send what the machine of an address wants to send, deliver its answers, and set its timer."""
        for datagram in contact.tracker.take_output():
            self._datagrams.send(datagram, contact.address, self)
        for exchange, answer in contact.tracker.take_answers():
            self._end(contact.calls.pop(exchange), answer)
        due = contact.tracker.next_timeout()
        if contact.timer is None or due < contact.timer_at:
            self._set_timer(contact, due)

    def _set_timer(self, contact: _Contact, due: float) -> None:
        if contact.timer is not None:
            contact.timer.cancel()
        contact.timer_at = due
        delay = max(0.0, due - self._network.now())
        contact.timer = self._network.call_later(delay, functools.partial(self._timer_due, contact))

    def _timer_due(self, contact: _Contact) -> None:
        contact.timer = None
        now = self._network.now()
        if contact.tracker.over(now):
            del self._contacts[contact.address]
            return
        contact.tracker.handle_timeouts(now)
        self._settle(contact)


def _address(url: str) -> Tuple[str, int]:
    """Return host and port of the URL of a tracker, which has both."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0

"""``UdpTracker``: our end of the exchanges with one UDP tracker at one address (BEP 15).

A connection id is asked for once and used for every exchange until it is a minute old.  A request that is not answered
after 15 * 2**n seconds is sent again, n from 0 to 8; the machine itself never gives up: its caller cancels.

The rule: an answer counts only if it has the transaction id, a random number of 32 bits, of a request that was sent.
What the tracker can cause is bounded: one datagram leaves for each that is answered or timed out, at most ``MAX_SENT``
requests are out at once, and connection ids are asked for at most every 15 s, however many torrents wait for one.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Callable, Dict, Iterable, List, Optional, Protocol, Tuple, Union

from . import udp_tracker_messages as messages
from .announce import AnnounceReply, AnnounceRequest
from .scrape import SwarmCounts
from .tracker_reply import TrackerFailure
from .udp_tracker_messages import Datagram

FIRST_TIMEOUT = 15.0
"""Seconds until a request is sent again; doubled each time."""
MAX_DOUBLINGS = 8
CONNECTION_LIFE = 60.0
"""Seconds for which a connection id is used."""
MAX_SENT = 64
"""Requests that are out at once; the others wait, so that a thousand torrents that start together are no flood."""

Answer = Union[AnnounceReply, SwarmCounts, TrackerFailure]


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def getrandbits(self, k: int, /) -> int:
        """Return a number of ``k`` random bits."""


class Exchange:
    """One request to a tracker, from ``UdpTracker.request`` to its answer."""

    __slots__ = ("action", "due", "encode", "malformed", "parse", "reconnected", "sent", "timeouts", "transaction")

    def __init__(
        self,
        action: int,
        encode: Callable[[bytes, int], bytes],
        parse: Callable[[Datagram], Union[AnnounceReply, SwarmCounts, None]],
    ) -> None:
        self.action = action
        self.encode = encode
        """Returns the datagram, with a connection id and a transaction id."""
        self.parse = parse
        self.transaction = 0
        self.sent = False
        """It was sent once at least, so that an answer can be one to it."""
        self.timeouts = 0
        """Times in a row that it was not answered in time."""
        self.due = math.inf
        """Time at which it is sent again."""
        self.reconnected = False
        """It was refused because of its connection id, and has been given another one."""
        self.malformed = 0
        """Answers to it that could not be used."""


def announce_exchange(request: AnnounceRequest, url: str, host: str) -> Exchange:
    """Return the exchange of an announce.

    Args:
        request: What to tell the tracker.
        url: URL of the tracker.
        host: Numeric address of the tracker.
    """
    encode = functools.partial(messages.announce_request, request, messages.url_data_of(url))
    return Exchange(messages.ANNOUNCE, encode, functools.partial(messages.parse_announce, host=host))


def scrape_exchange(infohash: bytes) -> Exchange:
    """Return the exchange of a scrape."""
    return Exchange(messages.SCRAPE, functools.partial(messages.scrape_request, infohash), messages.parse_scrape)


class UdpTracker:
    """The machine of one tracker address; after each call ``take_output`` and ``take_answers`` are to be called.

    Args:
        random: Source of transaction ids.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._exchanges: Dict[int, Exchange] = {}
        """Those without an answer, by transaction id."""
        self._waiting: Dict[Exchange, None] = {}
        """Those to be sent, in order, once there is a connection id and room among those sent."""
        self._out: Dict[Exchange, None] = {}
        """Those that were sent and wait for an answer."""
        self._connection = b""
        self._connected_until = -math.inf
        self._connecting: Optional[int] = None
        """Transaction id of the request for a connection id; kept while nothing waits, for a late answer."""
        self._connect_sent_at = -math.inf
        self._connect_timeouts = 0
        self._connect_due = -math.inf
        self._output: List[bytes] = []
        self._answers: List[Tuple[Exchange, Answer]] = []

    def request(self, exchange: Exchange, now: float) -> None:
        """Begin an exchange."""
        exchange.transaction = self._new_transaction()
        self._exchanges[exchange.transaction] = exchange
        self._waiting[exchange] = None
        if self._connecting is not None:
            # Others may have waited long and be patient; whoever comes now gets a try soon.
            if len(self._exchanges) == 1:
                self._connect_timeouts = 0
            self._connect_due = min(self._connect_due, self._connect_sent_at + FIRST_TIMEOUT)
        self._pump(now)

    def cancel(self, exchange: Exchange, now: float) -> None:
        """End an exchange without an answer; harmless if it is over."""
        if self._exchanges.pop(exchange.transaction, None) is exchange:
            self._waiting.pop(exchange, None)
            self._out.pop(exchange, None)
            self._pump(now)

    def receive(self, datagram: Datagram, now: float) -> None:
        """Take a datagram that came from the tracker's address; anything but an expected answer is ignored."""
        header = messages.parse_header(datagram)
        if header is None:
            return
        action, transaction = header
        if transaction == self._connecting:
            self._receive_connect(action, datagram, now)
        else:
            exchange = self._exchanges.get(transaction)
            if exchange is not None and exchange.sent:
                self._receive_answer(exchange, action, datagram)
        self._pump(now)

    def fail(self, reason: str) -> None:
        """End all exchanges: nothing can be sent to the tracker."""
        self._connecting = None
        self._fail(list(self._exchanges.values()), reason)

    def handle_timeouts(self, now: float) -> None:
        """Send again what was not answered; to be called at ``next_timeout``."""
        for exchange in [each for each in self._out if each.due <= now]:
            exchange.timeouts += 1
            del self._out[exchange]
            self._waiting[exchange] = None
        self._pump(now)

    def next_timeout(self) -> float:
        """Return the time of the next call of ``handle_timeouts``; while nothing waits, the end of what is known."""
        times = [exchange.due for exchange in self._out]
        if self._waiting and self._connecting is not None:
            times.append(self._connect_due)
        return min(times, default=self._known_until)

    def over(self, now: float) -> bool:
        """Return whether the machine can be forgotten: nothing waits, and nothing worth keeping is known."""
        return not self._exchanges and now >= self._known_until

    def take_output(self) -> List[bytes]:
        """Return the datagrams to send to the tracker, in order, once."""
        output, self._output = self._output, []
        return output

    def take_answers(self) -> List[Tuple[Exchange, Answer]]:
        """Return the exchanges that ended, with their answers, once."""
        answers, self._answers = self._answers, []
        return answers

    # -- inside ------------------------------------------------------------------------------------------------------

    @property
    def _known_until(self) -> float:
        """Until when there is a connection id, or none is to be asked for."""
        return max(self._connected_until, self._connect_sent_at + FIRST_TIMEOUT)

    def _receive_connect(self, action: int, datagram: Datagram, now: float) -> None:
        if action == messages.ERROR:
            self._connecting = None
            self._fail(list(self._waiting), messages.parse_error(datagram))
            return
        connection = messages.parse_connect(datagram) if action == messages.CONNECT else None
        if connection is None:
            for exchange in self._waiting:
                exchange.malformed += 1
            return
        self._connecting = None
        self._connection, self._connected_until = connection, now + CONNECTION_LIFE
        for exchange in self._waiting:
            exchange.timeouts = 0

    def _receive_answer(self, exchange: Exchange, action: int, datagram: Datagram) -> None:
        if action == messages.ERROR:
            reason = messages.parse_error(datagram)
            if "connection id" in reason.lower() and not exchange.reconnected:
                exchange.reconnected = True
                self._connected_until = -math.inf
                self._out.pop(exchange, None)
                self._waiting[exchange] = None
            else:
                self._end(exchange, TrackerFailure(reason))
            return
        if action != exchange.action:
            exchange.malformed += 1
            return
        size = len(datagram)
        refusal = "refused without a reason" if size == messages.HEADER_SIZE else f"the answer has {size} bytes only"
        self._end(exchange, exchange.parse(datagram) or TrackerFailure(refusal))

    def _pump(self, now: float) -> None:
        """Send what can be sent."""
        if not self._waiting:
            return
        if now < self._connected_until:
            for exchange in list(itertools.islice(self._waiting, MAX_SENT - len(self._out))):
                del self._waiting[exchange]
                self._out[exchange] = None
                exchange.sent = True
                exchange.due = now + _pause(exchange.timeouts)
                self._output.append(exchange.encode(self._connection, exchange.transaction))
            return
        if self._connecting is None:
            self._connecting = self._new_transaction()
            self._connect_timeouts = max(exchange.timeouts for exchange in self._waiting)
            self._connect_due = self._connect_sent_at + FIRST_TIMEOUT
        if self._connect_due <= now:
            self._connect_sent_at = now
            self._connect_due = now + _pause(self._connect_timeouts)
            self._connect_timeouts += 1
            self._output.append(messages.connect_request(self._connecting))

    def _fail(self, exchanges: Iterable[Exchange], reason: str) -> None:
        for exchange in exchanges:
            self._end(exchange, TrackerFailure(reason))

    def _end(self, exchange: Exchange, answer: Answer) -> None:
        del self._exchanges[exchange.transaction]
        self._waiting.pop(exchange, None)
        self._out.pop(exchange, None)
        self._answers.append((exchange, answer))

    def _new_transaction(self) -> int:
        while True:
            transaction = self._random.getrandbits(32)
            if transaction not in self._exchanges and transaction != self._connecting:
                return transaction


def _pause(timeouts: int) -> float:
    return FIRST_TIMEOUT * 2.0 ** min(timeouts, MAX_DOUBLINGS)

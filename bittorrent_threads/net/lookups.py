"""Name resolution and HTTP requests off the network thread (``engine.interfaces.Lookups``).

The rule: a request has one answer, in time, on the network thread, whatever its worker does.  A worker may hang in the
system's resolver for ever; then a timer answers for it.  Daemon threads, started one by one as work piles up; one that
waits for its host longer than ``SLOW`` is not counted, and another takes its place.  Closing ends what can be ended and
waits for nothing.
"""

from __future__ import annotations

import functools
import time
from _queue import SimpleQueue
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Protocol, Tuple
from urllib.parse import urlsplit

from ..errors import BitTorrentError, SessionClosed, SettingsError, ThreadError, TrackerError
from ..settings import Settings
from ..threads.original import allocate_lock
from ..threads.thread import Thread
from ..version import __version__
from . import resolver
from .http import Fetch, default_context
from .request_queue import RequestQueue, Way

MAX_WAITING = 1000
"""Requests that wait for a worker; far more than the trackers of a few hundred torrents ever are at once."""
SLOW = 1.0
"""Seconds after which a request does not count against ``Settings.lookup_threads`` any more."""
MOST_SLOW = 8
"""Times that number of threads there are at most, because so many are slow."""


class Fetched(NamedTuple):
    """``engine.interfaces.Fetched``: the answer to ``fetch``."""

    url: str
    status: int
    body: bytes
    error: Optional[BitTorrentError]
    host: str = ""


class Resolved(NamedTuple):
    """``engine.interfaces.Resolved``: the answer to ``resolve``."""

    addresses: Tuple[resolver.Address, ...]
    error: Optional[BitTorrentError]


class Poster(Protocol):
    """What look-ups need of the loop."""

    def post(self, callback: Callable[[], None]) -> None:
        """Make a call on the network thread; raises SessionClosed when there is none any more."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Call once, later; the result has a ``cancel``."""


class Request:
    """One look-up on its way; everything but ``work`` belongs to the network thread."""

    def __init__(self, host: Way, work: Callable[[], Any], failed: Callable[[BitTorrentError], Any]) -> None:
        self.host = host
        """That is asked, and over which family, or that is looked up."""
        self.work = work
        """Run by a worker."""
        self.failed = failed
        """Makes the answer for an error."""
        self.deliver: Optional[Callable[[Any], None]] = None
        """Who waits for the answer; None once it was given."""
        self.timer: Any = None
        """When the time is over."""
        self.timeouts: Any = None
        """When the request is slow; None once it is."""
        self.cancel: Callable[[], None] = _nothing
        self.abandon: Callable[[], None] = _nothing


class Lookups:
    """Workers for look-ups; ``fetch`` and ``resolve`` are called on the network thread of ``loop``."""

    def __init__(self, settings: Settings, loop: Poster) -> None:
        self._user_agent = settings.user_agent or f"bittorrent_threads/{__version__}"
        if not self._user_agent.isascii() or not self._user_agent.isprintable():
            raise SettingsError("user_agent", "must be printable ASCII, since it becomes a header line")
        self._allow_private = settings.allow_private_trackers
        self._check_paths = settings.check_tracker_paths
        self._most = settings.lookup_threads
        self._loop = loop
        self._requests: SimpleQueue[Optional[Request]] = SimpleQueue()
        self._turns: RequestQueue[Request] = RequestQueue()
        self._pending: Dict[Request, None] = {}
        """Given to the workers and not come back, in time or not."""
        self._slow = 0
        """Those of them that take long."""
        self._threads: List[Thread] = []
        self._closed = False
        self._tls_lock = allocate_lock()
        self._tls: Any = None

    def fetch(
        self,
        url: str,
        timeout: float,
        max_body: int,
        deliver: Callable[[Any], None],
        *,
        trusted: bool = False,
        family: int = 0,
        source: str = "",
    ) -> None:
        """GET; ``timeout`` covers everything, from now on.  ``deliver`` gets a Fetched.

        ``trusted``, ``family`` and ``source`` are those of :class:`net.http.Fetch`.
        """
        fetch = Fetch(
            url,
            timeout=timeout,
            max_body=max_body,
            user_agent=self._user_agent,
            allow_private=self._allow_private,
            check_paths=self._check_paths,
            trusted=trusted,
            family=family,
            source=source,
            tls=self._context,
        )

        def work() -> Fetched:
            response = fetch.run()
            return Fetched(response.url, response.status, response.body, None, response.host)

        request = Request((_host(url), family), work, lambda error: Fetched(url, 0, b"", error))
        request.cancel = fetch.cancel
        request.abandon = fetch.abandon
        self._submit(request, url, timeout, deliver)

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Any], None]) -> None:
        """Numeric addresses of a host, those that the policy for trackers allows.  ``deliver`` gets a Resolved."""
        deadline = time.monotonic() + timeout

        def work() -> Resolved:
            if time.monotonic() >= deadline:
                raise TrackerError("not resolved in time", host)
            return Resolved(resolver.resolve(host, port, allow_private=self._allow_private), None)

        request = Request((host.lower(), 0), work, lambda error: Resolved((), error))
        self._submit(request, host, timeout, deliver)

    def close(self, timeout: float = 0.0) -> bool:
        """End the requests under way, which are not answered any more, and refuse new ones; from any thread.

        Waits at most ``timeout`` seconds for the workers; true when all ended.
        """
        if not self._closed:
            self._closed = True
            self._requests.put(None)
        for request in list(self._pending):
            request.cancel()
        return self.join(timeout)

    def join(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the workers to end; whether all did."""
        deadline = time.monotonic() + timeout
        return all([thread.join(max(0.0, deadline - time.monotonic())) for thread in list(self._threads)])

    def close_inherited(self) -> None:
        """In the child of a fork: close the descriptors; there are no workers here."""
        self._closed = True
        for request in list(self._pending):
            request.abandon()

    # -- on the network thread ---------------------------------------------------------------------------------------

    def _submit(self, request: Request, subject: str, timeout: float, deliver: Callable[[Any], None]) -> None:
        request.deliver = deliver
        refusal = ""
        if self._closed:
            refusal = "look-ups are closed"
        elif len(self._turns) >= MAX_WAITING:
            refusal = f"more than {MAX_WAITING} look-ups wait already"
        elif not (self._threads or self._hire()):
            refusal = "no thread could be started for the look-up"
        if refusal:
            self._loop.post(functools.partial(_answer, request, request.failed(TrackerError(refusal, subject))))
            return
        late = request.failed(TrackerError(f"no answer within {timeout:g} s", subject))
        request.timer = self._loop.call_later(timeout, functools.partial(self._give_up, request, late))
        self._turns.add(request, request.host)
        self._dispatch()

    def _dispatch(self) -> None:
        """Give the workers what they can take."""
        while not self._closed:
            request = self._turns.peek()
            if request is None or not self._staffed():
                return
            self._turns.begin(request)
            self._pending[request] = None
            request.timeouts = self._loop.call_later(SLOW, functools.partial(self._slowed, request))
            self._requests.put(request)

    def _staffed(self) -> bool:
        """A worker is idle, or can be hired."""
        hired = len(self._threads)
        if len(self._pending) - self._slow >= self._most:
            return False
        return len(self._pending) < hired or (hired < MOST_SLOW * self._most and self._hire())

    def _hire(self) -> bool:
        name = f"bittorrent-lookup-{len(self._threads) + 1}"
        thread = Thread(self._work, name)
        try:
            thread.start()
        except ThreadError:  # the system or a dying interpreter has no thread for us
            return False
        self._threads.append(thread)
        return True

    def _slowed(self, request: Request) -> None:
        request.timeouts = None
        self._slow += 1
        self._dispatch()

    def _give_up(self, request: Request, late: Any) -> None:
        """The time is over; the worker, if there is one, may come back with it whenever it can."""
        self._turns.discard(request)
        request.cancel()
        self._deliver(request, late)

    def _came_back(self, request: Request, answer: Any) -> None:
        del self._pending[request]
        self._turns.end(request.host, failed=answer.error is not None)
        if request.timeouts is None:
            self._slow -= 1
        else:
            request.timeouts.cancel()
        request.timer.cancel()
        self._deliver(request, answer)
        self._dispatch()

    def _deliver(self, request: Request, answer: Any) -> None:
        if not self._closed:
            _answer(request, answer)

    # -- in a worker ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            request = self._requests.get()
            if request is None:
                self._requests.put(None)  # for the next worker
                return
            try:
                answer = request.work()
            except BitTorrentError as error:
                answer = request.failed(error)
            except Exception as error:
                failure = TrackerError(f"look-up failed: {type(error).__name__}: {error}")
                failure.__cause__ = error
                answer = request.failed(failure)
            try:
                self._loop.post(functools.partial(self._came_back, request, answer))
            except SessionClosed:
                return

    def _context(self) -> Any:
        """One TLS context for all: it takes tens of milliseconds to read the system's certificates."""
        with self._tls_lock:
            if self._tls is None:
                self._tls = default_context()
            return self._tls


def _host(url: str) -> str:
    """What is asked, as far as it can be told; the worker says what is wrong with the URL."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _answer(request: Request, answer: Any) -> None:
    deliver, request.deliver = request.deliver, None
    if deliver is not None:
        deliver(answer)


def _nothing() -> None:
    pass

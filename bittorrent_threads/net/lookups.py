"""``Lookups``: name resolution and HTTP requests, in threads beside the network thread.

The rule: each request has one answer, in time, on the network thread, whatever its worker does.  A worker may wait in
the resolver of the system for ever; then a timer gives the answer.  Workers are daemon threads, started one by one as
requests pile up.  A worker whose request takes longer than ``SLOW`` is not counted, and another one may be started in
its place.  ``close`` ends what can be ended, and waits for nothing.
"""

from __future__ import annotations

import functools
import time
from _queue import SimpleQueue
from typing import Any, Callable, Dict, List, Optional, Protocol
from urllib.parse import urlsplit

from ..errors import BitTorrentError, SessionClosed, SettingsError, ThreadError, TrackerError
from ..settings import Settings
from ..threads.original import allocate_lock
from ..threads.thread import Thread
from ..version import __version__
from . import resolver
from .http import Fetch, default_context
from .interfaces import Fetched, Resolved
from .request_queue import Host, RequestQueue

MAX_WAITING = 1000
"""Requests that may wait for a worker; the trackers of a few hundred torrents are far fewer."""
SLOW = 1.0
"""Seconds after which a request no longer counts against ``Settings.lookup_threads``."""
MAX_SLOW_FACTOR = 8
"""There are at most so many times ``Settings.lookup_threads`` threads, however many requests are slow."""


class Poster(Protocol):
    """The part of the loop that look-ups use."""

    def post(self, callback: Callable[[], None]) -> None:
        """Have the network thread make a call; raises SessionClosed if the loop has ended."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> object:
        """Call once, ``delay`` seconds from now; the result has a ``cancel``."""


class Request:
    """One look-up; all fields except ``work`` belong to the network thread.

    Attributes:
        host: The host and address family that is asked, or the name that is resolved.
        work: Makes the answer, in a worker.
        failed: Makes the answer for an error.
        deliver: Receives the answer; None once it was given.
        timer: Ends the request when its time is over.
        slow_timer: Marks the request as slow; None once it is.
        cancel: Makes ``work`` fail soon; from any thread.
        abandon: Closes the descriptors of the request in the child of a fork.
    """

    def __init__(self, host: Host, work: Callable[[], Any], failed: Callable[[BitTorrentError], Any]) -> None:
        self.host = host
        self.work = work
        self.failed = failed
        self.deliver: Optional[Callable[[Any], None]] = None
        self.timer: Any = None
        self.slow_timer: Any = None
        self.cancel: Callable[[], None] = _nothing
        self.abandon: Callable[[], None] = _nothing


class Lookups:
    """Workers for look-ups; ``fetch`` and ``resolve`` are called on the network thread of ``loop``.

    Args:
        settings: The number of threads, the user agent and the policy for addresses.
        loop: The loop whose thread delivers the answers.

    Raises:
        SettingsError: ``settings.user_agent`` cannot be an HTTP header.
    """

    def __init__(self, settings: Settings, loop: Poster) -> None:
        self._user_agent = settings.user_agent or f"bittorrent_threads/{__version__}"
        if not self._user_agent.isascii() or not self._user_agent.isprintable():
            raise SettingsError("user_agent", "must be printable ASCII, since it becomes a header line")
        self._own = settings.host
        self._allow_private = settings.allow_private_trackers
        self._check_paths = settings.check_tracker_paths
        self._most = settings.lookup_threads
        self._loop = loop
        self._dispatched: SimpleQueue[Optional[Request]] = SimpleQueue()
        self._queue: RequestQueue[Request] = RequestQueue()
        self._pending: Dict[Request, None] = {}
        """Requests that were given to workers and have not come back, in time or not."""
        self._slow = 0
        """How many of them take longer than ``SLOW``."""
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
        """Make an HTTP GET request; the answer is delivered on the network thread, never from inside this call.

        Args:
            url: An http or https URL.
            timeout: Seconds from now on, for everything.
            max_body: Bytes that the answer may have, compressed and decompressed.
            deliver: Receives a Fetched.
            trusted: The URL may lead to a private address whatever its path is (see :class:`net.http.Fetch`).
            family: 4 or 6 for addresses of that family alone, 0 for both.
            source: The numeric address to connect from; that of the session if it is empty.
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
            source=source or self._own,
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
        """Resolve a host name; the answer is delivered on the network thread, never from inside this call.

        Args:
            host: A name or a numeric address.
            port: The port of the addresses that are delivered.
            timeout: Seconds from now on.
            deliver: Receives a Resolved, with the addresses that the policy for trackers allows.
        """
        deadline = time.monotonic() + timeout

        def work() -> Resolved:
            if time.monotonic() >= deadline:
                raise TrackerError("not resolved in time", host)
            return Resolved(resolver.resolve(host, port, allow_private=self._allow_private), None)

        request = Request((host.lower(), 0), work, lambda error: Resolved((), error))
        self._submit(request, host, timeout, deliver)

    def close(self, timeout: float = 0.0) -> bool:
        """Refuse requests from now on, and end those under way without an answer; from any thread.

        Args:
            timeout: Seconds to wait for the workers at most.

        Returns:
            True if all workers have ended.
        """
        if not self._closed:
            self._closed = True
            self._dispatched.put(None)
        for request in list(self._pending):
            request.cancel()
        return self.join(timeout)

    def join(self, timeout: float) -> bool:
        """Wait for the workers to end, at most ``timeout`` seconds; return true if all have."""
        deadline = time.monotonic() + timeout
        return all([thread.join(max(0.0, deadline - time.monotonic())) for thread in list(self._threads)])

    def close_inherited(self) -> None:
        """In the child of a fork, which has no workers, close the descriptors of the requests."""
        self._closed = True
        for request in list(self._pending):
            request.abandon()

    # -- on the network thread ---------------------------------------------------------------------------------------

    def _submit(self, request: Request, subject: str, timeout: float, deliver: Callable[[Any], None]) -> None:
        request.deliver = deliver
        refusal = ""
        if self._closed:
            refusal = "look-ups are closed"
        elif len(self._queue) >= MAX_WAITING:
            refusal = f"more than {MAX_WAITING} look-ups wait already"
        elif not (self._threads or self._start_worker()):
            refusal = "no thread could be started for the look-up"
        if refusal:
            self._loop.post(functools.partial(_answer, request, request.failed(TrackerError(refusal, subject))))
            return
        late = request.failed(TrackerError(f"no answer within {timeout:g} s", subject))
        request.timer = self._loop.call_later(timeout, functools.partial(self._give_up, request, late))
        self._queue.add(request, request.host)
        self._dispatch()

    def _dispatch(self) -> None:
        """Give waiting requests to the workers, as many as can take one."""
        while not self._closed:
            request = self._queue.peek()
            if request is None or not self._has_worker():
                return
            self._queue.begin(request)
            self._pending[request] = None
            request.slow_timer = self._loop.call_later(SLOW, functools.partial(self._mark_slow, request))
            self._dispatched.put(request)

    def _has_worker(self) -> bool:
        """Return true if a worker is idle or can be started."""
        started = len(self._threads)
        if len(self._pending) - self._slow >= self._most:
            return False
        return len(self._pending) < started or (started < MAX_SLOW_FACTOR * self._most and self._start_worker())

    def _start_worker(self) -> bool:
        name = f"bittorrent-lookup-{len(self._threads) + 1}"
        thread = Thread(self._work, name)
        try:
            thread.start()
        except ThreadError:  # the system has no thread, or the interpreter is at its end
            return False
        self._threads.append(thread)
        return True

    def _mark_slow(self, request: Request) -> None:
        request.slow_timer = None
        self._slow += 1
        self._dispatch()

    def _give_up(self, request: Request, late: object) -> None:
        """Answer that the time is over; a worker that has the request may come back later."""
        self._queue.discard(request)
        request.cancel()
        self._deliver(request, late)

    def _came_back(self, request: Request, answer: Any) -> None:
        del self._pending[request]
        self._queue.end(request.host, failed=answer.error is not None)
        if request.slow_timer is None:
            self._slow -= 1
        else:
            request.slow_timer.cancel()
        request.timer.cancel()
        self._deliver(request, answer)
        self._dispatch()

    def _deliver(self, request: Request, answer: object) -> None:
        if not self._closed:
            _answer(request, answer)

    # -- in a worker ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            request = self._dispatched.get()
            if request is None:
                self._dispatched.put(None)  # for the next worker
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
        """Return the TLS context of all requests: to read the certificates of the system takes tens of milliseconds."""
        with self._tls_lock:
            if self._tls is None:
                self._tls = default_context()
            return self._tls


def _host(url: str) -> str:
    """Return the host of a URL; empty if the URL is malformed, about which the worker raises an error."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _answer(request: Request, answer: object) -> None:
    deliver, request.deliver = request.deliver, None
    if deliver is not None:
        deliver(answer)


def _nothing() -> None:
    pass

"""Name resolution and HTTP requests off the network thread (``engine.ports.Lookups``).

The rule: a request has one answer, in time, on the network thread, whatever its worker does.  A worker may hang in the
system's resolver for ever; then a timer answers for it.  Daemon threads, started one by one as work piles up; closing
ends what can be ended and waits for nothing.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Protocol, Tuple

from ..errors import BitTorrentError, SessionClosed, SettingsError, TrackerError
from ..settings import Settings
from ..version import __version__
from . import names
from .http import Fetch, default_context

MAX_WAITING = 1000
"""Requests that wait for a worker; far more than the trackers of a few hundred torrents ever are at once."""


class Fetched(NamedTuple):
    """``engine.ports.Fetched``: the answer to ``fetch``."""

    url: str
    status: int
    body: bytes
    error: Optional[BitTorrentError]
    host: str = ""


class Resolved(NamedTuple):
    """``engine.ports.Resolved``: the answer to ``resolve``."""

    addresses: Tuple[names.Address, ...]
    error: Optional[BitTorrentError]


class Poster(Protocol):
    """What look-ups need of the loop."""

    def post(self, callback: Callable[[], None]) -> None:
        """Make a call on the network thread; raises SessionClosed when there is none any more."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Call once, later; the result has a ``cancel``."""


class Request:
    """One look-up on its way; everything but ``work`` belongs to the network thread."""

    def __init__(self, work: Callable[[], Any], failed: Callable[[BitTorrentError], Any]) -> None:
        self.work = work
        """Run by a worker."""
        self.failed = failed
        """Makes the answer for an error."""
        self.deliver: Optional[Callable[[Any], None]] = None
        """Who waits for the answer; None once it was given."""
        self.timer: Any = None
        self.cancel: Callable[[], None] = _nothing
        self.abandon: Callable[[], None] = _nothing


class Lookups:
    """Workers for look-ups; ``fetch`` and ``resolve`` are called on the network thread of ``loop``."""

    def __init__(self, settings: Settings, loop: Poster) -> None:
        self._user_agent = settings.user_agent or f"bittorrent_threads/{__version__}"
        if not self._user_agent.isascii() or not self._user_agent.isprintable():
            raise SettingsError("user_agent", "must be printable ASCII, since it becomes a header line")
        self._allow_private = settings.allow_private_trackers
        self._most = settings.lookup_threads
        self._loop = loop
        self._requests: queue.SimpleQueue[Optional[Request]] = queue.SimpleQueue()
        self._pending: Dict[Request, None] = {}
        """Given to the workers and not come back, in time or not."""
        self._threads: List[threading.Thread] = []
        self._closed = False
        self._tls_lock = threading.Lock()
        self._tls: Any = None

    def fetch(self, url: str, timeout: float, max_body: int, deliver: Callable[[Any], None]) -> None:
        """GET; ``timeout`` covers everything, from now on.  ``deliver`` gets a Fetched."""
        fetch = Fetch(
            url,
            timeout=timeout,
            max_body=max_body,
            user_agent=self._user_agent,
            allow_private=self._allow_private,
            tls=self._context,
        )

        def work() -> Fetched:
            response = fetch.run()
            return Fetched(response.url, response.status, response.body, None, response.host)

        request = Request(work, lambda error: Fetched(url, 0, b"", error))
        request.cancel = fetch.cancel
        request.abandon = fetch.abandon
        self._submit(request, url, timeout, deliver)

    def resolve(self, host: str, port: int, timeout: float, deliver: Callable[[Any], None]) -> None:
        """Numeric addresses of a host, those that the policy for trackers allows.  ``deliver`` gets a Resolved."""
        deadline = time.monotonic() + timeout

        def work() -> Resolved:
            if time.monotonic() >= deadline:
                raise TrackerError("not resolved in time", host)
            return Resolved(names.resolve(host, port, allow_private=self._allow_private), None)

        request = Request(work, lambda error: Resolved((), error))
        self._submit(request, host, timeout, deliver)

    def close(self, timeout: float = 0.0) -> bool:
        """End the requests under way, which are not answered any more, and refuse new ones; from any thread.

        Waits at most ``timeout`` seconds for the workers; true when all ended.
        """
        deadline = time.monotonic() + timeout
        if not self._closed:
            self._closed = True
            self._requests.put(None)
        for request in list(self._pending):
            request.deliver = None
            request.cancel()
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

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
        elif len(self._pending) >= MAX_WAITING + self._most:
            refusal = f"more than {MAX_WAITING} look-ups wait already"
        elif not self._staffed(len(self._pending) + 1):
            refusal = "no thread could be started for the look-up"
        if refusal:
            self._loop.post(functools.partial(_answer, request, request.failed(TrackerError(refusal, subject))))
            return
        late = request.failed(TrackerError(f"no answer within {timeout:g} s", subject))
        request.timer = self._loop.call_later(timeout, functools.partial(self._give_up, request, late))
        self._pending[request] = None
        self._requests.put(request)

    def _staffed(self, wanted: int) -> bool:
        """Start a worker if there is work for it; false when there is none at all."""
        if len(self._threads) < min(wanted, self._most):
            name = f"bittorrent-lookup-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system or a dying interpreter has no thread for us
                return bool(self._threads)
            self._threads.append(thread)
        return True

    def _give_up(self, request: Request, late: Any) -> None:
        """The time is over; the worker may come back with it whenever it can."""
        request.cancel()
        _answer(request, late)

    def _came_back(self, request: Request, answer: Any) -> None:
        del self._pending[request]
        request.timer.cancel()
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


def _answer(request: Request, answer: Any) -> None:
    deliver, request.deliver = request.deliver, None
    if deliver is not None:
        deliver(answer)


def _nothing() -> None:
    pass

"""Waits for several clients in one thread, after ``concurrent.futures``: ``wait_all`` and ``as_completed``.

The clients may belong to different sessions.  Nothing is polled: a change of one client wakes the thread, which then
looks at that client only.
"""

from __future__ import annotations

import collections
import math
import time
from typing import Deque, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .amounts import count_text
from .client import Client
from .conditions import Until, condition_of
from .errors import BitTorrentError, Stalled, WaitTimeout
from .progress_bar import Progress, Report, report_of, reporting
from .status import Status
from .threads.latch import Cancel, Latch, check_cancel
from .timeouts import check_timeout
from .wait import Wait, soon

ALL_COMPLETED = "ALL_COMPLETED"
FIRST_COMPLETED = "FIRST_COMPLETED"
FIRST_EXCEPTION = "FIRST_EXCEPTION"
RETURN_WHEN = (ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION)
"""When ``wait_all`` returns; the values are those of ``concurrent.futures``."""
MAX_NAMES = 5
"""Clients that the text of an error names."""


class Outcome(NamedTuple):
    """What became of one client; ``as_completed`` yields it."""

    client: Client
    """The client."""
    status: Status
    """The status that fulfils the condition, or that of the failure."""
    error: Optional[Exception] = None
    """Why the condition will not be fulfilled; None if it is."""


class WaitAllResult(NamedTuple):
    """What became of the clients that ``wait_all`` waited for."""

    done: Tuple[Client, ...]
    """The clients that fulfil the condition, in the given order."""
    not_done: Tuple[Client, ...]
    """All others, those that failed included."""
    errors: Mapping[Client, Exception]
    """Why a client is not done: ``WaitTimeout``, ``Stalled``, ``SessionClosed`` or ``MetainfoError``.  Where another
    client decided the end of the wait, those that were still waited for are not in it."""

    def check(self) -> None:
        """Raise the first error, in the order of the clients; does nothing if there is none."""
        for client in self.not_done:
            if client in self.errors:
                raise self.errors[client]


def wait_all(
    clients: Iterable[Client],
    until: Until = "complete",
    timeout: Optional[float] = None,
    stall_timeout: Optional[float] = None,
    *,
    return_when: str = ALL_COMPLETED,
    cancel: Optional[Cancel] = None,
    progress: Progress = False,
) -> WaitAllResult:
    """Wait for a condition of several clients.

    A client that fails does not end the wait for the others, unless ``return_when`` says so, and raises nothing:
    ``errors`` has the reason, and ``check`` raises it.  An interrupt ends the wait and leaves all clients running.

    Args:
        clients: The clients, of one session or of several; one that is given twice counts once.
        until: What to wait for, as for :meth:`Client.wait`.
        timeout: Most seconds to wait; None for no limit.
        stall_timeout: Most seconds that one client may be without progress, before it counts as failed; None for no
            limit.
        return_when: ``ALL_COMPLETED`` (each client is done or failed), ``FIRST_COMPLETED`` (one is) or
            ``FIRST_EXCEPTION`` (one failed, or each is done), as in ``concurrent.futures``.
        cancel: Ends the wait when it is set, such as a ``threading.Event``.
        progress: True draws one bar for all clients or writes lines, and a function is called, as for
            :func:`download`.

    Returns:
        Which clients are done, and why the others are not.

    Raises:
        Cancelled: If ``cancel`` was set.
        ValueError: If there is no such condition or ``return_when``, or a time limit is negative.
        TypeError: If something else than clients is given.
        FileNotFoundError: If a torrent has no such file.
        StateError: If the file is not wanted.
    """
    if return_when not in RETURN_WHEN:
        raise ValueError(f"return_when {return_when!r} is none of {', '.join(RETURN_WHEN)}")
    check_cancel(cancel)
    waits = _Waits(clients, until, timeout, stall_timeout)
    given = [*waits.pending]
    done: Dict[Client, None] = {}
    errors: Dict[Client, Exception] = {}
    try:
        with reporting(progress, count_text(len(given), "torrent")) as report:
            while waits.pending:
                for outcome in waits.next(cancel, soon(None, report)):
                    if outcome.error is None:
                        done[outcome.client] = None
                    else:
                        errors[outcome.client] = outcome.error
                if report is not None:
                    report(_report(given, len(done)))
                if (return_when == FIRST_COMPLETED and (done or errors)) or (return_when == FIRST_EXCEPTION and errors):
                    break
    finally:
        waits.close()
    return WaitAllResult(
        tuple([client for client in given if client in done]),
        tuple([client for client in given if client not in done]),
        errors,
    )


def as_completed(
    clients: Iterable[Client],
    until: Until = "complete",
    timeout: Optional[float] = None,
    stall_timeout: Optional[float] = None,
    *,
    cancel: Optional[Cancel] = None,
) -> Iterator[Outcome]:
    """Yield what becomes of several clients, as they fulfil a condition or fail.

    Args:
        clients: The clients, of one session or of several; one that is given twice counts once.
        until: What to wait for, as for :meth:`Client.wait`.
        timeout: Most seconds from this call to the last outcome; None for no limit.
        stall_timeout: Most seconds that one client may be without progress, before it counts as failed; None for no
            limit.
        cancel: Ends the wait when it is set, such as a ``threading.Event``.

    Returns:
        An iterator of outcomes; that of a client that failed has its ``error``.

    Raises:
        WaitTimeout: By the iterator after ``timeout`` seconds; its text names the clients that are not done.
        Cancelled: By the iterator if ``cancel`` was set.
        ValueError: If there is no such condition, or a time limit is negative.
        TypeError: If something else than clients is given.
        FileNotFoundError: If a torrent has no such file.
        StateError: If the file is not wanted.
    """
    check_cancel(cancel)
    return _outcomes(_Waits(clients, until, timeout, stall_timeout), cancel)


def _report(clients: Sequence[Client], done: int) -> Report:
    """The progress of all clients together."""
    reports = [report_of(client.status()) for client in clients]
    connected = sum([client.status().connected for client in clients])
    text = f"{done} of {len(clients)} done, {count_text(connected, 'peer')}"
    return Report(
        done=sum([report.done for report in reports]),
        total=sum([report.total for report in reports]),
        text=text if len(clients) > 1 else reports[0].text,
        rate=sum([report.rate for report in reports]),
    )


def _outcomes(waits: _Waits, cancel: Optional[Cancel]) -> Iterator[Outcome]:
    late: List[Outcome] = []
    try:
        while waits.pending:
            for outcome in waits.next(cancel):
                if isinstance(outcome.error, WaitTimeout) and not isinstance(outcome.error, Stalled):
                    late.append(outcome)
                else:
                    yield outcome
    finally:
        waits.close()
    if late:
        told = "; ".join([str(outcome.error) for outcome in late[:MAX_NAMES]])
        more = f"; and {len(late) - MAX_NAMES} more" if len(late) > MAX_NAMES else ""
        first = late[0].error
        assert isinstance(first, WaitTimeout)
        raise WaitTimeout(f"{told}{more}", first.figures, first.explanation)


# -- the waits -----------------------------------------------------------------------------------------------------


class _Bell(Latch):
    """Tells which client has changed; the network thread of that client sets it."""

    __slots__ = ("_client", "_waits")

    def __init__(self, client: Client, waits: _Waits) -> None:
        super().__init__()
        self._client = client
        self._waits = waits

    def set(self) -> None:
        """Note the client, and wake the thread; it never waits."""
        self._waits.rung.append(self._client)
        self._waits.wakes.set()


class _Waits:
    """The waits for several clients, which begin when this object is made."""

    def __init__(
        self, clients: Iterable[Client], until: Until, timeout: Optional[float], stall_timeout: Optional[float]
    ) -> None:
        check_timeout(timeout)
        check_timeout(stall_timeout, "stall_timeout")
        if isinstance(clients, Client):
            raise TypeError("clients must be several clients: put the one into a list, or call its wait()")
        unique = dict.fromkeys(clients)
        for client in unique:
            if not isinstance(client, Client):
                raise TypeError(f"clients must be clients, not {client!r}")
        self.pending: Dict[Client, Wait] = {
            client: Wait(client._handle, condition_of(client, until), timeout, stall_timeout) for client in unique
        }
        self.rung: Deque[Client] = collections.deque(unique)
        """The clients that changed; all of them at first."""
        self.wakes = Latch()
        """Set after a client was put there."""
        self._bells: Dict[Client, _Bell] = {}
        self._due: Dict[Client, float] = {}
        """When to look at a client without a change."""

    def next(self, cancel: Optional[Cancel], patience: Optional[float] = None) -> List[Outcome]:
        """Wait for outcomes, and return those of this moment; their clients are pending no more.

        Args:
            cancel: Ends the wait when it is set.
            patience: Seconds after which none is returned; None for no limit.
        """
        until = math.inf if patience is None else time.monotonic() + patience
        while True:
            # A bell that rang before this line is in ``rung``, and one that rings later sets the new latch.
            self.wakes = Latch()
            outcomes = [outcome for outcome in map(self._look, self._changed()) if outcome is not None]
            if outcomes or time.monotonic() >= until:
                return outcomes
            first = min([*self._due.values(), until])
            self.wakes.wait(None if first == math.inf else max(0.0, first - time.monotonic()), cancel)

    def close(self) -> None:
        """Wait no more."""
        for client, bell in self._bells.items():
            client._handle.changed.remove(bell)
        self._bells.clear()

    def _changed(self) -> List[Client]:
        """The pending clients to look at; a new bell is hung where one rang."""
        rung: Dict[Client, None] = {}
        while self.rung:
            rung[self.rung.popleft()] = None
        now = time.monotonic()
        looks = [client for client in rung if client in self.pending]
        for client in looks:
            bell = self._bells[client] = _Bell(client, self)
            client._handle.changed.add(bell)
        return looks + [client for client, due in self._due.items() if due <= now and client not in rung]

    def _look(self, client: Client) -> Optional[Outcome]:
        wait = self.pending[client]
        status: Optional[Status] = None
        error: Optional[Exception] = None
        try:
            status = wait.look()
        except (BitTorrentError, FileNotFoundError) as failure:
            error = failure
        if status is None and error is None:
            self._due[client] = math.inf if wait.left is None else time.monotonic() + wait.left
            return None
        del self.pending[client]
        self._due.pop(client, None)
        client._handle.changed.remove(self._bells.pop(client))
        return Outcome(client, status or wait.status, error)

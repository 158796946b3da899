"""``Exchange``: the torrents of a command that exchanges data with peers: waiting with progress, and the result."""

from __future__ import annotations

import argparse
import time
from typing import Callable, Optional, Sequence

from ..client import Client
from ..errors import Stalled
from ..metainfo.metainfo import Metainfo
from ..progress import Fetched, Progress, download_progress, seed_progress, show_events
from ..session import Session
from ..status import Status
from .console import Console
from .outcome import FAILURES, code_of, conclude, reason
from .session_options import CLOSE_TIMEOUT
from .transfer import Transfer


class Exchange:
    """The torrents of one command, in one session.

    Args:
        session: The session; its end is the caller's.
        transfers: The torrents.
        console: Where progress and events are shown.
    """

    def __init__(self, session: Session, transfers: Sequence[Transfer], console: Console) -> None:
        self.transfers = list(transfers)
        self._session = session
        self._console = console

    def download(self, timeout: Optional[float], stall_timeout: Optional[float]) -> None:
        """Wait until every torrent is complete; one that fails does not end the others."""
        began = time.monotonic()
        for transfer in self.transfers:
            left = None if timeout is None else max(0.001, began + timeout - time.monotonic())
            try:
                transfer.client.wait(Downloaded(transfer.client, self._console, self._progress), left, stall_timeout)
            except KeyboardInterrupt as error:
                self.interrupted(error)
                return
            except FAILURES as error:
                transfer.failure = error
            else:
                transfer.seconds = time.monotonic() - began

    def interrupted(self, error: KeyboardInterrupt) -> None:
        """Take an interrupt as the end of all torrents that are not complete."""
        for transfer in self.transfers:
            if transfer.seconds is None and transfer.failure is None:
                transfer.failure = error

    def seed(
        self,
        *,
        ratio: Optional[float],
        seconds: Optional[float],
        timeout: Optional[float],
        stall_timeout: Optional[float],
    ) -> None:
        """Seed all torrents that did not fail until each has reached a goal, or for ever.

        Args:
            ratio: The goal: so many times the size of the torrent was sent.
            seconds: The goal: so many seconds have passed.
            timeout: Seconds after which it is too late; None for no limit.
            stall_timeout: Seconds in which some peer must receive data; None for no limit.
        """
        seeds = [transfer for transfer in self.transfers if transfer.failure is None]
        if not seeds:
            return
        for transfer in seeds:
            self._console.message(f"seeding {transfer.client.name} on port {transfer.client.port}")
            transfer.seeding_since = time.monotonic()
        goal = Seeded(seeds, self._console, ratio=ratio, seconds=seconds, stall_timeout=stall_timeout)
        try:
            seeds[0].client.wait(goal, timeout)
        except FAILURES as error:
            for transfer in seeds:
                transfer.failure = None if transfer.seeded else error

    def conclude(self, command: str, go_on: str) -> int:
        """Close the torrents, write their results, and return the exit code.

        Args:
            command: The name of the command.
            go_on: The command line that goes on with what is not done.
        """
        self._session.close(CLOSE_TIMEOUT)
        for transfer in self.transfers:
            show_events(transfer.client, self._console)
        failed = [transfer for transfer in self.transfers if transfer.failure is not None]
        failure = failed[0].failure if failed else None
        done = [transfer for transfer in self.transfers if transfer.failure is None]
        text = "\n".join(transfer.text() for transfer in done)
        hint = go_on if isinstance(failure, KeyboardInterrupt) else None
        for transfer in failed[1:]:
            if not isinstance(transfer.failure, KeyboardInterrupt):
                self._console.message(f"bittorrent-threads: {reason(transfer.failure)}")
        if len(self.transfers) == 1:
            document = {"command": command, **self.transfers[0].document()}
        else:
            documents = [
                {**transfer.document(), "exit_code": code_of(transfer.failure), "error": reason(transfer.failure)}
                for transfer in self.transfers
            ]
            document = {"command": command, "torrents": documents}
        if hint is not None:
            document["go_on"] = hint
        code = conclude(self._console, failure, document, text)
        if hint is not None:
            self._console.message(f"to go on: {hint}")
        return code

    def _progress(self, status: Status) -> Progress:
        # ``status`` is that of the torrent that is waited for.
        if len(self.transfers) == 1:
            return download_progress(status)
        rows = [
            download_progress(transfer.client.status())
            for transfer in self.transfers
            if transfer.failure is None and transfer.seconds is None
        ]
        count = len(self.transfers)
        share = (sum(row.share for row in rows) + count - len(rows)) / count
        return Progress("\n".join(row.text for row in rows), share)


class Downloaded:
    """The condition that a download is complete; each call shows events and progress.

    A call raises StorageError after a disk failure, so that the user can make room and start the command again.
    """

    def __init__(self, client: Client, console: Console, progress: Callable[[Status], Progress]) -> None:
        self._client = client
        self._console = console
        self._progress = progress

    def __call__(self, status: Status) -> bool:
        """Show what is new, and return whether the download is complete."""
        failure = show_events(self._client, self._console, fatal=True)
        if failure is not None:
            raise failure
        if status.complete and not status.checking:
            return True
        self._console.progress(*self._progress(status))
        return False

    def __str__(self) -> str:
        return "complete"


class Seeded:
    """The condition that each of some torrents was seeded enough; each call shows events and progress.

    A call stops the torrents that were.  It raises Stalled when no peer received data for ``stall_timeout`` seconds.
    """

    def __init__(
        self,
        transfers: Sequence[Transfer],
        console: Console,
        *,
        ratio: Optional[float] = None,
        seconds: Optional[float] = None,
        stall_timeout: Optional[float] = None,
    ) -> None:
        self._transfers = transfers
        self._console = console
        self._ratio = ratio
        self._seconds = seconds
        self._stall_timeout = stall_timeout
        self._uploaded = 0
        self._moved = time.monotonic()

    def __call__(self, _: Status) -> bool:
        """Show what is new, and return whether all were seeded enough."""
        now = time.monotonic()
        uploaded = 0
        rows = []
        for transfer in self._transfers:
            show_events(transfer.client, self._console)
            status = transfer.client.status()
            uploaded += status.uploaded
            if not transfer.seeded and self._is_enough(transfer, status, now):
                transfer.seeded = True
                transfer.client.stop()
            if not transfer.seeded:
                rows.append(seed_progress(status))
        if not rows:
            return True
        if uploaded != self._uploaded:
            self._uploaded, self._moved = uploaded, now
        elif self._stall_timeout is not None and now - self._moved >= self._stall_timeout:
            name = self._transfers[0].client.name
            raise Stalled(f"no peer received data of {name} for {self._stall_timeout:g} s")
        self._console.progress("\n".join(row.text for row in rows), min(row.share for row in rows))
        return False

    def __str__(self) -> str:
        return "done with seeding"

    def _is_enough(self, transfer: Transfer, status: Status, now: float) -> bool:
        since = now if transfer.seeding_since is None else transfer.seeding_since
        return (self._seconds is not None and now - since >= self._seconds) or (
            self._ratio is not None and status.uploaded >= self._ratio * status.size
        )


def fetch(client: Client, console: Console, options: argparse.Namespace) -> Metainfo:
    """Return the metainfo of a client, which fetches it first if it was made from a magnet link."""
    if client.metainfo is None:
        client.start()
        client.wait(Fetched(client, console), options.timeout, options.stall_timeout)
        console.end_progress()
    assert client.metainfo is not None, "it was waited for"
    return client.metainfo

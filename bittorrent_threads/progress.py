"""Progress of a client for people: lines for its progress and its events, and a condition that shows them.

``Fetched`` is a condition for ``Client.wait``, which calls it several times a second in the waiting thread.
"""

from __future__ import annotations

import queue
from typing import NamedTuple, Optional

from . import events
from .amounts import duration_text, size_text
from .client import Client
from .command_line.console import Console
from .errors import StorageError
from .status import Status


class Progress(NamedTuple):
    """A line, and the share that is done, 0 to 1."""

    text: str
    share: float


class Fetched:
    """The condition that the metadata of a magnet link is known; each call shows events and progress."""

    def __init__(self, client: Client, console: Console) -> None:
        self._client = client
        self._console = console

    def __call__(self, status: Status) -> bool:
        """Show what is new, and return whether the metadata is known."""
        show_events(self._client, self._console)
        if not status.metadata:
            self._console.progress(*download_progress(status))
        return status.metadata

    def __str__(self) -> str:
        return "told by its peers"


def download_progress(status: Status) -> Progress:
    """Return the progress of a download, or of what comes before it: the metadata, or a hash check."""
    if not status.metadata:
        received = f"received {size_text(status.metadata_received)}" if status.metadata_received else ""
        parts = [f"{status.name}: fetching the metadata", received, f"{status.connected} peers", status.stall]
        return Progress(", ".join(filter(None, parts)), 0.0)
    if status.checking:
        return check_progress(status)
    rate = status.download_rate
    parts = [
        f"{status.name}: {status.progress:.1%} of {size_text(status.size)}",
        f"down {size_text(rate)}/s",
        f"up {size_text(status.upload_rate)}/s",
        f"{status.connected} peers",
    ]
    parts.append(f"{duration_text(status.left / rate)} left" if rate >= 1 else status.stall)
    return Progress(", ".join(filter(None, parts)), status.progress)


def seed_progress(status: Status) -> Progress:
    """Return the progress of a seed; its share is the number of bytes sent, divided by the size of the torrent."""
    sent = f"sent {size_text(status.uploaded)}, up {size_text(status.upload_rate)}/s"
    line = f"{status.name}: seeding, {sent}, {status.connected} peers"
    return Progress(line, status.uploaded / max(1, status.size))


def check_progress(status: Status) -> Progress:
    """Return the progress of a check of all pieces."""
    done = status.piece_count - status.checking
    line = f"{status.name}: checking the files, {status.checking} to go"
    return Progress(line, done / max(1, status.piece_count))


def show_events(client: Client, console: Console, *, fatal: bool = False) -> Optional[StorageError]:
    """Take the events in the queue of a client, and show those that matter to people.

    Args:
        client: The client.
        console: Where to show them.
        fatal: A disk failure ends the command, and is not shown here.

    Returns:
        The disk failure that stopped the torrent; None if there was none.
    """
    failure: Optional[StorageError] = None
    while True:
        try:
            event = client.events.get_nowait()
        except queue.Empty:
            return failure
        if isinstance(event, events.StorageFailed) and event.retry_in:
            failure = StorageError(event.reason, event.path, event.errno)
            if fatal:
                continue
        text = event_text(event)
        if text:
            console.news(text)


def event_text(event: events.Event) -> str:
    """Return a line for an event that matters to people; an empty string for other events."""
    if isinstance(event, events.MetadataReceived):
        return f"the metadata has come, {size_text(event.size)}"
    if isinstance(event, events.TrackerFailed):
        return f"tracker {event.url}: {event.reason}"
    if isinstance(event, events.TrackerAnnounced) and event.warning:
        return f"tracker {event.url} warns: {event.warning}"
    if isinstance(event, events.ListenFailed):
        return f"peers cannot connect to this client: {event.reason}"
    if isinstance(event, events.PieceFailed) and event.peers:
        return f"piece {event.index} failed its hash and is requested again"
    if isinstance(event, events.PeerBanned):
        return f"banned {event.address[0]} port {event.address[1]}: {event.reason}"
    if isinstance(event, events.InternalFailed):
        return f"an error of bittorrent_threads itself: {event.reason}"
    if isinstance(event, events.PeerUnknown):
        return event.reason
    if isinstance(event, events.StorageFailed):
        return f"{event.path}: {event.reason}"
    if isinstance(event, events.StorageRecovered):
        return "the files can be used again"
    return ""

"""What the commands share that exchange data with peers: waiting with progress, and the result."""

from __future__ import annotations

import argparse
from typing import Optional

from ..amounts import duration_text, size_text
from ..client import Client
from ..metainfo.metainfo import Metainfo
from ..plain_data import json_object
from ..progress import Fetched, Seeded, show_events
from .console import Console
from .outcome import conclude


def fetch(client: Client, console: Console, options: argparse.Namespace) -> Metainfo:
    """Return the metainfo of a client, which fetches it first if it was made from a magnet link."""
    if client.metainfo is None:
        client.start()
        client.wait(Fetched(client, console), options.timeout, options.stall_timeout)
        console.end_progress()
    assert client.metainfo is not None, "it was waited for"
    return client.metainfo


def seed_on(client: Client, console: Console, *, timeout: Optional[float], stall_timeout: Optional[float]) -> None:
    """Show the progress of seeding, until a timeout or an interrupt ends it."""
    console.message(f"seeding {client.name} on port {client.port}")
    client.wait(Seeded(client, console, stall_timeout), timeout)


def conclude_exchange(
    console: Console, client: Client, command: str, failure: Optional[BaseException], seconds: Optional[float]
) -> int:
    """Close the client and write its status; ``seconds`` is the time of a complete download."""
    client.close()
    status = client.status()  # after close, so that it counts every byte that was sent
    show_events(client, console)
    sent = f"sent {size_text(status.uploaded)}"
    text = f"{status.name}: {sent}"
    if seconds is not None:
        rate = size_text(status.downloaded / max(seconds, 0.001))
        received = f"received {size_text(status.downloaded)} in {duration_text(seconds)} ({rate}/s)"
        text = f"{status.name}: complete, {received}, {sent}"
    document = {"command": command, "seconds": seconds, **json_object(status)}
    return conclude(console, failure, document, text if failure is None else "")

"""Follows a download in asyncio: the events of a client as an asynchronous iterator.

    python3 tools/examples/asyncio_events.py TORRENT FOLDER

``loop.add_reader`` watches the descriptor.  The event loop of Windows that has it is ``asyncio.SelectorEventLoop``.
"""

from __future__ import annotations

import asyncio
import queue
import sys
from typing import AsyncIterator, Sequence

import bittorrent_threads as bt


async def events_of(client: bt.Client) -> AsyncIterator[bt.events.Event]:
    """Yield the events of a client as they come, up to ``Closed``."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(client, readable.set)
    try:
        while True:
            await readable.wait()
            readable.clear()
            try:
                while True:
                    event = client.events.get_nowait()
                    yield event
                    if isinstance(event, bt.events.Closed):
                        return
            except queue.Empty:
                continue
    finally:
        loop.remove_reader(client)


async def download(torrent: str, folder: str) -> int:
    """Download a torrent; return the bytes that were received."""
    client = bt.Client(torrent, folder)
    try:
        async for event in events_of(client):
            if isinstance(event, bt.events.Completed):
                break
        return client.downloaded
    finally:
        await asyncio.get_running_loop().run_in_executor(None, client.close)  # it may wait for trackers and files


async def both(torrent: str, folder: str) -> int:
    """Download, and count the seconds meanwhile: the event loop is free."""

    async def count() -> None:
        seconds = 0
        while True:
            await asyncio.sleep(1.0)
            seconds += 1
            print(f"{seconds} s")

    counter = asyncio.ensure_future(count())
    try:
        return await download(torrent, folder)
    finally:
        counter.cancel()


def main(arguments: Sequence[str]) -> int:
    """Download the torrent; return the exit code."""
    torrent, folder = arguments
    print(f"complete: {asyncio.run(both(torrent, folder))} bytes received")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

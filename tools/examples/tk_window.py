"""A window of Tk with the progress of a download; it closes when the download is complete.

    python3 tools/examples/tk_window.py TORRENT FOLDER

Where Tk can watch a descriptor it does, and nothing polls.  On Windows it cannot, and the window looks for events some
times a second.
"""

from __future__ import annotations

import queue
import sys
import tkinter
from tkinter import ttk
from typing import Sequence

import bittorrent_threads as bt

LOOK_INTERVAL = 200
"""Milliseconds between two looks for events on Windows."""


class Window:
    """The window of one client."""

    def __init__(self, client: bt.Client) -> None:
        self.client = client
        self.root = tkinter.Tk()
        self.root.title(client.name)
        self.bar = ttk.Progressbar(self.root, length=400, maximum=1.0)
        self.bar.pack(padx=10, pady=10)
        self.watches = hasattr(self.root.tk, "createfilehandler")
        if self.watches:
            self.root.tk.createfilehandler(client, tkinter.READABLE, lambda file, mask: self.take_events())
        else:
            self.root.after(LOOK_INTERVAL, self.look)

    def look(self) -> None:
        """Take the events now, and again later."""
        self.take_events()
        self.root.after(LOOK_INTERVAL, self.look)

    def take_events(self) -> None:
        """Take all events that wait, and show the progress."""
        try:
            while True:
                event = self.client.events.get_nowait()
                if isinstance(event, (bt.events.Completed, bt.events.Closed)):
                    self.root.quit()  # ends ``mainloop``
        except queue.Empty:
            self.bar["value"] = self.client.status().progress

    def run(self) -> None:
        """Show the window until it is closed, or the download is complete."""
        self.root.mainloop()
        if self.watches:
            self.root.tk.deletefilehandler(self.client)  # before the client is closed


def main(arguments: Sequence[str]) -> int:
    """Download the torrent; return the exit code."""
    torrent, folder = arguments
    with bt.Client(torrent, folder) as client:
        Window(client).run()
        if not client.complete:
            return 1
        print(f"complete: {client.downloaded} bytes received")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

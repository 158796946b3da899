"""Downloads in the main loop of GLib, which programs of GTK run.

    python3 tools/examples/glib_loop.py TORRENT FOLDER

It needs PyGObject: ``apt-get install python3-gi``, or ``pip install PyGObject``.
"""

from __future__ import annotations

import queue
import sys
from typing import Sequence

from gi.repository import GLib

import bittorrent_threads as bt


def main(arguments: Sequence[str]) -> int:
    """Download the torrent; return the exit code."""
    torrent, folder = arguments
    loop = GLib.MainLoop()
    with bt.Client(torrent, folder) as client:

        def on_readable(descriptor: int, condition: object) -> bool:
            try:
                while True:
                    event = client.events.get_nowait()
                    if isinstance(event, (bt.events.Completed, bt.events.Closed)):
                        loop.quit()
                        return False  # removes the watch
            except queue.Empty:
                return True  # keeps it

        GLib.io_add_watch(client.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, on_readable)
        loop.run()
        if not client.complete:
            return 1
        print(f"complete: {client.downloaded} bytes received")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

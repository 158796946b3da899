"""A window of Qt with the progress of a download; it closes when the download is complete.

    python3 -m pip install PySide6-Essentials
    python3 tools/examples/qt_window.py TORRENT FOLDER

``QSocketNotifier`` tells the main thread of Qt that events wait, so no signal has to cross threads.
"""

from __future__ import annotations

import queue
import sys
from typing import Sequence

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication, QProgressBar

import bittorrent_threads as bt


class ProgressBar(QProgressBar):
    """The progress of one client."""

    def __init__(self, client: bt.Client) -> None:
        super().__init__()
        self.client = client
        self.setWindowTitle(client.name)
        self.setRange(0, 1000)
        self.notifier = QSocketNotifier(client.fileno(), QSocketNotifier.Type.Read, self)
        self.notifier.activated.connect(self.take_events)

    def take_events(self) -> None:
        """Take all events that wait, and show the progress."""
        try:
            while True:
                event = self.client.events.get_nowait()
                if isinstance(event, (bt.events.Completed, bt.events.Closed)):
                    self.notifier.setEnabled(False)  # after ``Closed`` the descriptor stays readable
                    QApplication.quit()
        except queue.Empty:
            self.setValue(round(1000 * self.client.status().progress))


def main(arguments: Sequence[str]) -> int:
    """Download the torrent; return the exit code."""
    torrent, folder = arguments
    application = QApplication([])
    with bt.Client(torrent, folder) as client:
        bar = ProgressBar(client)
        bar.show()
        application.exec()
        if not client.complete:
            return 1
        print(f"complete: {client.downloaded} bytes received")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

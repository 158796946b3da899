"""A WSGI application that downloads a torrent and shows its status as JSON.

    python3 tools/examples/wsgi_app.py TORRENT FOLDER [PORT]

The first request starts the session, not the import: servers such as gunicorn import the application and then fork, and
in the child of a fork a session of the parent is dead.  With several worker processes let one of them download.
"""

from __future__ import annotations

import atexit
import json
import sys
import threading
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence
from wsgiref.simple_server import make_server

import bittorrent_threads as bt


class Application:
    """The application: one client, which the first request makes."""

    def __init__(self, torrent: str, folder: str) -> None:
        self.torrent = torrent
        self.folder = folder
        self.client: Optional[bt.Client] = None
        self.lock = threading.Lock()  # servers may have several threads

    def __call__(self, environ: Dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] != "/":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"only / is there\n"]
        status = self.start().status()  # a snapshot: a request never waits for the network
        document = {
            "name": status.name,
            "progress": status.progress,
            "complete": status.complete,
            "download_rate": status.download_rate,
            "peers": status.connected,
            "reason": status.stall,
        }
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(document).encode()]

    def start(self) -> bt.Client:
        """Return the client; make it if there is none."""
        with self.lock:
            if self.client is None:
                self.client = bt.Client(self.torrent, self.folder)
                atexit.register(self.client.close)  # the server may end in any way
            return self.client


def main(arguments: Sequence[str]) -> int:
    """Serve until interrupted; return the exit code."""
    torrent, folder, *rest = arguments
    ports: List[int] = [int(port) for port in rest] or [8000]
    with make_server("127.0.0.1", ports[0], Application(torrent, folder)) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""opentracker.  Debian's build always requires a whitelist of torrents.

It returns the source addresses of announces and ignores ``ip=``.  Its interval is half an hour: peers that start later
connect to those that started earlier.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Optional, Type

from .child import Child, PeerFailed
from .peer import START_TIMEOUT

PROGRAM = "opentracker"
HOST = "127.0.0.1"
WHITELIST = "whitelist"
POLL = 0.05
"""Seconds between two requests of its counts, of which it sends no notice."""


class OpenTracker:
    """opentracker on a free port for the torrents with ``infohashes``; ``url`` and ``udp_url`` announce."""

    name: ClassVar[str] = "opentracker"

    def __init__(self, *infohashes: bytes) -> None:
        self.infohashes = infohashes

    def __enter__(self) -> OpenTracker:
        with contextlib.ExitStack() as stack:
            root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="opentracker-")))
            # It changes its root to this folder and then its user, who must be able to read the list.
            root.chmod(0o755)
            whitelist = root / WHITELIST
            whitelist.write_text("".join(f"{infohash.hex()}\n" for infohash in self.infohashes))
            whitelist.chmod(0o644)
            command = [PROGRAM, "-i", HOST, "-p", "0", "-P", "0", "-d", str(root), "-u", "nobody", "-w", WHITELIST]
            self.child = stack.enter_context(Child(command, root / "log", cwd=root))
            self.url = f"http://{HOST}:{self.child.wait_bound(HOST, START_TIMEOUT)}/announce"
            self.udp_url = f"udp://{HOST}:{self.child.wait_bound(HOST, START_TIMEOUT, 'udp')}/announce"
            self._stack = stack.pop_all()
        return self

    def wait_swarm(self, infohash: bytes, *, seeds: int, leechers: int, timeout: float) -> None:
        """Wait until the tracker has these counts."""
        url = self.url.replace("/announce", "/scrape?info_hash=") + urllib.parse.quote(infohash)
        deadline = time.monotonic() + timeout
        while True:
            with urllib.request.urlopen(url, timeout=timeout) as response:
                answer = response.read()
            found = re.search(rb"8:completei(\d+)e10:downloadedi\d+e10:incompletei(\d+)e", answer)
            counts = (int(found[1]), int(found[2])) if found else (0, 0)
            if counts == (seeds, leechers):
                return
            if time.monotonic() > deadline:
                raise PeerFailed(f"opentracker counts {counts} and not {(seeds, leechers)}\n{self.child.tail()}")
            time.sleep(POLL)

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._stack.__exit__(kind, error, trace)

"""``Transfer``: one torrent of a command that exchanges data with peers, and its result."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from ..amounts import duration_text, size_text
from ..client import Client
from ..plain_data import json_object


class Transfer:
    """One torrent, and how far it is."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.seconds: Optional[float] = None
        """The time of a complete download."""
        self.failure: Optional[BaseException] = None
        self.seeding_since: Optional[float] = None
        self.seeded = False
        """It was seeded for as long, or as much, as was asked for."""

    @property
    def path(self) -> str:
        """Absolute path of the file or folder of the torrent."""
        return os.path.join(self.client.basedir, self.client.name)

    def document(self) -> Dict[str, Any]:
        """Return the result for ``--json``."""
        status = self.client.status()
        rate = None if self.seconds is None else status.downloaded / max(self.seconds, 0.001)
        return {"path": self.path, "seconds": self.seconds, "rate": rate, **json_object(status)}

    def text(self) -> str:
        """Return the result as a line."""
        status = self.client.status()
        sent = f"sent {size_text(status.uploaded)}"
        if self.seconds is None:
            return f"{self.path}: {sent}"
        rate = size_text(status.downloaded / max(self.seconds, 0.001))
        received = f"received {size_text(status.downloaded)} in {duration_text(self.seconds)} ({rate}/s)"
        return f"{self.path}: complete, {received}, {sent}"

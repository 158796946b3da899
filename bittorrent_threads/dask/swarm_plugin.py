"""``SwarmPlugin``: the client of a worker, from the start of the worker to its end.

The scheduler keeps the plugin, and gives it to every worker that joins.  The rule: nothing in it blocks the event loop
of the worker.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any, Optional, Sequence, Tuple

from distributed import Worker, WorkerPlugin
from distributed.comm import get_address_host

from ..client import Client
from ..errors import StateError
from ..metainfo.metainfo import Metainfo
from ..settings import Settings

FOLDER = "bittorrent"
"""Below the local directory of the worker."""
CLOSE_TIMEOUT = 5.0


class SwarmPlugin(WorkerPlugin):  # type: ignore[misc]  # Dask is optional, and mypy does not read it
    """Downloads a torrent to each worker and shares it there.

    :func:`distribute` registers it.  Its copy is in the local directory of the worker, and is deleted when the plugin
    is removed or the worker ends.

    Args:
        metainfo: The .torrent.
        peers: Addresses of the seeding process.
        settings: Settings of each worker's session; their ``host`` is replaced by the address of the worker.
    """

    def __init__(self, metainfo: bytes, peers: Sequence[Tuple[str, int]], settings: Settings) -> None:
        self._metainfo = metainfo
        self._peers = list(peers)
        self._settings = settings
        self._client: Optional[Client] = None
        self._folder = ""
        self.name = plugin_name(Metainfo.parse(metainfo).infohash)
        """Name under which it is registered."""

    async def setup(self, worker: Worker) -> None:
        """Begin the download; called by Dask.

        Args:
            worker: The worker that starts.
        """
        self._folder = os.path.join(worker.local_directory, FOLDER, self.name)
        await asyncio.get_running_loop().run_in_executor(None, self._start, numeric_host(worker.address))

    async def teardown(self, worker: Worker) -> None:
        """End it, and delete the copy; called by Dask.

        Args:
            worker: The worker that ends or loses the plugin.
        """
        await asyncio.get_running_loop().run_in_executor(None, self._end)

    def path(self, timeout: Optional[float], stall_timeout: Optional[float]) -> str:
        """Return the path of the copy, when it is complete.

        Args:
            timeout: Most seconds to wait; None for no limit.
            stall_timeout: Most seconds without progress; None for no limit.

        Raises:
            Stalled: If the download made no progress for ``stall_timeout`` seconds.
            StateError: If the plugin does not run.
            WaitTimeout: If it is not complete after ``timeout`` seconds.
        """
        client = self._client
        if client is None:
            raise StateError("path", f"{self.name} does not run here")
        client.wait(timeout=timeout, stall_timeout=stall_timeout)
        return root_of(client, Metainfo.parse(self._metainfo))

    def _start(self, host: str) -> None:
        os.makedirs(self._folder, exist_ok=True)
        settings = self._settings.replace(host=host)
        self._client = Client(self._metainfo, self._folder, peers=self._peers, settings=settings, resume=False)

    def _end(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close(CLOSE_TIMEOUT)
        shutil.rmtree(self._folder, ignore_errors=True)


def plugin_name(infohash: bytes) -> str:
    """Return the name of the plugin of a torrent."""
    return f"bittorrent-{infohash.hex()}"


def numeric_host(address: str) -> str:
    """Return the host in an address of Dask; loopback for workers in threads, which have none."""
    host: Any = get_address_host(address) if "://" in address and not address.startswith("inproc") else "127.0.0.1"
    return str(host)


def root_of(client: Client, metainfo: Metainfo) -> str:
    """Return the path of the file or of the folder that a torrent consists of."""
    first = Path(client.files[0].path)
    depth = len(metainfo.files[0].path) - 1
    return str(first.parents[depth - 1] if depth else first)

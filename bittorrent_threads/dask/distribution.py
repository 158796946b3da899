"""``distribute``: make a torrent of a file or folder, seed it here, and have every worker of a Dask cluster get it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple, Type, Union

from ..client import Client
from ..disk.create import create
from ..settings import Settings
from ..tracker import Tracker
from .local_copy import STALL_TIMEOUT, TIMEOUT, LocalCopy

if TYPE_CHECKING:
    import distributed

    from .swarm_plugin import SwarmPlugin

INTERVAL = 60
"""Seconds between the announces of a worker."""
REQUEST_QUEUE_TIME = 0.25
MIN_REQUESTS = 16
"""Little is requested ahead, because what one worker has requested of the seeding process is not to be had from the
worker yet: with 3 seconds ahead, four workers took 1.5 to 1.7 copies from a limited uplink, with these 1.2 to 1.4."""
MAX_PER_HOST = 200
"""Connections to one host: several workers may run on it."""


class Distribution:
    """A dataset that this process seeds and the workers share, until :meth:`close` or the end of a ``with`` block.

    Give it to tasks: there it is a :class:`LocalCopy`, and :meth:`LocalCopy.path` is the path on the worker.
    :func:`distribute` makes it.
    """

    def __init__(
        self, cluster: distributed.Client, plugin: SwarmPlugin, path: str, seeder: Client, tracker: Tracker
    ) -> None:
        self._cluster = cluster
        self._plugin = plugin
        self._path = path
        self._seeder = seeder
        self._tracker = tracker
        self._open = True

    @property
    def name(self) -> str:
        """Name of the worker plugin, which has the infohash of the torrent."""
        return self._plugin.name

    @property
    def uploaded(self) -> int:
        """Payload bytes that this process sent to workers."""
        return self._seeder.uploaded

    def path(self, timeout: Optional[float] = None, stall_timeout: Optional[float] = None) -> str:
        """Return the path of the original, as :meth:`LocalCopy.path` does for the copy of a worker.

        Args:
            timeout: Not used here.
            stall_timeout: Not used here.
        """
        return self._path

    def wait(
        self, timeout: Optional[float] = TIMEOUT, stall_timeout: Optional[float] = STALL_TIMEOUT
    ) -> Dict[str, str]:
        """Wait until every worker that the cluster has now has all of the data.

        Args:
            timeout: Most seconds to wait; None for no limit.
            stall_timeout: Most seconds without progress on a worker; None for no limit.

        Returns:
            The path of each copy by the address of its worker; workers that ended meanwhile are left out.

        Raises:
            Stalled: If a worker made no progress for ``stall_timeout`` seconds.
            WaitTimeout: If a worker does not have all after ``timeout`` seconds.
        """
        answers = self._cluster.run(_await_copy, self.name, timeout, stall_timeout, on_error="return")
        copies: Dict[str, str] = {}
        for worker, answer in answers.items():
            if isinstance(answer, str):
                copies[worker] = answer
            elif not isinstance(answer, OSError) or isinstance(answer, TimeoutError):  # Dask: the worker is gone
                raise answer
        return copies

    def close(self) -> None:
        """End it: the workers delete their copies, and this process stops seeding.

        It may be called any number of times.  Workers that cannot be reached are left alone; they have Dask's own time
        limits.
        """
        if not self._open:
            return
        self._open = False
        try:
            if self._cluster.status == "running":
                with contextlib.suppress(OSError):
                    self._cluster.unregister_worker_plugin(self.name)
        finally:
            self._seeder.close()
            self._tracker.close()

    def __enter__(self) -> Distribution:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __reduce__(self) -> Tuple[Any, ...]:
        return LocalCopy, (self.name,)

    def __dask_tokenize__(self) -> Tuple[str, str]:
        return LocalCopy.__name__, self.name


def distribute(
    client: distributed.Client,
    path: Union[str, os.PathLike[str]],
    *,
    wait: bool = True,
    timeout: Optional[float] = TIMEOUT,
    host: str = "",
    upload_limit: int = 0,
    settings: Optional[Settings] = None,
) -> Distribution:
    """Bring a file or a folder to every worker of a Dask cluster, now and later, over a swarm.

    Args:
        client: A synchronous client of the cluster; its process seeds.
        path: The file or folder; it must not change meanwhile.
        wait: Whether to return when every worker of now has all of the data.
        timeout: Most seconds to wait for that; None for no limit.
        host: Address of this process that the workers can reach; by default the one that reaches the scheduler.
        upload_limit: Bytes a second that this process sends; 0 for no limit.
        settings: Settings of the session here and on each worker, for limits and ports.  The default requests little
            ahead, as suits a local network.

    Returns:
        The distribution; close it, or use it in a ``with`` block.

    Raises:
        ImportError: If Dask is not installed: ``pip install bittorrent_threads[dask]``.
        Stalled: If a worker made no progress for two minutes.
        StorageError: If ``path`` cannot be read.
        ValueError: If the client is asynchronous.
        WaitTimeout: If a worker does not have all in time.
    """
    try:
        from distributed.utils import get_ip

        from .swarm_plugin import SwarmPlugin, numeric_host
    except ImportError as error:
        raise ImportError('distributed is not installed; install it with "bittorrent_threads[dask]"') from error
    if client.asynchronous:
        raise ValueError("distribute() needs a synchronous client, such as Client(address)")
    host = host or get_ip(numeric_host(client.scheduler.address))
    chosen = settings or Settings(request_queue_time=REQUEST_QUEUE_TIME, min_requests=MIN_REQUESTS)
    quiet = chosen.replace(
        dht=False, dht_routers=(), local_discovery=False, pex=False, max_connections_per_host=MAX_PER_HOST
    )
    original = Path(path).absolute()
    with contextlib.ExitStack() as stack:
        tracker = stack.enter_context(Tracker(host, interval=INTERVAL, min_interval=INTERVAL))
        torrent = create(original, trackers=[tracker.url], private=True)
        here = quiet.replace(host=host)
        seeder = Client(torrent, original.parent, settings=here, upload_limit=upload_limit, resume=False)
        stack.callback(seeder.close)
        seeder.wait("seed", timeout=timeout)
        plugin = SwarmPlugin(torrent.to_bytes(), [(host, seeder.port)], quiet)
        made = Distribution(client, plugin, str(original), seeder, tracker)
        stack.push(made.__exit__)
        client.register_plugin(plugin, name=plugin.name)
        if wait:
            made.wait(timeout)
        stack.pop_all()
        return made


async def _await_copy(
    name: str, timeout: Optional[float], stall_timeout: Optional[float], *, dask_worker: distributed.Worker
) -> str:
    """Wait on a worker, in a thread, so that its event loop goes on."""
    plugin = dask_worker.plugins[name]
    path: str = await asyncio.get_running_loop().run_in_executor(None, plugin.path, timeout, stall_timeout)
    return path

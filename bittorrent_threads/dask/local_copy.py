"""``LocalCopy``: the path of a distributed dataset on the worker that asks."""

from __future__ import annotations

from typing import Optional, Tuple

TIMEOUT = 600.0
STALL_TIMEOUT = 120.0


class LocalCopy:
    """What a task has of a :class:`Distribution`, which is pickled as this.

    Args:
        name: Name of the worker plugin.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        """Name of the worker plugin, which has the infohash of the torrent."""

    def path(self, timeout: Optional[float] = TIMEOUT, stall_timeout: Optional[float] = STALL_TIMEOUT) -> str:
        """Return the path of the file or folder on this worker, when the worker has all of it.

        Args:
            timeout: Most seconds to wait for the data; None for no limit.
            stall_timeout: Most seconds without progress; None for no limit.

        Raises:
            LookupError: If the dataset is not distributed to this worker, or not any more.
            Stalled: If the download made no progress for ``stall_timeout`` seconds.
            WaitTimeout: If the worker does not have all after ``timeout`` seconds.
        """
        from distributed import get_worker

        from .swarm_plugin import SwarmPlugin

        try:
            plugin = get_worker().plugins.get(self.name)
        except ValueError:
            raise LookupError("a LocalCopy has a path in the tasks of a Dask worker, and this is none") from None
        if not isinstance(plugin, SwarmPlugin):
            raise LookupError(f"{self.name} is not distributed to this worker; its distribution may be closed")
        return plugin.path(timeout, stall_timeout)

    def __dask_tokenize__(self) -> Tuple[str, str]:
        return type(self).__name__, self.name

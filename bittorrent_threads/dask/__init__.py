"""Datasets for the workers of a Dask cluster: each worker gets a file or folder once, over a swarm (extra ``dask``).

    >>> from bittorrent_threads.dask import distribute
    >>> with distribute(client, "data.parquet") as dataset:
    ...     client.map(lambda part: work(dataset.path(), part), range(100))

    distribution    distribute, and Distribution: the seeding side, in the process of the Dask client
    local_copy      LocalCopy: what a task has of a distribution; it knows the path on its worker
    swarm_plugin    SwarmPlugin: downloads and shares on each worker

The process of the Dask client makes the torrent, runs its tracker, and seeds.  Each worker downloads from it and from
the other workers, so that the uplink of the first carries little more than one copy, however many workers there are.

The rules:

- A plugin of the scheduler brings the torrent to workers that join later or are restarted.
- The torrent is private: nothing is sent to the DHT, to local discovery or to peer exchange.  A worker listens on the
  address that Dask uses.  As with Dask itself, hosts that reach it can read the data.
- Nothing of Dask is imported before ``distribute`` is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from ..lazy_names import lazy_names

if TYPE_CHECKING:
    __all__: List[str]
    from .distribution import Distribution as Distribution
    from .distribution import distribute as distribute
    from .local_copy import LocalCopy as LocalCopy
    from .swarm_plugin import SwarmPlugin as SwarmPlugin
else:
    __all__, __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "distribution": ("Distribution", "distribute"),
            "local_copy": ("LocalCopy",),
            "swarm_plugin": ("SwarmPlugin",),
        },
    )

"""``swarm``: seeders and downloaders of one torrent with a tracker, all on loopback, made by one call."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, NamedTuple, Optional, Tuple

from ..client import Client
from ..options import ClientOptions, FolderPath
from .quiet import quiet_settings
from .sample_torrent import SampleTorrent
from .seeders import seeder
from .tracker import Tracker

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Swarm(NamedTuple):
    """The clients of one torrent, inside the block of ``swarm``."""

    sample: SampleTorrent
    """What they share."""
    tracker: Tracker
    """The tracker that all of them announce to."""
    metainfo: bytes
    """A .torrent that names the tracker."""
    seeders: Tuple[Client, ...]
    """The clients that had all data from the start."""
    downloaders: Tuple[Client, ...]
    """The clients that began with nothing."""
    folders: Tuple[Path, ...]
    """The ``basedir`` of each downloader."""

    @property
    def addresses(self) -> List[Tuple[str, int]]:
        """Host and port of every client, for the ``peers`` of a further one."""
        return [("127.0.0.1", client.port) for client in (*self.seeders, *self.downloaders)]

    def wait(self, timeout: float = 60.0) -> None:
        """Wait until every downloader is complete.

        Args:
            timeout: Most seconds to wait for all of them together.

        Raises:
            WaitTimeout: If one is not complete in time.
        """
        deadline = time.monotonic() + timeout
        for client in self.downloaders:
            client.wait(timeout=max(0.0, deadline - time.monotonic()))

    def differences(self) -> List[str]:
        """Return a sentence for each difference between a download and what it should be; empty if all are right."""
        return [line for folder in self.folders for line in self.sample.differences(folder)]


@contextlib.contextmanager
def swarm(
    count: int = 3,
    sample: Optional[SampleTorrent] = None,
    *,
    seeds: int = 1,
    folder: Optional[FolderPath] = None,
    **options: Unpack[ClientOptions],
) -> Iterator[Swarm]:
    """Run a tracker and several clients of one torrent, all on loopback.

    ::

        with swarm(4, seeds=1) as group:
            group.wait(timeout=60)
            assert group.differences() == []

    Args:
        count: Number of clients, the seeders included.
        sample: What they share; ``SampleTorrent()`` if None.
        seeds: Number of clients that have all data from the start.
        folder: Where each client gets a folder of its own; a temporary folder if None.
        **options: Options of every downloader, as for ``Client``; ``settings`` are quiet by default.

    Yields:
        The swarm; the seeders have checked their data and are known to the tracker, and the downloads have begun.

    Raises:
        ValueError: If ``count`` is less than ``seeds``, or one of them is negative.
    """
    if not 0 <= seeds <= count:
        raise ValueError(f"a swarm of {count} clients cannot have {seeds} seeds")
    sample = sample or SampleTorrent()
    settings = quiet_settings(max_connections_per_host=max(4, count))
    options.setdefault("settings", settings)
    with contextlib.ExitStack() as stack:
        root = Path(folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="bittorrent-swarm-")))
        tracker = stack.enter_context(Tracker())
        made = [
            stack.enter_context(
                seeder(sample, folder=root / f"seeder-{number}", trackers=[tracker.url], settings=settings)
            )
            for number in range(seeds)
        ]
        infohash = sample.infohash
        tracker.wait_until(lambda: len(tracker.swarm(infohash)) == seeds)
        metainfo = sample.metainfo([tracker.url])
        folders = [root / f"downloader-{number}" for number in range(count - seeds)]
        downloaders: List[Client] = []
        for place in folders:
            place.mkdir(parents=True, exist_ok=True)
            # Later announces would tell them of each other, after some time.
            known = [("127.0.0.1", client.port) for client in downloaders]
            own: ClientOptions = {**options, "peers": [*options.get("peers", ()), *known]}
            downloaders.append(stack.enter_context(Client(metainfo, place, **own)))
        yield Swarm(sample, tracker, metainfo, tuple(made), tuple(downloaders), tuple(folders))

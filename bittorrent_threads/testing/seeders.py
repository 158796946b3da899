"""``seeder``: a client of this library that has all data of a sample torrent, on loopback."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING, Iterator, Optional

from ..client import Client
from ..options import ClientOptions, FolderPath
from .quiet import quiet_settings
from .sample_torrent import SampleTorrent

if TYPE_CHECKING:
    from typing_extensions import Unpack

CHECK_TIMEOUT = 60.0
"""Seconds that the check of the data may take."""


@contextlib.contextmanager
def seeder(
    sample: Optional[SampleTorrent] = None, *, folder: Optional[FolderPath] = None, **options: Unpack[ClientOptions]
) -> Iterator[Client]:
    """Run a client that seeds, has checked its data and listens on loopback.

    ::

        with seeder(sample) as seed:
            bt.download(sample.metainfo(), folder, peers=[("127.0.0.1", seed.port)], settings=quiet_settings())

    Args:
        sample: What to seed; ``SampleTorrent()`` if None.
        folder: Where to write its files; a temporary folder if None.
        **options: Options of ``Client``; ``settings`` are quiet by default.

    Yields:
        The client; it is closed at the end of the block, in bounded time.
    """
    sample = sample or SampleTorrent()
    options.setdefault("settings", quiet_settings())
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bittorrent-seeder-"))
        sample.write(folder)
        with Client(sample.metainfo(), os.fspath(folder), **options) as client:
            client.wait("checked", timeout=CHECK_TIMEOUT)
            assert client.seed, client.status()
            yield client

"""The plugin without a cluster: a stand-in for the worker has its folder and its address."""

from __future__ import annotations

from typing import Callable

import pytest
from support.loopback import run_child

PROGRAM = """
import asyncio, os, pickle, sys, tempfile
from types import SimpleNamespace
import bittorrent_threads as bt
from bittorrent_threads.dask import SwarmPlugin
from bittorrent_threads.dask.swarm_plugin import numeric_host
from bittorrent_threads.testing import SampleTorrent, quiet_settings, seeder

assert numeric_host("tcp://10.0.0.5:8786") == "10.0.0.5"
assert numeric_host("inproc://10.0.0.5/1/2") == "127.0.0.1"

for sample in (SampleTorrent({"a/b.bin": 100_000, "c": 5}), SampleTorrent(70_000, name="one.bin")):
    with seeder(sample) as seed, tempfile.TemporaryDirectory() as folder:
        made = SwarmPlugin(sample.metainfo(), [("127.0.0.1", seed.port)], quiet_settings())
        plugin = pickle.loads(pickle.dumps(made))
        assert plugin.name == made.name == f"bittorrent-{sample.infohash.hex()}"
        worker = SimpleNamespace(local_directory=folder, address="tcp://127.0.0.1:1")
        asyncio.run(plugin.setup(worker))
        path = plugin.path(30, 30)
        assert os.path.basename(path) == sample.name, path
        assert sample.differences(os.path.dirname(path)) == []
        asyncio.run(plugin.teardown(worker))
        assert not os.path.exists(path)
        try:
            plugin.path(1, 1)
        except bt.StateError as error:
            print(str(error).replace(plugin.name, "it"))
        asyncio.run(plugin.teardown(worker))
"""


@pytest.mark.interop
def test_a_worker_downloads_and_deletes_its_copy(require_peer: Callable[[str], str]) -> None:
    require_peer("distributed")
    assert run_child(PROGRAM).splitlines() == ["path: it does not run here"] * 2

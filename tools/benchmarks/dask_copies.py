"""The line about a dataset for every worker of a Dask cluster: over a swarm, or by HTTP from one server.

Both ways the uplink of the first process is limited to the same rate, which all workers share.  The clock runs from the
call until each of the workers, which are processes of a local cluster, has the file.

    python -m benchmarks.dask_copies '{"kind": "swarm" | "http", "path": …, "folder": …}'

is the child, with a cluster of its own; it prints its figures as JSON.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict

from bittorrent_threads.dask import distribute

from .bench import Bench
from .child import ChildFailed
from .report import Line, Target

WORKERS = 4
RATE = 16 * 1024 * 1024
"""Bytes a second of the uplink."""
MOST_SIZE = 64 * 1024 * 1024
CHUNK = 64 * 1024
SNAPSHOT = 2.0
"""Seconds after which the figures of a client are those of the end."""
TIMEOUT = 300.0
LIMIT = 0.5
"""Time over that of copying: half of a quarter would be the least that four workers can take."""
COPIES, TIME = "copies sent", "s"


class Server(ThreadingHTTPServer):
    """Sends one file, to all clients together at ``RATE``."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.path = path
        self.sent = 0
        self._free_at = 0.0
        self._lock = threading.Lock()

    def take_turn(self, size: int) -> None:
        """Wait until the uplink has carried what was before, and ``size`` bytes more."""
        with self._lock:
            self._free_at = max(time.monotonic(), self._free_at) + size / RATE
            self.sent += size
            until = self._free_at
        time.sleep(max(0.0, until - time.monotonic()))


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:
        """Send the file."""
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.path.stat().st_size))
        self.end_headers()
        with self.server.path.open("rb") as file:
            while True:
                data = file.read(CHUNK)
                if not data:
                    return
                self.server.take_turn(len(data))
                self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def fetch(url: str, *, dask_worker: Any) -> int:
    """Copy on a worker; return the bytes."""
    path = Path(dask_worker.local_directory) / "copy"
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file)
    return path.stat().st_size


async def fetch_aside(url: str, *, dask_worker: Any) -> int:
    """Copy in a thread of the worker, so that its event loop goes on."""
    import asyncio

    call = functools.partial(fetch, url, dask_worker=dask_worker)
    return await asyncio.get_running_loop().run_in_executor(None, call)


def by_http(client: Any, path: Path) -> Dict[str, float]:
    """Every worker copies from one server."""
    server = Server(path)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.perf_counter()
    sizes = client.run(fetch_aside, f"http://127.0.0.1:{server.server_port}/")
    taken = time.perf_counter() - began
    server.shutdown()
    server.server_close()
    size = path.stat().st_size
    if list(sizes.values()) != [size] * WORKERS:
        raise ChildFailed(f"the copies have {sizes} bytes, not {size}")
    return {TIME: taken, COPIES: server.sent / size}


def by_swarm(client: Any, path: Path) -> Dict[str, float]:
    """The library distributes, torrent and tracker included."""
    began = time.perf_counter()
    with distribute(client, path, upload_limit=RATE, timeout=TIMEOUT) as dataset:
        taken = time.perf_counter() - began
        copies = dataset.wait()
        size = path.stat().st_size
        time.sleep(SNAPSHOT)
        if [Path(copy).stat().st_size for copy in copies.values()] != [size] * WORKERS:
            raise ChildFailed(f"{len(copies)} workers have a copy, or one of them is short")
        return {TIME: taken, COPIES: dataset.uploaded / size}


def child(kind: str, path: str, folder: str) -> None:
    """Measure one way, once."""
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, "local_directory": folder}
    with LocalCluster(n_workers=WORKERS, **options) as cluster, Client(cluster) as client:
        found = {"http": by_http, "swarm": by_swarm}[kind](client, Path(path))
    print(json.dumps(found))


def run(bench: Bench, kind: str, path: Path) -> Dict[str, float]:
    """One run in a process of its own, because Dask leaves threads behind."""
    folder = bench.fresh()
    arguments = json.dumps({"kind": kind, "path": str(path), "folder": str(folder)})
    command = [sys.executable, "-m", "benchmarks.dask_copies", arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=dict(os.environ), check=False)
    bench.remove(folder)
    if done.returncode:
        raise ChildFailed(done.stderr)
    found: Dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def dask(bench: Bench) -> Line:
    """A file for each of four Dask workers, over a swarm and by HTTP, with one limited uplink."""
    size = min(bench.size, MOST_SIZE)
    rate = f"{RATE >> 20} MiB/s"
    line = Line("dask", f"{size >> 20} MiB for each of {WORKERS} Dask workers from an uplink of {rate}")
    if importlib.util.find_spec("distributed") is None:
        line.remarks.append("distributed is not installed: left out")
        return line
    path = bench.folder / "dask-file"
    path.write_bytes(os.urandom(size))
    rounds = bench.in_turns({kind: functools.partial(run, bench, kind, path) for kind in ("swarm", "http")})
    path.unlink()
    line.figures = rounds.medians()
    ratio, spread = rounds.ratio(TIME, "swarm", "http"), rounds.spread(TIME, "swarm", "http")
    line.targets.append(Target("time of the swarm over that of HTTP", ratio, "at most", LIMIT, spread))
    return line


if __name__ == "__main__":
    child(**json.loads(sys.argv[1]))

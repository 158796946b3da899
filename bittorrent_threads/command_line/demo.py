"""The demonstration: a tracker, a seeder and two downloaders exchange a torrent over loopback.

The seeder and the downloaders are processes of their own.  The rate of the seeder is limited, so that the downloaders
also serve each other.
"""

from __future__ import annotations

import argparse
import contextlib
import filecmp
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Type

from ..amounts import duration_text, size_text
from ..disk.create import create
from ..errors import BitTorrentError, StorageError
from ..tracker import Tracker
from .arguments import seconds, size
from .command import Command
from .console import Console
from .option_groups import common_options
from .outcome import conclude

MIB = 1024 * 1024
SIZE = 64 * MIB
TIMEOUT = 120.0
SEEDER_RATE = 16 * MIB
"""Bytes a second that the seeder sends at most."""
END_TIMEOUT = 10.0
"""Seconds in which a process must end after SIGTERM; then it is killed."""
LOOK_INTERVAL = 0.1
"""Seconds between two looks at the tracker and the clock while no process writes a line."""
CHUNK = MIB

Line = Tuple["Node", Optional[str]]


class DemoFailed(BitTorrentError):
    """The demonstration failed."""


class Node:
    """One process of the swarm; the lines that it writes go to ``lines``, followed by None."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, lines: queue.Queue[Line]) -> None:
        self.name = name
        self.line = "starting"
        self.done = False
        self._lines = lines
        self._result = folder / f"{name}.json"
        package = Path(__file__).resolve().parent.parent.parent
        path = os.pathsep.join([str(package), *filter(None, [os.environ.get("PYTHONPATH")])])
        with self._result.open("wb") as stdout:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bittorrent_threads", *arguments, "--json"],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
            )
        self._reader = threading.Thread(target=self._read, name=f"demo {name}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Node:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.end()

    def end(self) -> int:
        """End the process within ``END_TIMEOUT`` seconds, and return its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            code = self._process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._reader.join()
        return code

    def result(self) -> Dict[str, Any]:
        """Return the result of the process; empty if it was killed."""
        with contextlib.suppress(ValueError):
            found = json.loads(self._result.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return found
        return {}

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            for line in stderr:
                self._lines.put((self, line.decode("utf-8", "replace").rstrip()))
        self._lines.put((self, None))


def run(console: Console, size: int = SIZE, timeout: float = TIMEOUT) -> Tuple[Dict[str, Any], str]:
    """Run the demonstration.

    Args:
        console: Where progress is shown.
        size: Bytes of the torrent.
        timeout: Seconds of the exchange.

    Returns:
        The result for ``--json``, and as text.

    Raises:
        DemoFailed: If a process failed, or a copy differs.
        StorageError: If the files cannot be made.
        ListenError: If the tracker cannot listen.
    """
    with tempfile.TemporaryDirectory(prefix="bittorrent-threads-demo-") as hash_buffer:
        folder = Path(hash_buffer)
        original = folder / "seeder" / "demo"
        console.message(f"making {size_text(size)} of files in {original}")
        files = make_files(original, size)
        with Tracker("127.0.0.1", 0) as tracker:
            torrent = folder / "demo.torrent"
            metainfo = create(original, trackers=[tracker.url])
            metainfo.save(torrent)
            console.message(f"the tracker is {tracker.url}")
            began = time.monotonic()
            figures = exchange(console, folder, torrent, lambda: bool(tracker.swarm(metainfo.infohash)), timeout)
            seconds = time.monotonic() - began
        names = [node for node in figures if node != "seeder"]
        for name in names:
            compare(original, folder / name / "demo", files)
    text = [f"{len(files)} files, {size_text(size)}, compared in {len(names)} downloads: all the same"]
    for name, figure in figures.items():
        sent = f"sent {size_text(figure.get('uploaded', 0))}"
        if name in names:
            took = figure.get("seconds") or seconds
            rate = f"{size_text(size / took)}/s"
            sent = f"received {size_text(figure.get('downloaded', 0))} in {duration_text(took)} ({rate}), {sent}"
        text.append(f"{name}: {sent}")
    return {"size": size, "files": files, "seconds": round(seconds, 3), "nodes": figures}, "\n".join(text)


def make_files(folder: Path, size: int) -> Dict[str, int]:
    """Write files of ``size`` pseudo-random bytes in all, one of them empty.

    Returns:
        The length of each file by its path below the folder.

    Raises:
        StorageError: If a file cannot be written.
    """
    lengths = {"most.bin": size * 5 // 9, "empty.txt": 0, "sub/one.bin": 1, "sub/deeper/quarter.bin": size // 4}
    lengths["rest.bin"] = max(0, size - sum(lengths.values()))
    for name, length in lengths.items():
        source = random.Random(name)
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for begin in range(0, length, CHUNK):
                    file.write(source.randbytes(min(CHUNK, length - begin)))
        except OSError as error:
            raise StorageError.wrap(error, str(path)) from error
    return lengths


def exchange(
    console: Console, folder: Path, torrent: Path, seeder_known: Callable[[], bool], timeout: float
) -> Dict[str, Dict[str, Any]]:
    """Run the processes until both downloads are complete.

    The downloaders start when the tracker knows the seeder, so that their first announce finds it.

    Returns:
        The result of each process by its name.

    Raises:
        DemoFailed: If a process fails or ends too early, or the time is over.
    """
    lines: queue.Queue[Line] = queue.Queue()
    deadline = time.monotonic() + timeout
    nodes: List[Node] = []

    def spawn(name: str, verb: str, *arguments: str) -> Node:
        common = ("-d", str(folder / name), "--timeout", str(timeout), "--no-dht")
        command = [verb, str(torrent), *common, *arguments]
        node = stack.enter_context(Node(name, command, folder, lines))
        nodes.append(node)
        return node

    def follow(until: Callable[[], bool]) -> None:
        while not until():
            try:
                node, line = lines.get(timeout=LOOK_INTERVAL)
            except queue.Empty:
                if time.monotonic() >= deadline:
                    raise DemoFailed(f"not done after {timeout:g} seconds: {describe(nodes)}") from None
                continue
            if line is not None:
                show(console, nodes, node, line)
                continue
            code = node.end()
            if code or node is seeder:
                raise DemoFailed(f"the {node.name} ended with exit code {code}: {node.line}")
            node.done = True

    with contextlib.ExitStack() as stack:
        seeder = spawn("seeder", "seed", "--upload-limit", str(SEEDER_RATE))
        follow(seeder_known)
        downloaders = [spawn(f"downloader-{number}", "download") for number in (1, 2)]
        follow(lambda: all(node.done for node in downloaders))
        seeder.end()
        console.end_progress()
        return {node.name: node.result() for node in nodes}


def show(console: Console, nodes: List[Node], node: Node, line: str) -> None:
    """Show the line of a process: in its own line of a terminal, otherwise as a further line."""
    node.line = line
    if console.terminal:
        console.progress(describe(nodes, "\n"), 0.0)
    else:
        console.message(f"{node.name}: {line}")


def describe(nodes: Iterable[Node], between: str = "; ") -> str:
    """Return the last line of each process."""
    return between.join(f"{node.name}: {node.line}" for node in nodes)


def compare(original: Path, copy: Path, files: Iterable[str]) -> None:
    """Compare every file byte by byte; raise DemoFailed if one differs, is missing or is not of the torrent."""
    _, different, missing = filecmp.cmpfiles(original, copy, list(files), shallow=False)
    extra = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} - set(files)
    for what, names in (("different", different), ("missing", missing), ("not of the torrent", sorted(extra))):
        if names:
            raise DemoFailed(f"{copy}: {what}: {', '.join(names)}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("--size", type=size, default=SIZE, metavar="SIZE", help="size of the torrent (default: 64Mi)")
    parser.add_argument(
        "--timeout", type=seconds, default=TIMEOUT, metavar="S", help="fail after S seconds (default: 120)"
    )


def demonstrate(options: argparse.Namespace, console: Console) -> int:
    """Exchange a torrent between processes on this machine."""
    figures, text = run(console, options.size, options.timeout)
    return conclude(console, None, {"command": "demo", **figures}, text)


COMMAND = Command(
    "demo",
    "exchange a torrent between processes on this machine",
    demonstrate,
    groups=(common_options,),
    add_arguments=add_arguments,
    examples=(
        "",
        "--size 16Mi",
    ),
)

"""The programs of ``tools/examples`` and other hosts of the library: each downloads from a real seeder."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional

import pytest
from support.pairs import LOCAL, PATIENCE

import bittorrent_threads as bt
from bittorrent_threads.testing.bencode import bencode
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "tools" / "examples"
SAMPLE = SampleTorrent({"a.bin": 300_001, "sub/b.bin": 120_000}, piece_length=32 * KIB, name="small")

Require = Callable[[str], str]


class Seeded(NamedTuple):
    """A torrent that a seeder and a tracker serve."""

    torrent: Path
    folder: Path
    seed: bt.Client

    def check(self, printed: str) -> None:
        assert re.search(r"complete: 420001 bytes received|complete: small, \d+\.\d s", printed), printed
        assert SAMPLE.differences(self.folder, ignore_empty=True) == []


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Seeded]:
    """Seed a private torrent: programs with default settings ask nothing but its tracker for peers."""
    with bt.Tracker(interval=2, min_interval=1) as tracker:
        metainfo = bencode({"announce": tracker.url, "info": {**SAMPLE.info(), "private": 1}})
        torrent = tmp_path / "small.torrent"
        torrent.write_bytes(metainfo)
        SAMPLE.write(tmp_path / "seed")
        with bt.Client(metainfo, tmp_path / "seed", settings=LOCAL) as seed:
            seed.wait("seed", timeout=PATIENCE)
            while not tracker.swarm(seed.infohash):
                seed.events.get(timeout=PATIENCE)
            yield Seeded(torrent, tmp_path / "down", seed)


def run(
    *arguments: object, python: str = sys.executable, environment: Optional[Dict[str, str]] = None, stdin: str = ""
) -> str:
    """Run Python with warnings as errors; return what it printed."""
    done = subprocess.run(
        [python, "-W", "error::ResourceWarning", *map(str, arguments)],
        capture_output=True,
        text=True,
        input=stdin,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(os.name != "posix", reason="select of the example, and add_reader")
@pytest.mark.parametrize("name", ["select_loop", "asyncio_events"])
def test_event_loops_of_the_standard_library(seeded: Seeded, name: str) -> None:
    seeded.check(run(EXAMPLES / f"{name}.py", seeded.torrent, seeded.folder))


def test_spawned_processes(seeded: Seeded) -> None:
    seeded.check(run(EXAMPLES / "spawned_processes.py", seeded.folder, seeded.torrent))


@contextlib.contextmanager
def x_server(program: str) -> Iterator[str]:
    """Run an X server without a screen; yield its display."""
    command = [program, "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield f":{int(server.stdout.readline())}"
        finally:
            server.terminate()


@pytest.mark.interop
@pytest.mark.parametrize("watching", [True, False], ids=["watching", "looking"])
def test_a_window_of_tk(seeded: Seeded, require_peer: Require, watching: bool) -> None:
    require_peer("tkinter")
    with x_server(require_peer("Xvfb")) as display:
        program: List[object] = [EXAMPLES / "tk_window.py"]
        if not watching:  # as on Windows
            code = "import builtins, runpy, sys; sys.argv = sys.argv[1:]; get = builtins.hasattr; "
            code += "builtins.hasattr = lambda thing, name: name != 'createfilehandler' and get(thing, name); "
            program = ["-c", code + "runpy.run_path(sys.argv[0], run_name='__main__')", *program]
        seeded.check(run(*program, seeded.torrent, seeded.folder, environment={"DISPLAY": display}))


@pytest.mark.interop
def test_a_window_of_qt(seeded: Seeded, require_peer: Require, tmp_path: Path) -> None:
    require_peer("PySide6")
    environment = {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(tmp_path), "QT_LOGGING_RULES": "*=false"}
    tmp_path.chmod(0o700)
    seeded.check(run(EXAMPLES / "qt_window.py", seeded.torrent, seeded.folder, environment=environment))


@pytest.mark.interop
def test_the_loop_of_glib(seeded: Seeded, require_peer: Require, tmp_path: Path) -> None:
    python = require_peer("gi")
    bencoder = importlib.util.find_spec("bencoder")
    assert bencoder is not None
    assert bencoder.origin is not None
    packages = tmp_path / "packages"
    packages.mkdir()
    shutil.copy(bencoder.origin, packages)
    environment = {"PYTHONPATH": f"{ROOT}:{packages}"}
    printed = run(EXAMPLES / "glib_loop.py", seeded.torrent, seeded.folder, python=python, environment=environment)
    seeded.check(printed)


def test_a_wsgi_application(seeded: Seeded) -> None:
    command = [sys.executable, "-W", "error::ResourceWarning", str(EXAMPLES / "wsgi_app.py")]
    with subprocess.Popen(
        [*command, str(seeded.torrent), str(seeded.folder), "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            assert not seeded.folder.exists(), "nothing begins before the first request"
            deadline = time.monotonic() + PATIENCE
            document = {"complete": False}
            while not document["complete"]:
                assert time.monotonic() < deadline, document
                with opener.open(url, timeout=PATIENCE) as answer:
                    document = json.load(answer)
            assert document["progress"] == 1.0
        finally:
            server.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            _, log = server.communicate(timeout=PATIENCE)
    assert server.returncode == 0
    assert "Traceback" not in log
    assert "Warning" not in log
    assert SAMPLE.differences(seeded.folder) == []


# -- other hosts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_without_assertions_and_docstrings(seeded: Seeded, option: str) -> None:
    seeded.check(run(option, EXAMPLES / "asyncio_events.py", seeded.torrent, seeded.folder))
    assert "usage: bittorrent-threads" in run(option, "-m", "bittorrent_threads", "--help")


TRACED = """
    import sys, threading
    import bittorrent_threads as bt

    lines = {}

    def trace(frame, event, argument):
        thread = threading.get_ident()
        lines[thread] = lines.get(thread, 0) + 1
        return trace

    threading.settrace(trace)
    sys.settrace(trace)
    with bt.Client(*sys.argv[1:]) as client:
        client.wait(timeout=60, stall_timeout=30)
        received = client.downloaded
    sys.settrace(None)
    threading.settrace(None)
    assert len(lines) > 2 and max(lines.values()) > 1000, lines
    print(f"complete: {received} bytes received")
"""

STOPPED = """
    import sys
    import bittorrent_threads as bt

    with bt.Client(*sys.argv[1:]) as client:
        print("begun", flush=True)
        breakpoint()
        client.wait(timeout=20, stall_timeout=0.01)
        print(f"complete: {client.downloaded} bytes received")
"""


def source(text: str) -> str:
    return "\n".join(line[4:] for line in text.splitlines())


def test_every_thread_under_a_trace_function(seeded: Seeded) -> None:
    seeded.check(run("-c", source(TRACED), seeded.torrent, seeded.folder))


def test_the_download_goes_on_while_a_debugger_stops_the_thread_of_the_user(seeded: Seeded, tmp_path: Path) -> None:
    program = tmp_path / "stopped.py"
    program.write_text(source(STOPPED))
    with subprocess.Popen(
        [sys.executable, str(program), str(seeded.torrent), str(seeded.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as debugged:
        try:
            assert debugged.stdout is not None
            assert debugged.stdin is not None
            assert debugged.stdout.readline() == "begun\n"
            deadline = time.monotonic() + PATIENCE
            while SAMPLE.differences(seeded.folder):
                assert time.monotonic() < deadline
                select.select([], [], [], 0.02)
            # The main thread has stood in the debugger for longer than ``stall_timeout``.
            printed, _ = debugged.communicate("p client.status().complete\ncontinue\n", timeout=PATIENCE)
        finally:
            debugged.kill()
    assert "(Pdb) True" in printed
    assert debugged.returncode == 0
    seeded.check(printed)


LOGGED = """
    import logging, sys
    before = set(logging.root.manager.loggerDict)
    import bittorrent_threads as bt

    def fail(index):
        raise ValueError("callback")

    result = bt.download(*sys.argv[1:], on_hash_pass=fail)
    made = set(logging.root.manager.loggerDict) - before
    foreign = {name for name in made if name.partition(".")[0] != "bittorrent_threads"}
    assert foreign <= {"asyncio", "concurrent", "concurrent.futures"}, foreign
    assert [type(each) for each in logging.getLogger("bittorrent_threads").handlers] == [logging.NullHandler]
    assert logging.root.handlers == []
    assert not [name for name in made if logging.getLogger(name).level]
    print(f"complete: {result.downloaded} bytes received")
"""


def test_one_logger_and_nothing_is_configured(seeded: Seeded) -> None:
    seeded.check(run("-c", source(LOGGED), seeded.torrent, seeded.folder))


def test_every_example_is_run_and_told() -> None:
    names = {path.name for path in EXAMPLES.glob("*.py")}
    page = (ROOT / "tools" / "docs" / "howto" / "embedding.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"tools/examples/(\w+\.py)", page)) == names
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in names if f'"{name}"' not in tests and f'"{name[:-3]}"' not in tests] == []

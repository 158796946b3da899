"""Python programs in child processes, for tests that kill them, limit them or measure their memory.

A child ends when its standard input is closed, so that it does not outlive the test.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Iterator, List

from .loopback import ROOT

SEEDER = """
    import sys
    import bittorrent_threads as bt

    with bt.Client(sys.argv[1], sys.argv[2], settings=bt.Settings(host="127.0.0.1"), resume=False) as client:
        client.wait("checked")
        assert client.seed, client.status()
        print(client.port, flush=True)
        sys.stdin.read()
"""
"""Seeds a torrent from a folder that other processes may use, too; prints its port."""


class Child:
    """A running program that can import the library and ``support``; its output is read by lines."""

    def __init__(self, program: str, *arguments: object) -> None:
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", textwrap.dedent(program)]
        self._process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        )

    def line(self) -> str:
        """Return the next line without its end; fail when there is none."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the child ended with {self._process.wait()}"
        return line.rstrip("\n")

    def lines(self) -> Iterator[str]:
        """Return the remaining complete lines; a kill may have cut the last one."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):
                yield line[:-1]

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self._process.kill()

    def end(self) -> None:
        """Close its input and wait for its end; its exit code must be 0."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(30) == 0

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


@contextlib.contextmanager
def seeders(count: int, torrent: Path, folder: Path) -> Iterator[List[int]]:
    """Run ``count`` processes that seed a torrent from one folder; yield their ports."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(Child(SEEDER, torrent, folder)) for _ in range(count)]
        yield [int(child.line()) for child in children]

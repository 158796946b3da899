"""``Child``: a program that runs for the length of a ``with`` block; its output is logged and searched.

The child leads its own process group, and the whole group is killed at the end of the block.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, List, Match, Optional, Sequence, Tuple, Type

SHOWN = 60
"""Last lines of the log that a failure shows."""


class PeerFailed(AssertionError):
    """A real client did not do what the test expects; the text ends with its log."""


class Child:
    """One run of ``command``, its output (both streams) in the file ``log``."""

    def __init__(self, command: Sequence[str], log: Path, *, cwd: Path) -> None:
        self.command = list(command)
        self.log = log
        self.cwd = cwd
        self._text = ""
        self._ended = False
        self._changed = threading.Condition()

    def __enter__(self) -> Child:
        self._process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name=f"log of {self.name}")
        self._reader.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.kill()
        if kind is not None:
            print(self.tail(), file=sys.stderr)

    @property
    def name(self) -> str:
        return f"{Path(self.command[0]).name} ({self._process.pid})"

    @property
    def output(self) -> str:
        with self._changed:
            return self._text

    def tail(self) -> str:
        """Return the command and the last distinct lines of its output."""
        lines = [line for line, _ in itertools.groupby(self.output.splitlines())][-SHOWN:]
        return "\n".join([f"--- {' '.join(self.command)}", *lines, f"--- exit code {self._process.poll()}"])

    def wait_for(self, pattern: str, timeout: float) -> Match[str]:
        """Wait for a match of ``pattern`` in the output, and return the last; ``^`` matches at each line."""
        return self._wait(pattern, 1, 0, timeout)[-1]

    def take(self, pattern: str, count: int, timeout: float) -> List[str]:
        """Wait for ``count`` matches of ``pattern`` in the output from now on, and return them."""
        return [match[0] for match in self._wait(pattern, count, len(self.output), timeout)[:count]]

    def _wait(self, pattern: str, count: int, start: int, timeout: float) -> List[Match[str]]:
        deadline = time.monotonic() + timeout
        regex = re.compile(pattern, re.MULTILINE)
        with self._changed:
            while True:
                matches = list(regex.finditer(self._text, start))
                if len(matches) >= count:
                    return matches
                remaining = deadline - time.monotonic()
                if self._ended or remaining <= 0:
                    break
                self._changed.wait(remaining)
        what = "ended" if self._ended else f"went on for {timeout:g} s"
        raise PeerFailed(f"{self.name} {what} and did not print {pattern!r}\n{self.tail()}")

    def bound(self, protocol: str = "tcp") -> List[Tuple[str, int]]:
        """Return the IPv4 addresses on which the child listens for TCP, or that its UDP sockets have, from /proc."""
        proc = Path("/proc") / str(self._process.pid)
        try:
            owned = {os.readlink(entry) for entry in (proc / "fd").iterdir()}
            rows = [line.split() for line in (proc / "net" / protocol).read_text().splitlines()[1:]]
        except FileNotFoundError:
            return []
        found = []
        for row in rows:
            if row[3] == {"tcp": "0A", "udp": "07"}[protocol] and f"socket:[{row[9]}]" in owned:
                host, port = row[1].split(":")
                found.append((".".join(str(byte) for byte in reversed(bytes.fromhex(host))), int(port, 16)))
        return found

    def wait_bound(self, host: str, timeout: float, protocol: str = "tcp") -> int:
        """Wait until the child listens for TCP, or has a UDP socket, at ``host``, and return the port."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            for address, port in self.bound(protocol):
                if address == host:
                    return port
            with self._changed:
                self._changed.wait(0.02)
        raise PeerFailed(f"{self.name} has no {protocol} socket at {host}\n{self.tail()}")

    def send(self, line: str) -> None:
        """Write a line to the standard input of the child."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def stop(self, number: int = signal.SIGINT, timeout: float = 30) -> None:
        """Ask the child to end, and wait; does nothing if it has ended."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"{self.name} did not end within {timeout:g} s\n{self.tail()}") from None

    def kill(self) -> None:
        """Kill the process group of the child and close the log; may be called repeatedly."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _read(self, stream: IO[bytes]) -> None:
        with self.log.open("w") as log:
            while True:
                data = os.read(stream.fileno(), 65536)
                text = data.decode(errors="replace").replace("\r", "\n")
                log.write(text)
                with self._changed:
                    self._text += text
                    self._ended = not data
                    self._changed.notify_all()
                if not data:
                    return

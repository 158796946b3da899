"""``Peer``: a real client with one torrent, as a seeder or a downloader.

Each kind has its own loopback address, because clients and trackers treat two peers of one address as one
(Transmission keeps a single connection to an address), and a ban of one must not affect the others.
"""

from __future__ import annotations

import abc
import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import ClassVar, List, Optional, Tuple, Type, TypeVar, Union

from .child import Child

START_TIMEOUT = 60.0
"""Seconds from the start of the program until it listens and, as a seeder, has checked its files."""

PeerType = TypeVar("PeerType", bound="Peer")


class Peer(abc.ABC):
    """``torrent`` with its files in ``directory``; runs inside a ``with`` block, then ``address`` is where it listens.

    The torrent is the path of a .torrent file, or a magnet link.
    With ``seed`` the block begins when the client has found all its data good.  Otherwise it downloads, from whom its
    tracker names and from whom dials it.
    """

    name: ClassVar[str]
    """The name for ``require_peer``."""
    host: str
    makes_empty_files: ClassVar[bool] = True

    def __init__(
        self, torrent: Union[Path, str], directory: Path, *, seed: bool = False, host: Optional[str] = None
    ) -> None:
        self.torrent = torrent if isinstance(torrent, str) else torrent.resolve()
        self.directory = directory.resolve()
        self.seed = seed
        if host is not None:
            self.host = host

    @property
    def address(self) -> Tuple[str, int]:
        return self.host, self.port

    def __enter__(self: PeerType) -> PeerType:
        self.directory.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            self.hash_buffer = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{self.name}-")))
            self.child = stack.enter_context(Child(self.command(), self.hash_buffer / "log", cwd=self.hash_buffer))
            self.port = self.wait_ready(START_TIMEOUT)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @abc.abstractmethod
    def command(self) -> List[str]:
        """Return the program and its arguments; its settings may be written to ``scratch``."""

    @abc.abstractmethod
    def wait_ready(self, timeout: float) -> int:
        """Wait until the client listens, and has checked its files if it seeds; return its port."""

    @abc.abstractmethod
    def wait_complete(self, timeout: float) -> None:
        """Wait until the client is complete and has written its files; raise PeerFailed."""

    def stop(self) -> None:
        """Make the client leave the swarm for good, as its user would."""
        self.child.stop()

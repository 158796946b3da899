"""The open files of one torrent that programs read while it is downloaded.

A read is answered from the disk as soon as the piece at its position is verified, with as many bytes as are verified
there in a row; what follows from the position for the requests is decided by ``swarm.read_windows``.  Data that was not
verified is never read.  A piece that was lost is hashed again, as for a peer, and comes from peers: the read waits for
it meanwhile.
"""

from __future__ import annotations

import errno
import functools
from typing import Callable, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple

from ..disk.destination import Destination
from ..disk.results import Loaded
from ..errors import Stalled
from ..metainfo.layout import Layout
from ..swarm.downloads import Downloads
from ..swarm.read_windows import STEADY, ReadWindow
from .interfaces.network import Network, Timer
from .payload_parts import StoredFiles
from .phase import Lifecycle
from .verified_pieces import VerifiedPieces

LOOK_INTERVAL = 0.1
"""Seconds between two looks at the pieces that readers wait for."""

COLLECT_INTERVAL = 1.0
"""Seconds between two looks for readers that were garbage-collected."""
GONE = (errno.ENOENT, errno.ESTALE, 0)
"""Errors of files that were removed, replaced or changed: their data comes from peers again, and the read waits."""
MAX_FAILURES = 3
"""Times that it does."""


class Owner(Protocol):
    """The payload that is read."""

    def touch_all(self) -> None:
        """Blocks may be requested that could not before."""

    def wanting_changed(self) -> None:
        """Other files are wanted."""


class Answer(Protocol):
    """Gets the result of a read; its methods may be called from any thread, and never wait."""

    def set(self, value: int) -> None:
        """Give the number of bytes."""

    def fail(self, error: BaseException) -> None:
        """Give an error."""


class Reader:
    """One open file; made by the thread that opens it, and changed by the network thread.

    Args:
        file: Index of the file.
        length: Bytes of the file.
        readahead: Bytes of its window; None for what fits the reader.
        owner: Returns the object of the user, None once it was garbage-collected.
    """

    def __init__(
        self, file: int, length: int, readahead: Optional[int] = None, *, owner: Callable[[], object] = lambda: True
    ) -> None:
        self.owner = owner
        self.file = file
        self.length = length
        self.readahead = readahead
        self.left = 0
        """Blocks that are missing of the piece that it waits for; falls while there is progress."""
        self.available = 0
        """Peers that have that piece."""


class Read(NamedTuple):
    """One read of a reader."""

    position: int
    """Counted from the begin of the torrent."""
    length: int
    """Most bytes."""
    answer: Answer
    into: Destination
    """Memory for the bytes."""
    failures: int = 0
    """How often the disk failed."""


class _Open(NamedTuple):
    window: ReadWindow
    waits: List[Read]


class Readers:
    """The readers of one torrent.

    Args:
        layout: Of pieces and files.
        owner: The payload.
        files: The files.
        pieces: Which pieces are verified.
        downloads: Requests the pieces of the windows first.
        lifecycle: The phase of the torrent.
        network: Clock and timers.
        most: Most bytes of a window that has no length of its own.
    """

    def __init__(
        self,
        layout: Layout,
        owner: Owner,
        files: StoredFiles,
        *,
        pieces: VerifiedPieces,
        downloads: Downloads,
        lifecycle: Lifecycle,
        network: Network,
        most: int,
    ) -> None:
        self._layout = layout
        self._owner = owner
        self._storage = files.storage
        self._files = files.progress
        self._pieces = pieces
        self._downloads = downloads
        self._lifecycle = lifecycle
        self._network = network
        self._most = most
        self._open: Dict[Reader, _Open] = {}
        self._timer: Optional[Timer] = None
        self._collector: Optional[Timer] = None

    def __len__(self) -> int:
        return len(self._open)

    def open(self, reader: Reader) -> None:
        """Take a reader; its file is wanted until it is closed."""
        begin = self._layout.file_offset(reader.file)
        window = ReadWindow(begin, begin + reader.length, most=self._most, readahead=reader.readahead)
        self._open[reader] = _Open(window, [])
        if not self._downloads.windows:
            self._downloads.shorten(self._network.now())
        self._downloads.windows.add(self._open[reader].window, self._network.now())
        if self._collector is None:
            self._collector = self._network.call_later(COLLECT_INTERVAL, self._collect)
        if self._files.read(reader.file):
            self._owner.wanting_changed()

    def close(self, reader: Reader) -> None:
        """Forget a reader; its reads fail.  Without effect if there is none such."""
        known = self._open.pop(reader, None)
        if known is None:
            return
        self._downloads.windows.remove(known.window)
        for wait in known.waits:
            wait.answer.fail(_closed())
        if self._files.unread(reader.file):
            self._owner.wanting_changed()
        self._owner.touch_all()

    def read(
        self,
        reader: Reader,
        offset: int,
        length: int,
        *,
        wanted: int,
        answer: Answer,
        into: Destination,
    ) -> None:
        """Read bytes of a file.

        Args:
            reader: The reader.
            offset: Where, counted from the begin of the file; within the file.
            length: Most bytes of the answer.
            wanted: Bytes that are going to be read from there on, as far as that is known.
            answer: Gets the number of bytes, as soon as there is one, or an error.
            into: Memory for the bytes, of at least that length.
        """
        known = self._open.get(reader)
        if known is None:
            answer.fail(_closed())
            return
        window, now = known.window, self._network.now()
        position = window.begin + offset
        jump = self._downloads.windows.move(window, position, wanted, now)
        read = Read(position, length, answer, into)
        if not self._serve(reader, read):
            self._wait(reader, read, jump=jump)
        if not self._lifecycle.closed:
            self._owner.touch_all()

    def expect(self, reader: Reader, offset: int, wanted: int) -> None:
        """A reader is going to read there: request it.

        Args:
            reader: The reader.
            offset: Where, counted from the begin of the file; within the file.
            wanted: Bytes that are going to be read.
        """
        known = self._open.get(reader)
        if known is not None:
            window = known.window
            self._downloads.windows.move(window, window.begin + offset, wanted, self._network.now())
            self._owner.touch_all()

    def forget(self, reader: Reader, answer: Answer) -> None:
        """A read was given up."""
        known = self._open.get(reader)
        if known is not None:
            known.waits[:] = [wait for wait in known.waits if wait.answer is not answer]
            self._settle(known)

    # -- what the payload tells ----------------------------------------------------------------------------------------

    def look(self) -> None:
        """Pieces were verified, or the state has changed: answer the reads that do not have to wait any more."""
        for reader, known in list(self._open.items()) if self._open else ():
            if known.waits:
                known.waits[:] = [wait for wait in known.waits if not self._serve(reader, wait)]
                if known.waits and not self._obtainable:
                    waits = list(known.waits)
                    known.waits.clear()
                    for wait in waits:
                        wait.answer.fail(self._hindrance())
                self._settle(known)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _obtainable(self) -> bool:
        """Whether missing pieces may come."""
        return self._lifecycle.state == "active" and not self._lifecycle.closed

    def _hindrance(self) -> Stalled:
        state = "closed" if self._lifecycle.closed else self._lifecycle.state
        return Stalled(f"the data that is to be read is missing, and the torrent is {state}", {"state": state})

    def _serve(self, reader: Reader, read: Read) -> bool:
        """Answer a read from the disk, if the piece at its position is verified."""
        piece_length, serves = self._layout.piece_length, self._pieces.serves
        position, end = read.position, read.position + read.length
        spans: List[Tuple[int, int, int]] = []
        while position < end:
            index, begin = divmod(position, piece_length)
            if not serves(index):
                break
            length = min(end - position, piece_length - begin)
            spans.append((index, begin, length))
            position += length
        if not spans:
            return False
        self._open[reader].window.given = position - read.position
        self._network.skip_rest()
        self._storage.load(
            spans,
            functools.partial(self._loaded, reader, read),
            into=read.into,
            at_once=functools.partial(_give, read, spans),
        )
        return True

    def _loaded(self, reader: Reader, read: Read, answers: List[Loaded]) -> None:
        if not (self._lifecycle.started or self._lifecycle.closed):
            self._storage.close(lambda done: None)
        failed = answers[0] if answers else None
        if failed is None or failed.error is None:
            return  # the reader has its bytes, or has taken its memory back and does not wait
        self._pieces.load_failed(failed.index, failed.error)
        gone = failed.error.errno in GONE and read.failures < MAX_FAILURES
        if not gone or reader not in self._open or self._lifecycle.closed:
            read.answer.fail(failed.error)
            return
        again = read._replace(failures=read.failures + 1)
        if not self._serve(reader, again):
            self._wait(reader, again, jump=False)

    def _wait(self, reader: Reader, read: Read, *, jump: bool) -> None:
        if not self._obtainable:
            read.answer.fail(self._hindrance())
            return
        known, windows, now = self._open[reader], self._downloads.windows, self._network.now()
        urgent = bool(windows.awaited(now))
        windows.look_again()
        known.waits.append(read)
        windows.wait(known.window, now)
        self._look_at(reader, read)
        # What a reader in sequence waits for was requested before the rest, long ago.
        if jump or not (urgent or known.window.steady >= STEADY):
            self._downloads.give_way(now)
        self._network.skip_rest()
        self._owner.touch_all()
        self._schedule()

    def _look_at(self, reader: Reader, read: Read) -> None:
        index = read.position // self._layout.piece_length
        reader.left = self._downloads.blocks_left(index)
        reader.available = self._downloads.picker.availability(index)

    def _settle(self, known: _Open) -> None:
        if not known.waits:
            self._downloads.windows.served(known.window, self._network.now())

    def _collect(self) -> None:
        """Close the readers whose objects are gone: an interrupt may have broken off their own close."""
        self._collector = None
        for reader in [reader for reader in self._open if reader.owner() is None]:
            self.close(reader)
        if self._open and not self._lifecycle.closed:
            self._collector = self._network.call_later(COLLECT_INTERVAL, self._collect)

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = self._network.call_later(LOOK_INTERVAL, self._on_timer)

    def _on_timer(self) -> None:
        """Request late blocks a second time, and everything else once no reader waits any more."""
        self._timer = None
        for reader, known in self._open.items():
            if known.waits:
                self._look_at(reader, known.waits[0])
        windows = self._downloads.windows
        windows.look_again()
        if windows.awaited(self._network.now()):
            self._schedule()
        self._owner.touch_all()


def _give(read: Read, spans: Sequence[Tuple[int, int, int]], answers: Sequence[Loaded]) -> None:
    """Give a reader what was read up to the first error; called in the thread that has read it.

    A pass of the network thread takes a millisecond while data comes, and each read would wait for one more.
    """
    done = sum([length for (_, _, length), loaded in zip(spans, answers) if loaded.error is None])
    if done:
        read.answer.set(done)


def _closed() -> ValueError:
    """What every method of a closed file of the module ``io`` raises.

    The thread that reads may get it before the object of the user says that it is closed.
    """
    return ValueError("I/O operation on closed file")

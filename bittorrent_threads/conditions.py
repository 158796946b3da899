"""What ``Client.wait`` waits for: a name, a file, a share of what is wanted, or a function of the status."""

from __future__ import annotations

import math
import os
from typing import Callable, Dict, NamedTuple, Optional, Union

from .errors import StateError
from .file import File
from .reading.file_choice import file_index
from .status import Status
from .torrent_view import TorrentView

Test = Callable[[Status], bool]
Until = Union[str, File, "os.PathLike[str]", float, Test]
"""What to wait for."""

LOOK_INTERVAL = 0.25
"""Seconds between two calls of a function, as it may depend on more than the status."""

NAMES: Dict[str, Test] = {
    "complete": lambda status: status.complete and not status.checking,
    "seed": lambda status: status.seed and not status.checking,
    "checked": lambda status: status.metadata and not status.checking,
    "metadata": lambda status: status.metadata,
}
"""The conditions that have a name."""


class Condition(NamedTuple):
    """A condition of the status of one client."""

    test: Test
    """Whether the status fulfils it; raises if it cannot be fulfilled."""
    goal: str
    """What is waited for, behind "was not"."""
    look: Optional[float] = None
    """Seconds after which it is tested again without a change of the status; None for never."""


METADATA = Condition(NAMES["metadata"], "metadata")


def condition_of(client: TorrentView, until: Until) -> Condition:
    """Return the condition that a caller of ``wait`` means.

    Args:
        client: The client that waits.
        until: A name, a file, the path of a file in the torrent, a share, or a function of the status.

    Raises:
        ValueError: If there is no such condition, or a share is not above 0 and at most 1.
        TypeError: If it is nothing that can be waited for.
        FileNotFoundError: If the torrent has no such file.
        StateError: If the file is not wanted.
    """
    if isinstance(until, str):
        test = NAMES.get(until)
        if test is None:
            raise ValueError(f"until {until!r} is none of {', '.join(NAMES)}; {_OTHERS}")
        return Condition(test, until)
    if isinstance(until, File):
        if until._handle is not client._handle:
            raise ValueError(f"{until!r} is a file of another client: take it from client.files")
        return _file_condition(until)
    if isinstance(until, os.PathLike):
        return _path_condition(client, until)
    if isinstance(until, float):
        return _share_condition(until)
    if callable(until):
        goal = "what was waited for" if hasattr(until, "__code__") else str(until)
        return Condition(until, goal, LOOK_INTERVAL)
    raise TypeError(f"until is {until!r}, but must be one of {', '.join(NAMES)}, or other: {_OTHERS}")


_OTHERS = (
    "a file is client.files[0] or pathlib.Path('its/path'), a share of what is wanted is a float such as 0.5, "
    "and any other condition is a function of the status"
)


def _share_condition(share: float) -> Condition:
    if not 0 < share <= 1:
        raise ValueError(f"until {share!r}: a share of what is wanted is above 0.0 and at most 1.0")

    def test(status: Status) -> bool:
        there = status.wanted_size - status.left
        return status.metadata and not status.checking and there >= math.floor(share * status.wanted_size)

    return Condition(test, f"{share:.4g} complete")


def _file_condition(file: File) -> Condition:
    """The file is there; raises StateError if it is not wanted."""
    if file._handle.torrent.content.metainfo.files[file.index].pad:
        raise ValueError(f"file {file.index} is padding, which is not on the disk: wait for another one")

    def test(status: Status) -> bool:
        if not status.checking and file.complete:
            return True
        if not status.priorities[file.index]:
            raise StateError("wait", f"{file.path!r} is not wanted: set the priority of the file, which is 0")
        return False

    test(file._handle.status)
    return Condition(test, f"complete in {file.path!r}", LOOK_INTERVAL)


def _path_condition(client: TorrentView, path: os.PathLike[str]) -> Condition:
    """The file of this path is there; the path is looked up as soon as the metadata is known."""
    found: Optional[Condition] = None

    def test(status: Status) -> bool:
        nonlocal found
        if not status.metadata:
            return False
        if found is None:
            index = file_index(client._handle.torrent.content.metainfo, path)
            found = _file_condition(client.files[index])
        return found.test(status)

    test(client._handle.status)
    return Condition(test, f"complete in {os.fspath(path)!r}", LOOK_INTERVAL)

"""The exceptions a user can meet, as one tree.

    BitTorrentError
    ├── MetainfoError          a .torrent or magnet that cannot be used: key, reason
    │   └── BencodeError       not bencoding at all: offset, reason
    ├── StorageError           the disk said no: path, errno, reason
    ├── TrackerError           a tracker failed: url, reason
    ├── ListenError            no port could be bound: address, errno, reason
    ├── SettingsError          a setting out of its range: name, reason   (also a ValueError)
    ├── WaitTimeout            a wait ran out of its own time: reason, figures   (also a TimeoutError)
    │   └── Stalled            a wait gave up because nothing moved
    ├── Cancelled              a wait was told to give up: reason
    ├── StateError             the verb cannot be done now: verb, reason
    ├── ThreadError            the system has no thread for us: name, reason
    └── SessionClosed          the engine is gone: reason

Each carries fields, and its text is made from them.  What a peer does wrong is never here: it is a close reason
(``events.PeerClosed``), counted and shown.
"""

from __future__ import annotations

import os
from typing import Any, Mapping, Optional

from .text import masked, printable


class BitTorrentError(Exception):
    """Everything this library raises on purpose."""


class MetainfoError(BitTorrentError):
    """A .torrent file or magnet URI is unusable.

    ``reason`` says what is wrong, ``key`` which key holds it (``"info.piece length"``; empty when it is the whole),
    ``source`` the path or URI it came from (empty when it was given as bytes).
    """

    def __init__(self, reason: str, key: str = "", source: str = "") -> None:
        super().__init__(reason, key, source)
        self.reason = reason
        self.key = key
        self.source = source

    def __str__(self) -> str:
        where = f"{self.source}: " if self.source else ""
        return f"{where}{self.key}: {self.reason}" if self.key else f"{where}{self.reason}"


class BencodeError(MetainfoError):
    """The bytes are not canonical bencoding (BEP 3); ``offset`` is where that shows, in bytes."""

    def __init__(self, reason: str, offset: int, key: str = "", source: str = "") -> None:
        super().__init__(reason, key, source)
        self.args = (reason, offset, key, source)
        self.offset = offset

    def __str__(self) -> str:
        return f"{super().__str__()} (at byte {self.offset})"


class StorageError(BitTorrentError):
    """A file could not be used; ``errno`` is 0 where the system gave none (an unsafe link).

    ``errno.ESTALE`` is a file that another program changed or cut.
    """

    def __init__(self, reason: str, path: str = "", errno: int = 0) -> None:
        super().__init__(reason, path, errno)
        self.reason = reason
        self.path = path
        self.errno = errno

    @classmethod
    def wrap(cls, error: BaseException, path: str = "") -> StorageError:
        """The same failure as a StorageError, chained to ``error``."""
        if isinstance(error, StorageError):
            return error
        number = getattr(error, "errno", None) or 0
        if isinstance(error, UnicodeEncodeError):
            reason = f"the system's encoding, {error.encoding}, does not have its name: use a locale of UTF-8"
        else:
            reason = os.strerror(number) if number else f"{type(error).__name__}: {error}"
        wrapped = cls(reason, path or str(getattr(error, "filename", None) or ""), number)
        wrapped.__cause__ = error
        return wrapped

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class TrackerError(BitTorrentError):
    """A tracker could not be reached or answered with a failure.

    ``reason`` is printable and at most 300 characters, whatever the tracker sent; ``url`` is without its secrets.
    """

    def __init__(self, reason: str, url: str = "") -> None:
        self.reason = printable(reason)
        self.url = masked(url)
        super().__init__(self.reason, self.url)

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}" if self.url else self.reason


class ListenError(BitTorrentError):
    """No listening socket could be opened; ``address`` is ``host:port`` as it was asked for."""

    def __init__(self, reason: str, address: str = "", errno: int = 0) -> None:
        super().__init__(reason, address, errno)
        self.reason = reason
        self.address = address
        self.errno = errno

    def __str__(self) -> str:
        return f"cannot listen on {self.address}: {self.reason}"


class SettingsError(BitTorrentError, ValueError):
    """A setting is of the wrong kind or out of its range."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class WaitTimeout(BitTorrentError, TimeoutError):
    """``wait(timeout=…)`` ended before what it waited for; ``figures`` are those of the last status."""

    def __init__(self, reason: str, figures: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.figures = dict(figures or {})

    def __str__(self) -> str:
        return self.reason


class Stalled(WaitTimeout):
    """``wait(stall_timeout=…)`` saw no progress for that long; ``reason`` says why, in a sentence."""


class Cancelled(BitTorrentError):
    """The ``cancel`` that was given to a call was set; what the call had begun is given up."""

    def __init__(self, reason: str = "cancelled") -> None:
        super().__init__(reason)
        self.reason = reason


class StateError(BitTorrentError):
    """A verb or an argument does not fit the state the object is in."""

    def __init__(self, verb: str, reason: str) -> None:
        super().__init__(verb, reason)
        self.verb = verb
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.verb}: {self.reason}"


class ThreadError(BitTorrentError):
    """The system started no thread (see ``__cause__``); ``name`` is the one that was wanted."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot start the thread {self.name}: {self.reason}"


class SessionClosed(BitTorrentError):
    """The session behind the object was closed, died (see ``__cause__``) or belongs to the parent of a fork."""

    def __init__(self, reason: str = "the session is closed") -> None:
        super().__init__(reason)
        self.reason = reason

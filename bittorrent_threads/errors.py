"""The exceptions of the library, in one tree below ``BitTorrentError``.

Each exception has fields, and its text is made from them.  Misbehaviour of a peer is never an exception for the user:
the connection is closed, with the reason in ``events.PeerClosed``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Mapping, Optional, Union

from .text import masked, printable

if TYPE_CHECKING:
    from .explanation import Explanation

Figure = Union[int, str]


class BitTorrentError(Exception):
    """Base class of every exception that the library raises on purpose."""


class MetainfoError(BitTorrentError):
    """A .torrent file or a magnet link cannot be used.

    Attributes:
        reason (str): What is wrong.
        key (str): The key that holds it, such as ``"info.piece length"``; empty if it is the whole file.
        source (str): Path, or ``"magnet link"``; empty for a torrent that was given as bytes.
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
    """The bytes are not valid bencoding (BEP 3).

    Attributes:
        offset (int): Number of bytes before the error.
    """

    def __init__(self, reason: str, offset: int, key: str = "", source: str = "") -> None:
        super().__init__(reason, key, source)
        self.args = (reason, offset, key, source)
        self.offset = offset

    def __str__(self) -> str:
        return f"{super().__str__()} (at byte {self.offset})"


class StorageError(BitTorrentError):
    """A file could not be used.

    Attributes:
        reason (str): Why.
        path (str): Path of the file.
        errno (int): Error number of the system; 0 if there is none (an unsafe link), ``errno.ESTALE`` for a file that
            another program changed or truncated.
    """

    def __init__(self, reason: str, path: str = "", errno: int = 0) -> None:
        super().__init__(reason, path, errno)
        self.reason = reason
        self.path = path
        self.errno = errno

    @classmethod
    def wrap(cls, error: BaseException, path: str = "") -> StorageError:
        """Return the failure as a StorageError that is chained to ``error``.

        Args:
            error: An exception of a file operation.
            path: Path of the file, if the exception does not have it.
        """
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
    """A tracker could not be reached, or answered with a failure.

    No call raises it; ``events.TrackerFailed`` reports it.

    Attributes:
        reason (str): Why, at most 300 printable characters.
        url (str): Announce URL, with ``***`` in place of passwords and passkeys.
    """

    def __init__(self, reason: str, url: str = "") -> None:
        self.reason = printable(reason)
        self.url = masked(url)
        super().__init__(self.reason, self.url)

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}" if self.url else self.reason


class ListenError(BitTorrentError):
    """No listening socket could be opened.

    Attributes:
        reason (str): Why.
        address (str): ``host:port`` as it was given.
        errno (int): Error number of the system; 0 if there is none.
    """

    def __init__(self, reason: str, address: str = "", errno: int = 0) -> None:
        super().__init__(reason, address, errno)
        self.reason = reason
        self.address = address
        self.errno = errno

    def __str__(self) -> str:
        return f"cannot listen on {self.address}: {self.reason}"


class SettingsError(BitTorrentError, ValueError):
    """A setting, or an argument of ``create``, has the wrong type or is out of its range.

    Attributes:
        name (str): Name of the setting.
        reason (str): What is wrong.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


class WaitTimeout(BitTorrentError, TimeoutError):
    """A wait took longer than its ``timeout``.

    Attributes:
        reason (str): What was waited for, and why there is no progress.
        figures (dict): Fields of the last status: ``state``, ``pieces_have``, ``piece_count``, ``left``,
            ``downloaded``, ``connected``, ``known`` and ``stall``.  Empty for other waits than that for a status.
        explanation (Optional[Explanation]): What the torrent was doing, and what kept it from finishing.  None for
            other waits than that for a status.
    """

    def __init__(
        self,
        reason: str,
        figures: Optional[Mapping[str, Figure]] = None,
        explanation: Optional[Explanation] = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.figures = dict(figures or {})
        self.explanation = explanation

    @property
    def cause(self) -> str:
        """What kept data from coming, in a word, as in :attr:`Explanation.cause`; empty if nothing is known."""
        return "" if self.explanation is None else self.explanation.cause

    def __str__(self) -> str:
        return self.reason


class Stalled(WaitTimeout):
    """A wait saw no progress for its ``stall_timeout``; ``explanation`` has what was missing, as fields."""


class Cancelled(BitTorrentError):
    """The ``cancel`` that was given to a call was set.

    Attributes:
        reason (str): Always ``"cancelled"``.
    """

    def __init__(self, reason: str = "cancelled") -> None:
        super().__init__(reason)
        self.reason = reason


class StateError(BitTorrentError):
    """A call or an argument does not fit the state of the object.

    Attributes:
        verb (str): Name of the call.
        reason (str): What does not fit.
    """

    def __init__(self, verb: str, reason: str) -> None:
        super().__init__(verb, reason)
        self.verb = verb
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.verb}: {self.reason}"


class MetadataUnknown(StateError):
    """A call needs the metadata of a magnet link, and peers have not sent it yet: ``wait("metadata")`` waits for it."""


class ThreadError(BitTorrentError):
    """The system could not start a thread (see ``__cause__``).

    Attributes:
        name (str): Name of the thread.
        reason (str): Why.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"cannot start the thread {self.name}: {self.reason}"


class SessionClosed(BitTorrentError):
    """The session was closed, failed (see ``__cause__``), or belongs to the parent of a fork.

    Attributes:
        reason (str): Which of them.
    """

    def __init__(self, reason: str = "the session is closed") -> None:
        super().__init__(reason)
        self.reason = reason

"""The phases of a torrent: one enum, one table of transitions, and the reasons for which a live torrent waits.

The table is the only place that says what may follow what.  An event that the table does not have for the phase is a
fault of the caller and raises ``IllegalTransition``.  What the user asked for last, active or paused, is remembered
while it cannot be done yet: the content is examined first.

    STOPPED --START--> METADATA --METADATA_KNOWN--> EXAMINING --CONTENT_KNOWN--> ACTIVE <--> PAUSED
                           |                                                       ^
                           +--METADATA_RECEIVED--> JOINING ----CONTENT_KNOWN-------+

EXAMINING has no connection: nothing can be said to a peer before it is known which pieces are there.  JOINING keeps the
connections over which the metadata came (BEP 9); their peers are told of pieces by HAVE messages.
"""

from __future__ import annotations

import enum
from typing import Dict


class Phase(enum.Enum):
    """What a torrent does now."""

    STOPPED = "stopped"
    """No connection, no announce, every file closed."""
    METADATA = "metadata"
    """Connected; the info dictionary is not known yet."""
    EXAMINING = "examining"
    """Started; what is on the disk is found out, without any connection."""
    JOINING = "joining"
    """The metadata came from peers; what is on the disk is found out, and the connections stay."""
    ACTIVE = "active"
    """Connected; pieces are requested and sent."""
    PAUSED = "paused"
    """Connected; no request is made or filled."""
    CLOSED = "closed"
    """Removed for good."""


class Event(enum.Enum):
    """What moves a torrent from one phase to another."""

    START = "start"
    """The user starts the torrent, or ends its pause."""
    PAUSE = "pause"
    """The user pauses a live torrent."""
    STOP = "stop"
    """The user stops the torrent."""
    CLOSE = "close"
    """The user removes a stopped torrent."""
    METADATA_KNOWN = "metadata known"
    """The torrent starts with its metadata."""
    METADATA_RECEIVED = "metadata received"
    """Peers have sent the metadata of a started torrent."""
    CONTENT_KNOWN = "content known"
    """It is known which pieces are on the disk."""


TRANSITIONS: Dict[Phase, Dict[Event, Phase]] = {
    Phase.STOPPED: {Event.START: Phase.METADATA, Event.CLOSE: Phase.CLOSED},
    Phase.METADATA: {
        Event.METADATA_KNOWN: Phase.EXAMINING,
        Event.METADATA_RECEIVED: Phase.JOINING,
        Event.STOP: Phase.STOPPED,
    },
    Phase.EXAMINING: {Event.CONTENT_KNOWN: Phase.ACTIVE, Event.STOP: Phase.STOPPED},
    Phase.JOINING: {Event.CONTENT_KNOWN: Phase.ACTIVE, Event.STOP: Phase.STOPPED},
    Phase.ACTIVE: {Event.PAUSE: Phase.PAUSED, Event.STOP: Phase.STOPPED},
    Phase.PAUSED: {Event.START: Phase.ACTIVE, Event.STOP: Phase.STOPPED},
    Phase.CLOSED: {},
}

CONNECTED = frozenset({Phase.METADATA, Phase.JOINING, Phase.ACTIVE, Phase.PAUSED})
"""Phases in which connections are made and accepted."""
LIVE = frozenset({Phase.ACTIVE, Phase.PAUSED})
"""Phases in which it is known what is on the disk, and files may be made."""
STARTED = CONNECTED | {Phase.EXAMINING}


class Hindrance(enum.Enum):
    """What keeps a torrent from requesting pieces, or will; ``Status.hindrance`` has the value."""

    DISK_PAUSE = "disk paused"
    """The disk failed, and is tried again in a while."""
    DISK_FAILED = "disk failed"
    EXAMINING_FILES = "examining files"
    """It is being looked up what is on the disk."""
    HASHING = "hashing"
    MOVING_FILES = "moving files"
    UNREADABLE = "unreadable"
    """Pieces that may be on the disk cannot be read."""
    PREPARING_FILES = "preparing files"
    """The files are being made."""


SUSPENDING = frozenset({Hindrance.DISK_PAUSE, Hindrance.MOVING_FILES, Hindrance.UNREADABLE, Hindrance.PREPARING_FILES})
"""Those with which a live torrent requests nothing: it requests during hash checks, and to try a disk that failed."""


class IllegalTransition(RuntimeError):
    """An event came that the table does not have for the phase: a fault of this library."""


class Lifecycle:
    """The phase of one torrent, and the state that its user asked for."""

    def __init__(self) -> None:
        self.phase = Phase.STOPPED
        self.state = "stopped"
        """What the user asked for last: ``active``, ``paused`` or ``stopped``."""

    @property
    def connected(self) -> bool:
        """Connections are made and accepted."""
        return self.phase in CONNECTED

    @property
    def live(self) -> bool:
        """It is known what is on the disk, and files may be made."""
        return self.phase in LIVE

    @property
    def started(self) -> bool:
        """Not stopped, not closed."""
        return self.phase in STARTED

    @property
    def active(self) -> bool:
        """Pieces are requested and sent."""
        return self.phase is Phase.ACTIVE

    @property
    def closed(self) -> bool:
        """The torrent was removed for good."""
        return self.phase is Phase.CLOSED

    def handle(self, event: Event) -> None:
        """Go to the phase that the table has for this event.

        Raises:
            IllegalTransition: The table has none.
        """
        following = TRANSITIONS[self.phase].get(event)
        if following is None:
            raise IllegalTransition(f"{event.value!r} while {self.phase.value}")
        self.phase = following

    def ask(self, state: str) -> None:
        """The user asks for a state: do it at once, or as soon as the content is known.

        Args:
            state: ``active``, ``paused`` or ``stopped``.

        Raises:
            IllegalTransition: The torrent is closed.
        """
        if state == "stopped":
            self.handle(Event.STOP)
        elif self.phase is Phase.STOPPED or (self.phase is Phase.PAUSED and state == "active"):
            self.handle(Event.START)
        elif self.phase is Phase.ACTIVE and state == "paused":
            self.handle(Event.PAUSE)
        elif self.closed:
            raise IllegalTransition(f"{state} while closed")
        self.state = state

    def go_live(self) -> None:
        """It is known what is on the disk: be active, or paused if that was asked for."""
        self.handle(Event.CONTENT_KNOWN)
        if self.state == "paused":
            self.handle(Event.PAUSE)

"""The end of the disk work of a torrent: at a stop its data is synced, resume data stored, and its files closed."""

from __future__ import annotations

from typing import Optional

from ..disk.resume import Resume
from .interfaces.storage import Storage
from .phase import Lifecycle
from .resume import ResumeStore
from .wait_group import WaitGroup


class Stowing:
    """Stores and closes what one torrent has on the disk.

    Args:
        storage: The files.
        resume_store: The resume data.
        lifecycle: The phase of the torrent: one that was started again meanwhile keeps its files open.
        waiting: What closing the torrent waits for.
        stowing: The part of it that is the disk's.
    """

    def __init__(
        self,
        storage: Storage,
        resume_store: ResumeStore,
        lifecycle: Lifecycle,
        *,
        waiting: WaitGroup,
        stowing: WaitGroup,
    ) -> None:
        self._storage = storage
        self._resume_store = resume_store
        self._lifecycle = lifecycle
        self._groups = (stowing, waiting)

    def settle(self) -> None:
        """The torrent was stopped: store what is there, and close every file."""
        self.expect()
        self._resume_store.stow(self._kept)

    def expect(self) -> None:
        """There will be a call of ``finish``."""
        for group in self._groups:
            group.expect()

    def finish(self) -> None:
        """The torrent was closed: store what changed since the stop."""
        self._resume_store.finish(done=self._kept)

    def _kept(self, resume: Optional[Resume]) -> None:
        self._resume_store.kept = resume
        if self._lifecycle.live:
            self._stowed()  # it was started again meanwhile, and uses its files
        else:
            self._storage.close(lambda done: self._stowed())

    def _stowed(self) -> None:
        for group in self._groups:
            group.answered()

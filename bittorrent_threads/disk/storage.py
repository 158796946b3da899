"""``Storage``: the files of one torrent as the network thread sees them (``engine.interfaces.Storage``).

Each operation becomes one job of the pool and is answered exactly once, also when the job raises or the pool closes
before its turn.  Jobs run side by side and end in any order, but for two kinds: those that change where bytes are run
alone (what was asked before is done, what is asked after waits), and ``sync`` and ``remember`` take turns, as a sync
that overtook another would vouch for what that has not finished.

Every method and every ``deliver`` runs on the network thread, so that nothing here needs a lock;
the jobs are methods of ``Content``, ``Pieces`` and ``ResumeFile``, which know nothing of this class.
"""

from __future__ import annotations

import logging
from collections import deque
from functools import partial
from typing import Any, Callable, Collection, Deque, List, NamedTuple, Sequence, Tuple, TypeVar

from ..errors import SessionClosed, StorageError
from ..metainfo.hashes import Verdict
from ..metainfo.metainfo import Metainfo
from .claims import TorrentClaim
from .content import Content
from .folder import Folder, Parts
from .move_storage import move, rename
from .piece_io import Pieces
from .pool import Outcome, Pool
from .results import Buffer, Checked, CheckedFiles, Done, Loaded, Moved, Prepared, Recalled, Saved, Synced, bare
from .resume import Names, Resume
from .resume_file import ResumeFile

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Storage:
    """The files of one torrent; made by ``Disk.open``.

    Every operation raises :class:`SessionClosed` when the disk is closed.
    """

    def __init__(
        self,
        metainfo: Metainfo,
        content: Content,
        pieces: Pieces,
        resume_file: ResumeFile,
        claim: TorrentClaim,
        pool: Pool,
    ) -> None:
        self._metainfo = metainfo
        self._content = content
        self._pieces = pieces
        self._resume_file = resume_file
        self._torrent_claim = claim
        self._pool = pool
        self._unanswered = 0
        self._interrupted = False
        self._mistake = ""  # the last that is in the log
        self._closing: List[Tuple[Callable[[], Done], Callable[[Done], None]]] = []
        self._uses = 0  # how often the files were claimed
        self._used: Sequence[bool] = ()  # which of them
        self._turns: Deque[Tuple[Callable[[], None], Callable[[StorageError], None]]] = deque()
        self._held: Deque[_Task] = deque()
        self._closed_door = False  # a job that is to be alone runs

    def check_files(self, deliver: Callable[[CheckedFiles], None]) -> None:
        """See which pieces may be there already, without reading any, and take the files as they are now."""
        self._submit(self._content.check_files, deliver, lambda error: CheckedFiles((), error))

    def claim(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Done], None], *, writing: bool
    ) -> None:
        """See that no other torrent has the files, and none that is wanted and not our ``own`` holds anything."""
        self._uses += 1
        self._submit(partial(_run, self._claim, tuple(wanted), tuple(own), writing), deliver, Done, alone=True)

    def prepare(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Prepared], None], *, writing: bool = True
    ) -> None:
        """Claim the files; make folders and files of those wanted, and move to them what the part file has of them."""
        self._uses += 1
        self._submit(partial(self._prepare, tuple(wanted), tuple(own), writing), deliver, Prepared, alone=True)

    def save(
        self,
        pieces: Sequence[Tuple[int, memoryview]],
        deliver: Callable[[Saved], None],
        *,
        compared: Collection[int] = (),
    ) -> None:
        """Hash each piece and write those that pass; the fingerprints of those ``compared`` are answered."""
        asked = tuple(pieces)
        self._submit(
            partial(self._pieces.save, asked, tuple(compared)),
            deliver,
            lambda error: Saved(unhashed=tuple([index for index, _ in asked]), error=error),
        )

    def write(self, blocks: Sequence[Tuple[int, int, Buffer]], deliver: Callable[[Done], None]) -> None:
        """Write ``(index, begin, data)`` of pieces that nobody claims, unhashed."""
        self._submit(partial(_run, self._pieces.write, tuple(blocks)), deliver, Done)

    def load(self, spans: Sequence[Tuple[int, int, int]], deliver: Callable[[List[Loaded]], None]) -> None:
        """Read parts of pieces that were saved or have passed a check: each an ``(index, begin, length)``."""
        asked = tuple(spans)
        self._submit(
            lambda: [self._pieces.load(*span) for span in asked],
            deliver,
            lambda error: [Loaded(index, begin, b"", error) for index, begin, _ in asked],
        )

    def check(self, indexes: Sequence[int], deliver: Callable[[Checked], None]) -> None:
        """Read and hash these pieces."""
        asked = tuple(sorted(indexes))
        self._submit(
            partial(self._pieces.check, asked),
            deliver,
            lambda error: Checked((), dict.fromkeys(asked, Verdict.UNREADABLE), error),
            background=True,
        )

    def fingerprint(self, index: int, deliver: Callable[[bytes], None]) -> None:
        """That of a piece as it is on disk, empty if it cannot be read."""
        self._submit(partial(self._pieces.fingerprint, index), deliver, lambda error: b"", background=True)

    def sync(self, deliver: Callable[[Synced], None]) -> None:
        """Make durable what was saved and answered before this call."""
        self._submit_in_turn(
            self._content.sync,
            deliver,
            lambda error: Synced((), None, tuple(range(self._metainfo.piece_count)), error),
        )

    def remember(self, resume: Resume, deliver: Callable[[Done], None]) -> None:
        """Store resume data, whole or not at all."""
        self._submit_in_turn(partial(_run, self._resume_file.store, resume), deliver, Done)

    def recall(self, deliver: Callable[[Recalled], None]) -> None:
        """The resume data stored last, and what was wrong with what is not used."""
        self._submit(
            lambda: Recalled(*self._resume_file.load(self._metainfo)),
            deliver,
            lambda error: Recalled(None, (str(error),)),
        )

    def move(self, basedir: str, deliver: Callable[[Moved], None]) -> None:
        """Move every file to another folder, with the part file, and the resume data if it is beside them."""
        target = self._content.folder.at(basedir)
        self._interrupted = False
        self._submit(
            partial(self._move, target), deliver, lambda error: Moved(False, error), background=True, alone=True
        )

    def rename(self, index: int, parts: Parts, *, stored: bool, deliver: Callable[[Moved], None]) -> None:
        """Give a file another name below the folder, and remember that if ``stored``."""
        self._submit(
            partial(self._rename, index, parts, stored), deliver, lambda error: Moved(False, error), alone=True
        )

    def name(self, names: Names) -> None:
        """These files were renamed by an earlier client; to be told before anything is asked about files."""
        self._content.files.name(names)

    def interrupt(self) -> None:
        """Have a move that is under way fail soon; harmless if none is."""
        self._interrupted = True

    def close(self, deliver: Callable[[Done], None]) -> None:
        """Close every open file, after the jobs given before, and claim none; the storage can be used again."""
        job = partial(_run, self._close, self._uses)
        if self._unanswered or self._held:
            self._closing.append((job, deliver))
        else:
            self._submit(job, deliver, Done)

    def _close(self, uses: int) -> None:
        self._content.close()
        if self._uses == uses:  # else the files were claimed anew after this was asked
            self._torrent_claim.release()

    def _claim(self, wanted: Sequence[bool], own: Sequence[bool], writing: bool) -> None:
        self._take(wanted, own, writing)
        self._content.claim(wanted, own)

    def _take(self, wanted: Sequence[bool], own: Sequence[bool], writing: bool) -> None:
        self._content.meet(wanted, own)  # an empty folder where files were may be a disk that is not mounted
        used = [wants or ours for wants, ours in zip(wanted, own)]
        self._torrent_claim.take(self._content.folder, self._content.paths(used), writing=writing)
        self._used = used

    def _prepare(self, wanted: Sequence[bool], own: Sequence[bool], writing: bool) -> Prepared:
        # On a worker, alone.
        try:
            self._take(wanted, own, writing)
            self._content.prepare(wanted, own)
        except StorageError as error:
            return Prepared(bare(error), self._content.files.chosen)
        return Prepared(None, self._content.files.chosen)

    def _move(self, target: Folder) -> Moved:
        # On a worker, alone.
        try:
            paths = self._content.paths([True] * len(self._metainfo.files))
            with self._torrent_claim.moving(target, paths, lambda: self._content.paths(self._used)):
                return move(
                    self._content, self._resume_file, self._metainfo, target, interrupted=lambda: self._interrupted
                )
        except StorageError as error:
            return Moved(False, bare(error))

    def _rename(self, index: int, parts: Parts, stored: bool) -> Moved:
        try:
            with self._torrent_claim.renaming(self._content.folder, self._content.files[index].parts, parts):
                return rename(self._content, self._resume_file, self._metainfo, index, parts, stored=stored)
        except StorageError as error:
            return Moved(False, bare(error))

    # -- turns -----------------------------------------------------------------------------------------------------

    def _submit(
        self,
        job: Callable[[], T],
        deliver: Callable[[T], None],
        failed: Callable[[StorageError], T],
        *,
        background: bool = False,
        alone: bool = False,
    ) -> None:
        # A job ``alone`` waits for those given before, and those given after wait for it.
        def answer(outcome: Outcome[T]) -> None:
            self._unanswered -= 1
            self._closed_door = self._closed_door and not alone
            try:
                deliver(outcome.value(lambda error: failed(self._told(error))))
            except SessionClosed:
                pass  # who was answered asked for more, of a disk that was closed meanwhile
            finally:
                self._go_on()

        def work() -> T:
            with self._content.folder.walking():
                return job()

        task = _Task(work, answer, background, alone)
        if self._held or not self._may_begin(task):
            self._held.append(task)
        else:
            self._begin(task)

    def _told(self, error: BaseException) -> StorageError:
        # What a job raised, and did not answer.  But for what the system said it is a mistake in the program.
        if isinstance(error, (StorageError, SessionClosed)):
            return StorageError.wrap(error)
        told = StorageError.wrap(error, str(getattr(error, "filename", None) or self._content.folder.root))
        # The jobs of a torrent may all meet the same one: its traceback is logged once.
        if not isinstance(error, OSError) and told.reason != self._mistake:
            self._mistake = told.reason
            _log.error("a disk job of %s raised", self._metainfo.name, exc_info=error)
        return told

    def _may_begin(self, task: _Task) -> bool:
        return not self._closed_door and not (task.alone and self._unanswered)

    def _begin(self, task: _Task) -> None:
        self._pool.submit(task.job, task.answer, background=task.background)
        self._unanswered += 1
        self._closed_door = task.alone

    def _go_on(self) -> None:
        while self._held and self._may_begin(self._held[0]):
            task = self._held.popleft()
            try:
                self._begin(task)
            except SessionClosed as error:
                self._unanswered += 1
                task.answer(Outcome(error=error))
        if not self._unanswered and not self._held:
            self._close_now()

    def _submit_in_turn(
        self, job: Callable[[], T], deliver: Callable[[T], None], failed: Callable[[StorageError], T]
    ) -> None:
        def start() -> None:
            self._submit(job, answer, failed, background=True)

        def answer(value: T) -> None:
            try:
                deliver(value)
            finally:
                self._turns.popleft()
                self._start_next()

        if not self._turns:
            start()
        self._turns.append((start, lambda error: deliver(failed(error))))

    def _start_next(self) -> None:
        while self._turns:
            start, refuse = self._turns[0]
            try:
                start()
                return
            except SessionClosed as error:
                self._turns.popleft()
                refuse(StorageError.wrap(error))

    def _close_now(self) -> None:
        waiting, self._closing = self._closing, []
        for job, deliver in waiting:
            try:
                self._submit(job, deliver, Done)
            except SessionClosed as error:
                deliver(Done(StorageError.wrap(error)))


class _Task(NamedTuple):
    job: Callable[[], Any]
    answer: Callable[[Outcome[Any]], None]
    background: bool
    alone: bool


def _run(action: Callable[..., None], *arguments: object) -> Done:
    try:
        action(*arguments)
    except StorageError as error:
        return Done(bare(error))
    return Done(None)

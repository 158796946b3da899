"""``Storage``: the files of one torrent as the network thread sees them (``engine.interfaces.Storage``).

Each operation becomes one job of the pool.  Its result is delivered exactly once, also if the job raises or the pool
closes first.  Jobs run in parallel and end in any order, with two exceptions.  A job that moves data (``exclusive``)
runs alone: it waits for the jobs before it, and the jobs after it wait.  ``sync`` and ``remember`` run in the order of
the calls, since resume data must not name pieces whose sync has not ended.

Every method and every ``deliver`` runs on the network thread, so that this class has no lock.  The jobs are methods of
``Content``, ``Pieces`` and ``ResumeFile``, which do not know this class.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from functools import partial
from typing import Any, Callable, Collection, Deque, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from ..errors import SessionClosed, StorageError
from ..metainfo.hashes import Verdict
from ..metainfo.metainfo import Metainfo
from .claims import TorrentClaim
from .content import Content
from .deadline import Deadline
from .destination import Destination
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

    Every operation has an argument ``deliver``, which is called with the result, and raises :class:`SessionClosed` when
    the disk is closed.
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
        self._deadlines: List[Deadline] = []  # of the syncs under way
        self._logged_reason = ""  # the reason that was logged last
        self._closing: List[Tuple[Callable[[], Done], Callable[[Done], None]]] = []
        self._uses = 0  # calls of ``claim`` and ``prepare``
        self._used: Sequence[bool] = ()  # whether each file is claimed
        self._ordered: Deque[Tuple[Callable[[], None], Callable[[StorageError], None]]] = deque()
        self._waiting: Deque[_Task] = deque()
        self._exclusive_running = False

    def check_files(self, deliver: Callable[[CheckedFiles], None]) -> None:
        """Accept the files as they are now, and find the pieces that may be in them, without reading any."""
        self._submit(self._content.check_files, deliver, lambda error: CheckedFiles((), error))

    def claim(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Done], None], *, writing: bool
    ) -> None:
        """Check that no other torrent uses the files, and that no wanted file has data of another origin.

        Args:
            wanted: Whether each file is wanted.
            own: Whether each file was made by this torrent.
            deliver: Called with the result.
            writing: Whether the torrent is going to write.
        """
        self._uses += 1
        self._submit(partial(_run, self._claim, tuple(wanted), tuple(own), writing), deliver, Done, exclusive=True)

    def prepare(
        self, wanted: Sequence[bool], own: Sequence[bool], deliver: Callable[[Prepared], None], *, writing: bool = True
    ) -> None:
        """Claim the files, create the wanted files and their folders, and move their bytes from the part file to them.

        Args:
            wanted: Whether each file is wanted.
            own: Whether each file was made by this torrent.
            deliver: Called with the result.
            writing: Whether the torrent is going to write.
        """
        self._uses += 1
        self._submit(partial(self._prepare, tuple(wanted), tuple(own), writing), deliver, Prepared, exclusive=True)

    def save(
        self,
        pieces: Sequence[Tuple[int, memoryview]],
        deliver: Callable[[Saved], None],
        *,
        compared: Collection[int] = (),
    ) -> None:
        """Hash whole pieces, and write those that are right.

        Args:
            pieces: Index and bytes of each piece.
            deliver: Called with the result.
            compared: Pieces whose fingerprints are wanted even if they are right.
        """
        asked = tuple(pieces)
        self._submit(
            partial(self._pieces.save, asked, tuple(compared)),
            deliver,
            lambda error: Saved(unhashed=tuple([index for index, _ in asked]), error=error),
        )

    def write(self, blocks: Sequence[Tuple[int, int, Buffer]], deliver: Callable[[Done], None]) -> None:
        """Write blocks of incomplete pieces without hashing: piece index, begin in the piece, and bytes of each."""
        self._submit(partial(_run, self._pieces.write, tuple(blocks)), deliver, Done)

    def load(
        self,
        spans: Sequence[Tuple[int, int, int]],
        deliver: Callable[[List[Loaded]], None],
        *,
        into: Optional[Destination] = None,
        at_once: Optional[Callable[[List[Loaded]], None]] = None,
    ) -> None:
        """Read parts of pieces that passed a hash check.

        Args:
            spans: Index, begin in the piece and length of each.
            deliver: Called with a result for each; with those up to the first error if they were read into memory, and
                with none if that was taken back.
            into: Memory that is filled; by default each result has its bytes.
            at_once: For a thread that waits: called by the worker with the same result, before the network thread has a
                pass for it; must neither wait nor raise.
        """
        asked = tuple(spans)
        pieces = self._pieces

        def load() -> List[Loaded]:
            answers = [pieces.load(*span) for span in asked] if into is None else pieces.load_into(into, asked)
            if at_once is not None:
                at_once(answers)
            return answers

        self._submit(
            load,
            deliver,
            lambda error: [Loaded(index, begin, b"", error) for index, begin, _ in asked],
            urgent=at_once is not None,
        )

    def check(self, indexes: Sequence[int], deliver: Callable[[Checked], None]) -> None:
        """Read and hash pieces."""
        asked = tuple(sorted(indexes))
        self._submit(
            partial(self._pieces.check, asked),
            deliver,
            lambda error: Checked((), dict.fromkeys(asked, Verdict.UNREADABLE), error),
            background=True,
        )

    def fingerprint(self, index: int, deliver: Callable[[bytes], None]) -> None:
        """Compute the fingerprint of a piece on disk, empty if it cannot be read."""
        self._submit(partial(self._pieces.fingerprint, index), deliver, lambda error: b"", background=True)

    def sync(self, deliver: Callable[[Synced], None], *, older: Sequence[int] = (), patience: float = math.inf) -> None:
        """Make durable what was written by jobs whose results were delivered before this call.

        Args:
            deliver: Called with the result.
            older: Pieces that an earlier process wrote and did not sync.
            patience: Seconds from now on for this sync and for those before it; see ``Content.sync``.
        """
        deadline = Deadline()
        self._deadlines.append(deadline)
        for each in self._deadlines if patience < math.inf else ():
            each.set(patience)

        def synced(answer: Synced) -> None:
            self._deadlines.remove(deadline)
            deliver(answer)

        self._submit_in_order(
            partial(self._content.sync, tuple(older), deadline),
            synced,
            lambda error: Synced((), None, tuple(range(self._metainfo.piece_count)), error),
        )

    def remember(self, resume: Resume, deliver: Callable[[Done], None]) -> None:
        """Store resume data atomically, and the metadata beside it."""
        self._submit_in_order(partial(_run, self._remember, resume), deliver, Done)

    def recall(self, deliver: Callable[[Recalled], None]) -> None:
        """Load the resume data that was stored last."""
        self._submit(
            lambda: Recalled(*self._resume_file.load(self._metainfo, self._content.folder)),
            deliver,
            lambda error: Recalled(None, (str(error),)),
        )

    def move(self, basedir: str, deliver: Callable[[Moved], None]) -> None:
        """Move all files to another folder, and the resume data if it is beside them."""
        target = self._content.folder.at(basedir)
        self._interrupted = False
        self._submit(
            partial(self._move, target), deliver, lambda error: Moved(False, error), background=True, exclusive=True
        )

    def rename(self, index: int, parts: Parts, *, stored: bool, deliver: Callable[[Moved], None]) -> None:
        """Change the path of a file.

        Args:
            index: The file.
            parts: Components of its new path below the folder.
            stored: Whether to store the path in the resume data.
            deliver: Called with the result.
        """
        self._submit(
            partial(self._rename, index, parts, stored), deliver, lambda error: Moved(False, error), exclusive=True
        )

    def name(self, names: Names) -> None:
        """Set the paths of files that an earlier client renamed; to be called before other operations."""
        self._content.files.name(names)

    def interrupt(self) -> None:
        """Let a running move fail soon; does nothing if none runs."""
        self._interrupted = True

    def close(self, deliver: Callable[[Done], None]) -> None:
        """Close all files after the earlier jobs, and release the claim; the storage can be used again."""
        job = partial(_run, self._close, self._uses)
        if self._unanswered or self._waiting:
            self._closing.append((job, deliver))
        else:
            self._submit(job, deliver, Done)

    def _close(self, uses: int) -> None:
        self._content.close()
        if self._uses == uses:  # else they were claimed again after the call
            self._torrent_claim.release()

    def _claim(self, wanted: Sequence[bool], own: Sequence[bool], writing: bool) -> None:
        self._claim_files(wanted, own, writing)
        self._content.refuse_foreign_data(wanted, own)

    def _claim_files(self, wanted: Sequence[bool], own: Sequence[bool], writing: bool) -> None:
        self._content.files.require_own(wanted, own)  # an empty folder may be an unmounted disk
        used = [wants or ours for wants, ours in zip(wanted, own)]
        self._torrent_claim.take(self._content.folder, self._content.files.paths(used), writing=writing)
        self._used = used

    def _prepare(self, wanted: Sequence[bool], own: Sequence[bool], writing: bool) -> Prepared:
        # An exclusive job.
        try:
            self._claim_files(wanted, own, writing)
            self._content.prepare(wanted, own)
        except StorageError as error:
            return Prepared(bare(error), self._content.files.chosen)
        return Prepared(None, self._content.files.chosen)

    def _move(self, target: Folder) -> Moved:
        # An exclusive job.
        try:
            paths = self._content.files.paths([True] * len(self._metainfo.files))
            with self._torrent_claim.moving(target, paths, lambda: self._content.files.paths(self._used)):
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
        exclusive: bool = False,
        urgent: bool = False,
    ) -> None:
        # An ``exclusive`` job waits for the jobs before it, and the jobs after it wait for it.
        def answer(outcome: Outcome[T]) -> None:
            self._unanswered -= 1
            self._exclusive_running = self._exclusive_running and not exclusive
            try:
                deliver(outcome.value(lambda error: failed(self._error_of(error))))
            except SessionClosed:
                pass  # ``deliver`` began another operation after the disk was closed
            finally:
                self._begin_waiting()

        def work() -> T:
            with self._content.folder.keep_folders_open():
                return job()

        task = _Task(work, answer, background, exclusive, urgent)
        if self._waiting or not self._may_begin(task):
            self._waiting.append(task)
        else:
            self._begin(task)

    def _error_of(self, error: BaseException) -> StorageError:
        # An exception of a job as an error.  All but errors of the system and ``SessionClosed`` are bugs.
        if isinstance(error, (StorageError, SessionClosed)):
            return StorageError.wrap(error)
        wrapped = StorageError.wrap(error, str(getattr(error, "filename", None) or self._content.folder.root))
        # All jobs of a torrent may raise the same one: it is logged once.
        if not isinstance(error, OSError) and wrapped.reason != self._logged_reason:
            self._logged_reason = wrapped.reason
            _log.error("a disk job of %s raised", self._metainfo.name, exc_info=error)
        return wrapped

    def _may_begin(self, task: _Task) -> bool:
        return not self._exclusive_running and not (task.exclusive and self._unanswered)

    def _begin(self, task: _Task) -> None:
        self._pool.submit(task.job, task.answer, background=task.background, urgent=task.urgent)
        self._unanswered += 1
        self._exclusive_running = task.exclusive

    def _begin_waiting(self) -> None:
        while self._waiting and self._may_begin(self._waiting[0]):
            task = self._waiting.popleft()
            try:
                self._begin(task)
            except SessionClosed as error:
                self._unanswered += 1
                task.answer(Outcome(error=error))
        if not self._unanswered and not self._waiting:
            self._close_now()

    def _submit_in_order(
        self, job: Callable[[], T], deliver: Callable[[T], None], failed: Callable[[StorageError], T]
    ) -> None:
        def start() -> None:
            self._submit(job, answer, failed, background=True)

        def answer(value: T) -> None:
            try:
                deliver(value)
            finally:
                self._ordered.popleft()
                self._start_next()

        if not self._ordered:
            start()
        self._ordered.append((start, lambda error: deliver(failed(error))))

    def _start_next(self) -> None:
        while self._ordered:
            start, refuse = self._ordered[0]
            try:
                start()
                return
            except SessionClosed as error:
                self._ordered.popleft()
                refuse(StorageError.wrap(error))

    def _remember(self, resume: Resume) -> None:
        self._resume_file.store(resume)
        self._resume_file.keep_metadata(self._metainfo)

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
    exclusive: bool
    urgent: bool


def _run(action: Callable[..., None], *arguments: object) -> Done:
    try:
        action(*arguments)
    except StorageError as error:
        return Done(bare(error))
    return Done(None)

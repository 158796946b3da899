"""``TorrentView``: what a client shows of its torrent: the status, the metainfo, the files, and the rate limits."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Iterator, List, Optional, Tuple

from .explanation import Explanation, explain
from .file import File
from .metainfo.metainfo import Metainfo
from .runtime import Runtime
from .status import Row, Status
from .status_view import StatusView
from .torrent_handle import TorrentHandle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TorrentView(StatusView):
    """Base of a client: properties that read what the network thread has, and never wait for it."""

    _handle: TorrentHandle
    _session: Runtime
    _basedir: str

    def status(self) -> Status:
        """Return the newest snapshot at once; it works after ``close`` too."""
        return self._handle.status

    def explain(self) -> Explanation:
        """Return what the torrent is doing, and what keeps it from finishing, at once; ``print`` shows the text.

        It works after ``close`` too.
        """
        return explain(self._handle.status)

    @property
    def metainfo(self) -> Optional[Metainfo]:
        """The content of the .torrent file; None before the metadata of a magnet link is known."""
        return self._handle.torrent.metadata.metainfo

    @property
    def session(self) -> Runtime:
        """The session: the one that the client was given, or the one that it made."""
        return self._session

    @property
    def basedir(self) -> str:
        """Absolute path of the folder of the files."""
        payload = self._handle.torrent.payload
        return self._basedir if payload is None else payload.paths.basedir

    @property
    def peerid(self) -> bytes:
        """Peer id of the client, 20 bytes."""
        return self._session._engine.peerid

    @property
    def download_limit(self) -> int:
        """Most bytes a second received from all peers, 0 for no limit; may be set at any time.

        Setting it raises SettingsError for a value that is no rate.
        """
        return int(self._handle.torrent.limits.read_throttle.rate)

    @download_limit.setter
    def download_limit(self, rate: int) -> None:
        self._handle.torrent.limits.read_throttle.rate = rate

    @property
    def upload_limit(self) -> int:
        """Most bytes a second sent to all peers, 0 for no limit; may be set at any time."""
        return int(self._handle.torrent.limits.write_throttle.rate)

    @upload_limit.setter
    def upload_limit(self, rate: int) -> None:
        self._handle.torrent.limits.write_throttle.rate = rate

    @property
    def super_seeding(self) -> bool:
        """Whether a seed offers each peer only a few pieces at a time (BEP 16); may be set at any time.

        It is for the first seed of a torrent, on a line that is slow for it: others have all pieces after about one
        upload of the torrent, as what one peer got it must pass on before it is offered more.  It becomes false when
        another seed is met.  Setting it to true closes the connections of a seed, as their peers must not know what
        it has; they come again.  Setting it raises MetadataUnknown before the metadata of a magnet link is known, and
        SessionClosed if the client is closed.
        """
        return self._handle.torrent.super_seeding

    @super_seeding.setter
    def super_seeding(self, on: bool) -> None:
        torrent = self._handle.torrent
        self._handle.call(lambda: torrent.content.seed_mode.ask(bool(on)))

    @property
    def files(self) -> Tuple[File, ...]:
        """The files, padding included, in the order of the torrent; none before the metadata is known."""
        files = () if self.metainfo is None else self.metainfo.files
        return tuple([File(self._handle, index, self) for index in range(len(files))])

    def file_rows(self) -> List[Row]:
        """Return a flat dict for each file but padding; ``pandas.DataFrame`` takes the list as it is.

        Returns:
            ``index``, ``name`` (path below the folder of the client, with ``/``), ``length``, ``downloaded`` (bytes),
            ``progress`` (0 to 1), ``priority`` and ``path`` (absolute); no row before the metadata is known.
        """
        return list(self._file_rows())

    def history(self) -> List[Row]:
        """Return the rates of the last hour by seconds, and those of the last day by minutes, the oldest first.

        Seconds in which the torrent was idle or stopped are left out.

        Returns:
            Flat dicts for ``pandas.DataFrame``: ``time`` (seconds since 1970), ``download_rate`` and ``upload_rate``
            (bytes a second).
        """
        offset = time.time() - time.monotonic()
        return [
            {"time": sample.time + offset, "download_rate": sample.download_rate, "upload_rate": sample.upload_rate}
            for sample in self._handle.torrent.rates.history.samples()
        ]

    def plot(self) -> Figure:
        """Draw the rates over time, the pieces, and what each peer sent and received; it works after ``close`` too.

        Returns:
            A ``matplotlib.figure.Figure``, which a notebook shows.  The state of ``pyplot`` is neither used nor
            changed, and no display is needed: ``figure.savefig("rates.png")`` writes it.

        Raises:
            ImportError: If matplotlib (the extra ``plot``) is not installed.
        """
        from .notebook.figure import plot

        now = time.monotonic()
        samples = self._handle.torrent.rates.history.samples()
        return plot(self.status(), [(sample.time - now, *sample[1:]) for sample in samples])

    def _card(self, status: Status, note: str = "") -> str:
        from .notebook.cards import MAX_FILES, client_card

        files = () if self.metainfo is None else self.metainfo.files
        count = len(files) - sum([file.pad for file in files])
        return client_card(status, list(itertools.islice(self._file_rows(), MAX_FILES)), count, note)

    def _repr_html_(self) -> str:
        return self._card(self.status())

    def _file_rows(self) -> Iterator[Row]:
        files = () if self.metainfo is None else self.metainfo.files
        return (File(self._handle, index, self).as_row() for index, file in enumerate(files) if not file.pad)

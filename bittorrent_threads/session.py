"""A session: one listening port, one network thread, one disk pool, and clients that share them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple

from .client import Client
from .options import FolderPath, Source, TorrentOptions
from .runtime import Runtime
from .session_dht import SessionDht

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Session(Runtime):
    """The port, threads and limits that several clients share.

    The threads start with the session.  Use it as a context manager, or ``close`` it.

    Args:
        settings: Limits, budgets and times; the defaults if it is None.

    Raises:
        ThreadError: If the system cannot start a thread.
    """

    def add(self, source: Source, basedir: FolderPath = ".", **options: Unpack[TorrentOptions]) -> Client:
        """Return a new client in this session.

        Args:
            source: The torrent, as for :class:`Client`.
            basedir: The folder of its files.
            **options: Keyword arguments of :class:`Client`, besides ``port``, ``session`` and ``settings``.

        Raises:
            MetainfoError: If the torrent cannot be used.
            StateError: If the session has the torrent already, or an option is wrong.
            SettingsError: If a limit or the URL of a tracker is wrong.
            ListenError: If no port could be bound, with ``Settings.port_strict``.
            SessionClosed: If the session is closed.
        """
        return Client(source, basedir, session=self, **options)

    @property
    def dht(self) -> SessionDht:
        """The node of the session in the distributed hash table (BEP 5)."""
        return SessionDht(self)

    @property
    def clients(self) -> Tuple[Client, ...]:
        """The clients of this session that are not closed."""
        return tuple([client for client in super().clients if isinstance(client, Client)])

    def _repr_html_(self) -> str:
        from .notebook.cards import session_card

        statuses = [client.status() for client in self.clients]
        return session_card(statuses, self.port, (self.download_limit, self.upload_limit), closed=self.closed)

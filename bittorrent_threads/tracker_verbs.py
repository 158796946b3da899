"""The verbs of a client that concern its trackers."""

from __future__ import annotations

from typing import Iterable, Tuple, Union

from .metainfo.urls import Trackers, given_tiers
from .status import ScrapeResult
from .timeouts import check_timeout
from .torrent_handle import TorrentHandle


class TrackerVerbs:
    """Base of a client, which has the torrent; its trackers are in ``trackers``."""

    _handle: TorrentHandle

    def reannounce(self) -> None:
        """Announce to the trackers as soon as the least interval of each allows, and at once to those that failed.

        Nothing happens while the client is stopped.

        Raises:
            SessionClosed: If the client is closed.
        """
        self._handle.call(self._handle.torrent.reannounce)

    def add_trackers(self, trackers: Trackers) -> None:
        """Announce to more trackers, until the client is closed; they come after those that it has.

        Args:
            trackers: A URL, URLs (each a tier) or a list of tiers (BEP 12).

        Raises:
            SettingsError: If a URL cannot be used.
            SessionClosed: If the client is closed.
        """
        tiers = given_tiers(trackers)
        self._handle.call(lambda: self._handle.torrent.announces.add(tiers))

    def remove_trackers(self, trackers: Union[str, Iterable[str]]) -> None:
        """Forget trackers, until the client is closed; those that know the client are told that it stopped.

        Args:
            trackers: A URL or URLs, as they are or as ``TrackerStatus.url`` shows them; others are ignored.

        Raises:
            SessionClosed: If the client is closed.
        """
        urls = {trackers} if isinstance(trackers, str) else set(trackers)
        self._handle.call(lambda: self._handle.torrent.announces.remove(urls))

    def replace_trackers(self, trackers: Trackers) -> None:
        """Use other trackers in place of all, until the client is closed; those that it has already keep their state.

        Args:
            trackers: A URL, URLs (each a tier) or a list of tiers (BEP 12); no URL for no tracker.

        Raises:
            SettingsError: If a URL cannot be used.
            SessionClosed: If the client is closed.
        """
        tiers = given_tiers(trackers)
        self._handle.call(lambda: self._handle.torrent.announces.replace(tiers))

    def scrape(self, timeout: float = 20.0) -> Tuple[ScrapeResult, ...]:
        """Ask the trackers for the size of the swarm, in any state, without announcing (BEP 48, BEP 15).

        The counts are in ``trackers`` from then on, too.

        Args:
            timeout: Most seconds for all trackers together.

        Returns:
            A result for each tracker, in the order of ``trackers``.  Of a private torrent only the tracker that is used
            is asked (BEP 27).

        Raises:
            ValueError: If ``timeout`` is negative.
            SessionClosed: If the client is closed.
        """
        check_timeout(timeout)
        reply = self._handle.reply()
        self._handle.call(lambda: self._handle.torrent.announces.scrape(timeout, reply.set))
        results: Tuple[ScrapeResult, ...] = reply.wait()
        return results

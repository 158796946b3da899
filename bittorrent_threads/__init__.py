"""BitTorrent for blocking Python: ``download`` downloads a torrent, ``Client`` also seeds, ``Session`` shares a port.

    import bittorrent_threads as bt
    bt.download("debian.torrent", "downloads")

The names of the package are imported when they are first used, so that ``import bittorrent_threads`` is fast.  It
raises ImportError if the package ``bencoder`` is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from .lazy_names import lazy_names
from .metainfo import encoder as _encoder  # noqa: F401  # raises ImportError if bencoder is missing
from .version import __version__ as __version__

if TYPE_CHECKING:
    __all__: List[str]
    from . import events as events
    from .blocking_download import Download as Download
    from .blocking_download import download as download
    from .client import Client as Client
    from .disk.create import create as create
    from .errors import BencodeError as BencodeError
    from .errors import BitTorrentError as BitTorrentError
    from .errors import Cancelled as Cancelled
    from .errors import ListenError as ListenError
    from .errors import MetadataUnknown as MetadataUnknown
    from .errors import MetainfoError as MetainfoError
    from .errors import SessionClosed as SessionClosed
    from .errors import SettingsError as SettingsError
    from .errors import Stalled as Stalled
    from .errors import StateError as StateError
    from .errors import StorageError as StorageError
    from .errors import ThreadError as ThreadError
    from .errors import TrackerError as TrackerError
    from .errors import WaitTimeout as WaitTimeout
    from .explanation import Explanation as Explanation
    from .hashcheck import Hashcheck as Hashcheck
    from .hashcheck import HashcheckResult as HashcheckResult
    from .ip_filter import IpFilter as IpFilter
    from .metainfo.edit import edit as edit
    from .metainfo.magnet import Magnet as Magnet
    from .metainfo.metainfo import Metainfo as Metainfo
    from .progress_bar import Report as Report
    from .session import Session as Session
    from .session_dht import DhtPeers as DhtPeers
    from .session_dht import SessionDht as SessionDht
    from .settings import Settings as Settings
    from .several_clients import Outcome as Outcome
    from .several_clients import WaitAllResult as WaitAllResult
    from .several_clients import as_completed as as_completed
    from .several_clients import wait_all as wait_all
    from .source_answer import SourceAnswer as SourceAnswer
    from .status import DhtFamilyStatus as DhtFamilyStatus
    from .status import DhtSearchStatus as DhtSearchStatus
    from .status import DhtStatus as DhtStatus
    from .status import LocalDiscoveryStatus as LocalDiscoveryStatus
    from .status import PeerStatus as PeerStatus
    from .status import ScrapeResult as ScrapeResult
    from .status import Status as Status
    from .status import TrackerStatus as TrackerStatus
    from .swarm.blocklist import Blocklist as Blocklist
    from .tracker import Tracker as Tracker
else:
    _names, __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "blocking_download": ("Download", "download"),
            "client": ("Client",),
            "disk.create": ("create",),
            "errors": (
                "BencodeError",
                "BitTorrentError",
                "Cancelled",
                "ListenError",
                "MetadataUnknown",
                "MetainfoError",
                "SessionClosed",
                "SettingsError",
                "Stalled",
                "StateError",
                "StorageError",
                "ThreadError",
                "TrackerError",
                "WaitTimeout",
            ),
            "events": (),
            "explanation": ("Explanation",),
            "hashcheck": ("Hashcheck", "HashcheckResult"),
            "ip_filter": ("IpFilter",),
            "metainfo.edit": ("edit",),
            "metainfo.magnet": ("Magnet",),
            "metainfo.metainfo": ("Metainfo",),
            "progress_bar": ("Report",),
            "session": ("Session",),
            "session_dht": ("DhtPeers", "SessionDht"),
            "settings": ("Settings",),
            "several_clients": ("Outcome", "WaitAllResult", "as_completed", "wait_all"),
            "source_answer": ("SourceAnswer",),
            "status": (
                "DhtFamilyStatus",
                "DhtSearchStatus",
                "DhtStatus",
                "LocalDiscoveryStatus",
                "PeerStatus",
                "ScrapeResult",
                "Status",
                "TrackerStatus",
            ),
            "swarm.blocklist": ("Blocklist",),
            "tracker": ("Tracker",),
        },
    )
    __all__ = ["__version__", *_names]

"""BitTorrent for blocking Python: ``download`` downloads a torrent, ``Client`` also seeds, ``Session`` shares a port.

    import bittorrent_threads as bt
    bt.download("debian.torrent", "downloads")

The names of the package are imported when they are first used, so that ``import bittorrent_threads`` is fast.  It
raises ImportError if the package ``bencoder`` is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from .metainfo import encoder as _encoder  # noqa: F401  # raises ImportError if bencoder is missing
from .version import __version__

if TYPE_CHECKING:
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

_WHERE = {
    "Blocklist": "swarm.blocklist",
    "Client": "client",
    "DhtFamilyStatus": "status",
    "DhtPeers": "session_dht",
    "DhtSearchStatus": "status",
    "DhtStatus": "status",
    "Download": "blocking_download",
    "Explanation": "explanation",
    "Hashcheck": "hashcheck",
    "HashcheckResult": "hashcheck",
    "IpFilter": "ip_filter",
    "LocalDiscoveryStatus": "status",
    "Magnet": "metainfo.magnet",
    "Metainfo": "metainfo.metainfo",
    "Outcome": "several_clients",
    "PeerStatus": "status",
    "Report": "progress_bar",
    "ScrapeResult": "status",
    "Session": "session",
    "SessionDht": "session_dht",
    "Settings": "settings",
    "SourceAnswer": "source_answer",
    "Status": "status",
    "Tracker": "tracker",
    "TrackerStatus": "status",
    "WaitAllResult": "several_clients",
    "as_completed": "several_clients",
    "create": "disk.create",
    "download": "blocking_download",
    "edit": "metainfo.edit",
    "wait_all": "several_clients",
    **dict.fromkeys(
        [
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
        ],
        "errors",
    ),
}

__all__ = ["__version__", "events", *sorted(_WHERE)]


def __getattr__(name: str) -> object:
    import importlib

    if name == "events":
        return importlib.import_module(".events", __name__)
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f".{where}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})

"""What a client is made from: the source of its torrent, and the keyword arguments of ``Client``."""

from __future__ import annotations

import errno
import os
import stat
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, TypedDict, Union

from .errors import MetainfoError, SettingsError, StateError, StorageError
from .event_dispatcher import Callback
from .metainfo.magnet import Magnet, is_magnet
from .metainfo.metainfo import Metainfo
from .metainfo.urls import HTTP_SCHEMES, Trackers, scheme_of
from .runtime import Runtime
from .settings import Settings
from .text import masked

FolderPath = Union[str, os.PathLike[str]]
Source = Union[str, os.PathLike[str], bytes, bytearray, memoryview, Metainfo, Magnet]
PieceCache = Mapping[str, object]


class TorrentOptions(TypedDict, total=False):
    """The keyword arguments of ``Session.add``, with the meaning that they have for ``Client``."""

    state: str
    on_hash_pass: Optional[Callback]
    on_hash_fail: Optional[Callback]
    piece_cache: Optional[PieceCache]
    peers: Iterable[Tuple[str, int]]
    trackers: Trackers
    priorities: Optional[Sequence[int]]
    stop_at_metadata: bool
    sequential: bool
    super_seeding: bool
    allocate: str
    resume: Union[bool, FolderPath]
    download_limit: int
    upload_limit: int


class ClientOptions(TorrentOptions, total=False):
    """The keyword arguments of ``Client``, and of ``download``."""

    port: int
    session: Optional[Runtime]
    settings: Optional[Settings]


def given_folder(path: FolderPath, name: str = "basedir") -> str:
    """Return the absolute path of a folder that is there, or that can be made when it is used.

    Whether it may be written is seen then, as that can change.

    Args:
        path: The path that a program gives.
        name: Name of the argument.

    Raises:
        StorageError: If the path, or one above it, is no folder.
        TypeError: If it is no path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"{name} must be the path of a folder, not {path!r}")
    folder = place = os.path.abspath(os.fspath(path))
    while True:
        try:
            mode = os.stat(place).st_mode
        except (FileNotFoundError, NotADirectoryError):
            place, below = os.path.dirname(place), place
            if place == below:
                return folder
        except (OSError, ValueError):
            return folder  # the disk gives the error of the path when the path is used
        else:
            break
    if stat.S_ISDIR(mode):
        return folder
    fault = "is not a folder" if place == folder else f"cannot be made, as {place} is not a folder"
    raise StorageError(f"{fault}: give a folder, which is made if it is not there", folder, errno.ENOTDIR)


def given_peers(peers: Iterable[Tuple[str, int]]) -> List[Tuple[str, int]]:
    """Return the addresses of peers that a program gives.

    Raises:
        TypeError: If they are not pairs of a host and a port.
        ValueError: If a port is not 1 to 65535.
    """
    if isinstance(peers, (str, bytes)) or not isinstance(peers, Iterable):
        raise TypeError(f"peers must be pairs of a host and a port, such as [('192.0.2.1', 6881)], not {peers!r}")
    return [
        given_peer(*peer) if isinstance(peer, (tuple, list)) and len(peer) == 2 else given_peer(peer) for peer in peers
    ]


def given_peer(host: object, port: object = None) -> Tuple[str, int]:
    """Return the address of a peer that a program gives.

    Raises:
        TypeError: If the host is no text, or the port no integer.
        ValueError: If the port is not 1 to 65535.
    """
    if not isinstance(host, str) or not isinstance(port, (int, str)) or isinstance(port, bool):
        given = host if port is None else (host, port)
        raise TypeError(f"a peer is a host and a port, such as ('192.0.2.1', 6881), not {given!r}")
    if not str(port).lstrip("-").isdecimal():
        raise ValueError(f"port {port!r} of peer {host} is no number")
    if not 0 < int(port) < 65536:
        raise ValueError(f"port {port} of peer {host} is not 1 to 65535")
    return host, int(port)


def torrents_of(sources: Sequence[str], settings: Settings) -> List[Union[Metainfo, Magnet]]:
    """Return the torrents of several sources.

    Raises:
        MetainfoError: If one of them is bad.
        SettingsError: If two of them are of one torrent.
    """
    torrents = [torrent_of(source, settings) for source in sources]
    first: Dict[bytes, str] = {}
    for source, torrent in zip(sources, torrents):
        if torrent.infohash in first:
            raise SettingsError("sources", f"{first[torrent.infohash]} and {source} are the same torrent")
        first[torrent.infohash] = source
    return torrents


def used_settings(session: Optional[Runtime], settings: Optional[Settings], port: int) -> Settings:
    """Return the settings of the session that a client shares or makes.

    Args:
        session: The session that it is given, if any.
        settings: Those that it is given for a session of its own.
        port: The listening port of a session of its own; 0 for that of the settings.

    Raises:
        StateError: If the client is given a session and what only a session of its own could have.
    """
    if session is not None and not isinstance(session, Runtime):
        raise StateError("Client", f"session must be a Session, not {type(session).__name__}")
    if settings is not None and not isinstance(settings, Settings):
        raise StateError("Client", f"settings must be Settings, not {type(settings).__name__}")
    if session is None:
        settings = settings or Settings()
        return settings.replace(port=port or settings.port)
    if settings is not None or port:
        raise StateError("Client", "settings and port are those of the session it is given")
    return session.settings


def check_choice(name: str, given: str, choices: Sequence[str]) -> None:
    """Raise StateError if an argument of a client is none of the choices."""
    if given not in choices:
        raise StateError("Client", f"{name} {given!r} is none of {', '.join(choices)}")


def torrent_of(source: Source, settings: Settings) -> Union[Metainfo, Magnet]:
    """Return the torrent that a source is.

    Args:
        source: Path of a .torrent file, its content, what was read of one, or a magnet link.
        settings: Its ``max_metainfo_size`` limits the size of the file.

    Raises:
        MetainfoError: If the torrent cannot be used.
    """
    unknown: Any = source  # whatever a program without type checks gives
    if isinstance(source, (Metainfo, Magnet)):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Metainfo.parse(bytes(source), max_size=settings.max_metainfo_size)
    if isinstance(source, str) and is_magnet(source):
        return Magnet.parse(source)
    if isinstance(source, str) and scheme_of(source) in HTTP_SCHEMES:
        raise MetainfoError("is a URL: download the .torrent file, and give its path", source=masked(source))
    if isinstance(unknown, (str, os.PathLike)):
        return Metainfo.load(os.fspath(source), max_size=settings.max_metainfo_size)
    raise MetainfoError(f"a source is a path, bytes, a Metainfo or a magnet link, not {type(unknown).__name__}")

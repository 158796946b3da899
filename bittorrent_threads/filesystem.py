"""The files of a torrent as an fsspec file system, ``torrent://``, for pandas, pyarrow, Dask and others.

It needs the package ``fsspec`` (extra ``fsspec``), which finds this class by its entry point.  Nothing is downloaded
but what is read.  The rule: file systems of one torrent share one client, also those of several threads, for which
fsspec makes file systems of their own.  The client is closed with the last of them, or at the end of the interpreter.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import shutil
import tempfile
import threading
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from .client import Client
from .errors import BitTorrentError, SessionClosed
from .metainfo.magnet import Magnet, is_magnet
from .metainfo.metainfo import Metainfo
from .options import FolderPath, Source, given_folder, torrent_of
from .reading.file_choice import file_names
from .reading.file_reader import FileReader
from .settings import Settings

try:
    import fsspec
    from fsspec.spec import AbstractFileSystem
    from fsspec.utils import tokenize
except ImportError as error:
    raise ImportError(
        "the file system torrent:// needs the package fsspec: pip install 'bittorrent_threads[fsspec]'"
    ) from error

BUFFER_SIZE = 64 * 1024
"""Bytes that an open file reads at least."""
MAX_RANGES = 32
"""Ranges of ``cat_ranges`` that are requested at once."""

Entry = Dict[str, Any]


class TorrentFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """The files of one torrent, read only.

    Paths are those in the torrent, with ``/`` between the components.  As with archives, the torrent is the second part
    of a chained URL, ``torrent://set/table.csv::/path/to/set.torrent``, or a storage option:
    ``pandas.read_csv("torrent://set/table.csv", storage_options={"source": "magnet:?..."})``.  The name of the torrent
    in front of a path may be left out.

    Args:
        fo: The .torrent file: a path or URL of another file system of fsspec; the chained URL gives it.
        source: Instead of ``fo``, what ``Client`` takes: a path, the bytes of a .torrent file, a magnet link, ...
        basedir: Folder of the data, which stays there.  By default a temporary folder, which is removed in the end.
        peers: Addresses to connect to, as ``(host, port)``.
        settings: Settings of the session.
        timeout: Most seconds that one read waits; None for no limit.
        stall_timeout: Most seconds that one read waits without progress; None for no limit.
        target_protocol: File system of ``fo``.
        target_options: Its options.
        **storage_options: Those of every file system.

    Raises:
        ValueError: If neither ``fo`` nor ``source`` is given, or both are.
        MetainfoError: If the torrent cannot be used.
    """

    protocol = "torrent"
    root_marker = ""

    def __init__(
        self,
        fo: str = "",
        *,
        source: Optional[Source] = None,
        basedir: Optional[FolderPath] = None,
        peers: Iterable[Tuple[str, int]] = (),
        settings: Optional[Settings] = None,
        timeout: Optional[float] = None,
        stall_timeout: Optional[float] = 60.0,
        target_protocol: Optional[str] = None,
        target_options: Optional[Mapping[str, Any]] = None,
        **storage_options: Any,  # noqa: ANN401 - of fsspec
    ) -> None:
        super().__init__(**storage_options)
        if bool(fo) == (source is not None):
            raise ValueError(
                "give one torrent: as the second part of the URL, torrent://inner/path::/path/to.torrent, or as source="
            )
        if source is None and is_magnet(fo):
            source = fo
        elif source is None:
            with fsspec.open(fo, "rb", protocol=target_protocol, **(target_options or {})) as file:
                source = file.read()
        torrent = torrent_of(source, settings or Settings())
        self.timeout = timeout
        self.stall_timeout = stall_timeout
        options = {"settings": settings, "peers": [tuple(peer) for peer in peers]}
        folder = None if basedir is None else given_folder(basedir)
        token: str = tokenize(torrent.infohash, folder, repr(options))
        self._closed = False
        self._shared = _acquire(token, torrent, folder, options)

    @property
    def client(self) -> Client:
        """The client of the torrent; with a magnet link the metadata is waited for."""
        return self._shared.open(self.timeout, self.stall_timeout)

    @property
    def fsid(self) -> str:
        """What tells this file system from others: the infohash."""
        return f"torrent_{self._shared.torrent.infohash.hex()}"

    def close(self) -> None:
        """Close the client if no other file system uses it; the data in a temporary folder is removed."""
        if not self._closed:
            self._closed = True
            type(self)._cache.pop(getattr(self, "_fs_token_", None), None)
            _release(self._shared)

    # -- what there is -------------------------------------------------------------------------------------------------

    def ls(self, path: str, detail: bool = True, **kwargs: object) -> Union[List[Entry], List[str]]:
        """List a folder.

        Args:
            path: The folder, or a file.
            detail: Whether to return dictionaries with ``name``, ``size`` and ``type``, or names.
            **kwargs: Ignored.

        Raises:
            FileNotFoundError: If there is no such folder.
        """
        entry = self.info(path)
        found = [entry] if entry["type"] == "file" else self._shared.children(entry["name"])
        return found if detail else [each["name"] for each in found]

    def info(self, path: str, **kwargs: object) -> Entry:
        """Describe a file or folder.

        Args:
            path: The file or folder.
            **kwargs: Ignored.

        Returns:
            A dictionary with ``name``, ``size``, ``type`` and, of a file, ``index``.

        Raises:
            FileNotFoundError: If there is none.
        """
        self._require_open()
        metainfo = self.client.metainfo
        assert metainfo is not None
        tree, name = self._shared.tree, self._strip_protocol(path).strip("/")
        entry = tree.get(name) or tree.get(f"{metainfo.name}/{name}")
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, f"the torrent {metainfo.name!r} has no such file or folder", name)
        return dict(entry)

    def ukey(self, path: str) -> str:
        """Return what identifies the content of a file, which never changes.

        Args:
            path: The file.
        """
        key: str = tokenize(self.fsid, self.info(path)["name"])
        return key

    # -- reading -------------------------------------------------------------------------------------------------------

    def cat_file(self, path: str, start: Optional[int] = None, end: Optional[int] = None, **kwargs: object) -> bytes:
        """Return the content of a file or a part of it.

        Args:
            path: The file.
            start: First byte; counted from the end if it is negative.
            end: The byte behind the last one, likewise.
            **kwargs: Ignored.
        """
        with self._reader(path, readahead=0) as file:
            begin, stop = _range(file.length, start, end)
            file.seek(begin)
            file.expect(stop - begin)
            return _read(file, stop - begin)

    def cat_ranges(
        self,
        paths: List[str],
        starts: Union[int, Sequence[Optional[int]], None],
        ends: Union[int, Sequence[Optional[int]], None],
        max_gap: Optional[int] = None,
        on_error: str = "return",
        **kwargs: object,
    ) -> List[Union[bytes, Exception]]:
        """Return parts of files, all of which are requested at once.

        Args:
            paths: The file of each part.
            starts: The first byte of each, or of all.
            ends: The byte behind the last one of each, or of all.
            max_gap: Ignored: what two parts share is downloaded once.
            on_error: ``return`` (an exception in place of the bytes) or ``raise``.
            **kwargs: Ignored.

        Raises:
            TypeError: If ``paths`` is no list.
            ValueError: If the lists have different lengths.
        """
        if not isinstance(paths, list):
            raise TypeError(f"paths must be a list, not {type(paths).__name__}")
        begins = [starts] * len(paths) if starts is None or isinstance(starts, int) else list(starts)
        stops = [ends] * len(paths) if ends is None or isinstance(ends, int) else list(ends)
        if not len(begins) == len(stops) == len(paths):
            raise ValueError(f"{len(paths)} paths, {len(begins)} starts and {len(stops)} ends")
        found: List[Union[bytes, Exception]] = []
        for first in range(0, len(paths), MAX_RANGES):
            some = slice(first, first + MAX_RANGES)
            found += self._cat(list(zip(paths[some], begins[some], stops[some])), raising=on_error != "return")
        return found

    def _cat(
        self, parts: List[Tuple[str, Optional[int], Optional[int]]], *, raising: bool
    ) -> List[Union[bytes, Exception]]:
        found: List[Union[bytes, Exception]] = []
        with contextlib.ExitStack() as stack:
            opened: List[Union[Tuple[FileReader, int], Exception]] = []
            for path, start, end in parts:
                try:
                    file = stack.enter_context(self._reader(path, readahead=0))
                    begin, stop = _range(file.length, start, end)
                    file.seek(begin)
                    file.expect(stop - begin)
                    opened.append((file, stop - begin))
                except (OSError, BitTorrentError) as failure:
                    if raising:
                        raise
                    opened.append(failure)
            for each in opened:
                try:
                    found.append(each if isinstance(each, Exception) else _read(*each))
                except (OSError, BitTorrentError) as failure:
                    if raising:
                        raise
                    found.append(failure)
        return found

    def _open(
        self, path: str, mode: str = "rb", block_size: Optional[int] = None, **kwargs: object
    ) -> io.BufferedReader:
        if mode != "rb":
            raise OSError(errno.EROFS, f"mode {mode!r}: the files of a torrent are read only", path)
        return io.BufferedReader(self._reader(path), block_size or BUFFER_SIZE)

    def _reader(self, path: str, *, readahead: Optional[int] = None) -> FileReader:
        entry = self.info(path)
        if entry["type"] != "file":
            raise IsADirectoryError(errno.EISDIR, "is a folder of the torrent", path)
        return self.client.open(
            entry["index"], readahead=readahead, timeout=self.timeout, stall_timeout=self.stall_timeout
        )

    def _require_open(self) -> None:
        if self._closed:
            raise SessionClosed("the file system is closed")


def _range(length: int, start: Optional[int], end: Optional[int]) -> Tuple[int, int]:
    """The first byte and the one behind the last, as a slice has them."""
    begin, stop, _ = slice(start, end).indices(length)
    return begin, max(begin, stop)


def _read(file: FileReader, size: int) -> bytes:
    data = bytearray(size)
    with memoryview(data) as view:
        done = 0
        while done < size:
            done += file.readinto(view[done:])
    return bytes(data)


class _Shared:
    """The client of all file systems of one torrent."""

    def __init__(
        self, token: str, torrent: Union[Metainfo, Magnet], basedir: Optional[str], options: Mapping[str, Any]
    ) -> None:
        self.token = token
        self.torrent = torrent
        self.uses = 0
        self.tree: Dict[str, Entry] = {}
        """The files and folders by path; the root has the empty path.  Empty until the metadata is known."""
        self._basedir = basedir
        self._options = options
        self._client: Optional[Client] = None
        self._folder = ""
        """The temporary folder, if there is one."""
        self._lock = threading.Lock()

    def open(self, timeout: Optional[float], stall_timeout: Optional[float]) -> Client:
        """The client, whose metadata is known; the first call makes it."""
        with self._lock:
            client = self._client
            if client is None:
                if self._basedir is None and not self._folder:
                    self._folder = tempfile.mkdtemp(prefix="bittorrent_threads-")
                client = self._client = self._start(self._basedir or self._folder)
            if not self.tree:
                if client.metainfo is None or client.state == "stopped":
                    client.wait("metadata", timeout, stall_timeout)
                    assert client.metainfo is not None
                    client.set_priorities(dict.fromkeys(range(len(client.metainfo.files)), 0))
                    client.start()
                assert client.metainfo is not None
                self.tree = _tree(client.metainfo)
            return client

    def _start(self, basedir: str) -> Client:
        torrent = self.torrent
        if isinstance(torrent, Magnet):
            return Client(torrent, basedir, stop_at_metadata=True, **self._options)
        return Client(torrent, basedir, priorities=[0] * len(torrent.files), **self._options)

    def children(self, folder: str) -> List[Entry]:
        """What is in a folder."""
        return [dict(entry) for name, entry in self.tree.items() if name and _parent(name) == folder]

    def close(self) -> None:
        """Close the client, and remove the temporary folder."""
        with self._lock:
            client, folder = self._client, self._folder
        if client is not None:
            client.close()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _tree(metainfo: Metainfo) -> Dict[str, Entry]:
    tree: Dict[str, Entry] = {"": {"name": "", "size": 0, "type": "directory"}}
    for index, name in enumerate(file_names(metainfo)):
        if not name:
            continue
        folder = _parent(name)
        while folder and folder not in tree:
            tree[folder] = {"name": folder, "size": 0, "type": "directory"}
            folder = _parent(folder)
        tree[name] = {"name": name, "size": metainfo.files[index].length, "type": "file", "index": index}
    return tree


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


_clients: Dict[str, _Shared] = {}
_clients_lock = threading.Lock()


def _acquire(
    token: str, torrent: Union[Metainfo, Magnet], basedir: Optional[str], options: Mapping[str, Any]
) -> _Shared:
    with _clients_lock:
        shared = _clients.get(token)
        if shared is None:
            shared = _clients[token] = _Shared(token, torrent, basedir, options)
        shared.uses += 1
        return shared


def _release(shared: _Shared) -> None:
    with _clients_lock:
        shared.uses -= 1
        last = not shared.uses
        if last:
            _clients.pop(shared.token, None)
    if last:
        shared.close()


def _close_all() -> None:
    with _clients_lock:
        every = list(_clients.values())
        _clients.clear()
    for shared in every:
        shared.close()


def _after_fork() -> None:
    global _clients_lock
    _clients_lock = threading.Lock()
    _clients.clear()  # the clients and their folders belong to the parent


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

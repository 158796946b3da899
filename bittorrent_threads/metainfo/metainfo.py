"""``Metainfo``: a .torrent file of version 1, or the version 1 side of a hybrid torrent (BEP 3, 5, 12, 19, 27, 47, 52).

:meth:`Metainfo.parse` checks every key.  If a key that a download needs is missing or wrong, it raises an error that
names the key; a wrong optional key counts as absent.  The infohash is the hash of the original bytes of ``info``.
"""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from ..buffers import Buffer
from ..errors import BencodeError, MetainfoError, StorageError
from ..shown import Shown
from ..text import printable
from . import bencode
from .fields import given_text, integer, kind_of, optional_integer, required, text
from .file_list import TorrentFile, read_files
from .hashes import DIGEST_SIZE, PieceHashes
from .infohash import InfoHash
from .layout import Layout
from .magnet import MAX_NAME as MAX_MAGNET_NAME
from .magnet import Magnet
from .nodes import Node, dht_nodes
from .outer import assembled, text_key, tracker_keys, web_seed_keys
from .piece_length import MAX_PIECE_LENGTH
from .spelling import Spelling, decoder
from .urls import Trackers, given_tiers, given_web_seeds, tracker_tiers
from .urls import web_seeds as clean_web_seeds

MAX_SIZE = 32 * 1024 * 1024
"""Bytes of a .torrent file that is read or made; the largest public ones have about 15 MB."""
MAX_PIECES = 2_097_152
"""Pieces of a torrent: 262,144 bytes of a BITFIELD; libtorrent takes as many."""

_OUTER_TOKENS = 10_000  # more than the tokens outside of info that from_info writes, so that parse takes the result
_YEAR_10000 = 253_402_300_800  # no date of the standard library goes beyond it


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Metainfo(Shown):
    """The content of one .torrent file; equal to another if the infohash is equal.

    Made by :meth:`parse`, :meth:`load` and :meth:`from_info`.
    """

    _card = "metainfo_card"

    infohashes: InfoHash
    """The infohash; a hybrid torrent (BEP 52) has both sides."""
    name: str
    """The safe name of the file or folder, and the first component of every path."""
    multi_file: bool
    """Whether the files are in a folder named ``name``; so may be a single file."""
    files: Tuple[TorrentFile, ...]
    """The files in the order of their bytes, padding included."""
    layout: Layout
    """Where the pieces lie in ``files``."""
    pieces: bytes
    """The SHA-1 of each piece, 20 bytes each."""
    hashes: PieceHashes
    """Gives the verdict on the data of a piece."""
    trackers: Tuple[Tuple[str, ...], ...]
    """Tiers of usable URLs (BEP 12), in the order of the file."""
    web_seeds: Tuple[str, ...]
    """Usable URLs of ``url-list`` (BEP 19)."""
    private: bool
    """Peers come from trackers only (BEP 27)."""
    comment: Optional[str]
    """Free text; line ends and tabs are its only control characters, and it has no marks of direction."""
    created_by: Optional[str]
    """Free text: the program that made the file."""
    creation_date: Optional[int]
    """Seconds since 1970."""
    source: Optional[str]
    """Free text: the tracker that the torrent was made for; as part of ``info`` it changes the infohash."""
    spelling: Optional[Spelling]
    """The names in the torrent; None if every client stores the files under the paths in ``files``."""
    _data: bytes
    _info: Tuple[int, int]
    trackers_trusted: bool = False
    """The calling program named the trackers (see :func:`create`), so that no path is refused at private addresses."""
    nodes: Tuple[Node, ...] = ()
    """Nodes of the DHT to begin with, as host and UDP port (BEP 5)."""

    @classmethod
    def parse(cls, data: Buffer, *, max_size: int = MAX_SIZE) -> Metainfo:
        """Parse the bytes of a .torrent file.

        Args:
            data: The bytes of the file.
            max_size: Most bytes taken.

        Raises:
            TypeError: It is a text.
            BencodeError: The bytes are not bencoded; has the offset.
            MetainfoError: A key is missing or wrong, with its dotted name, or the file is too long.
        """
        if isinstance(data, str):
            raise TypeError("the content of a .torrent file is bytes, not str; Metainfo.load() takes a path")
        if len(data) > max_size:
            raise MetainfoError(f"{len(data)} bytes, where a .torrent file may have {max_size}")
        data = bytes(data)
        most = bencode.document_tokens(len(data), max_size - MAX_SIZE)
        document = bencode.decode_document(data, b"info", max_tokens=most)
        if not isinstance(document.value, dict):
            raise MetainfoError(f"a .torrent file is a dictionary, this is {kind_of(document.value)}")
        return cls._build(document.value, document.span, data)

    @classmethod
    def from_info(
        cls,
        info: Buffer,
        *,
        trackers: Sequence[Sequence[str]] = (),
        web_seeds: Sequence[str] = (),
        comment: Optional[str] = None,
        created_by: Optional[str] = None,
        creation_date: Optional[int] = None,
        max_size: int = MAX_SIZE,
    ) -> Metainfo:
        """The torrent of an info dictionary, as peers send it for a magnet link (BEP 9).

        Whether the bytes are those of the wanted torrent is not checked: see :meth:`InfoHash.matches`.

        Args:
            info: The bytes of the info dictionary; they stay as they are.
            trackers: Tiers of tracker URLs (BEP 12); those that cannot be used are left out, as in a .torrent file.
            web_seeds: URLs (BEP 19), likewise.
            comment: Free text.
            created_by: The program that made the torrent.
            creation_date: Seconds since 1970.
            max_size: Most bytes of the resulting .torrent file.

        Raises:
            BencodeError: The bytes are not one bencoded value.
            MetainfoError: A key is missing or wrong, or the .torrent file would be too long.
        """
        if len(info) > max_size:
            raise MetainfoError(f"{len(info)} bytes, where a .torrent file may have {max_size}", "info")
        info = bytes(info)
        most = bencode.document_tokens(len(info), max_size - MAX_SIZE) - _OUTER_TOKENS
        value = bencode.decode(info, max_depth=bencode.MAX_DEPTH - 1, max_tokens=most, sorted_keys=False)
        tiers = tracker_tiers(None, list(map(list, trackers)))
        outer: Dict[bytes, Any] = {
            **tracker_keys(tiers),
            **text_key(b"comment", comment),
            **text_key(b"created by", created_by),
            b"creation date": creation_date,
            **web_seed_keys(clean_web_seeds(list(web_seeds))),
        }
        data, span = assembled(outer, info)
        if len(data) > max_size:
            raise MetainfoError(f"{len(data)} bytes, where a .torrent file may have {max_size}")
        return cls._build({**outer, b"info": value}, span, data)

    @classmethod
    def _build(cls, outer: Dict[bytes, Any], span: Tuple[int, int], data: bytes) -> Metainfo:
        info: Dict[bytes, Any] = required(outer, b"info", dict)
        _check_version(info)
        codec = decoder(outer.get(b"encoding"))
        files, spelling = read_files(info, codec)
        piece_length = integer(info, b"piece length", 1, MAX_PIECE_LENGTH, "info.")
        layout = Layout([file.length for file in files], piece_length)
        pieces = _pieces(info, layout.piece_count)
        return cls(
            infohashes=InfoHash.of(data[slice(*span)], v2=info.get(b"meta version") == 2),
            name=files[0].path[0],
            multi_file=b"files" in info,
            files=files,
            layout=layout,
            pieces=pieces,
            hashes=PieceHashes(pieces),
            trackers=tracker_tiers(outer.get(b"announce"), outer.get(b"announce-list")),
            web_seeds=clean_web_seeds(outer.get(b"url-list")),
            private=isinstance(info.get(b"private"), int) and info[b"private"] != 0,
            comment=text(outer, b"comment", codec),
            created_by=text(outer, b"created by", codec),
            creation_date=optional_integer(outer, b"creation date", _YEAR_10000 - 1),
            source=text(info, b"source", codec),
            spelling=spelling,
            nodes=dht_nodes(outer.get(b"nodes")),
            _data=data,
            _info=span,
        )

    @classmethod
    def load(cls, path: Union[str, Path], *, max_size: int = MAX_SIZE) -> Metainfo:
        """Read and parse a .torrent file.

        Args:
            path: The file.
            max_size: Most bytes taken.

        Raises:
            MetainfoError: The file cannot be read or is not a valid .torrent file; ``source`` is its path.
        """
        try:
            with open(path, "rb") as file:
                data = file.read(max_size + 1)
        except IsADirectoryError as error:
            raise MetainfoError("is a folder, not a .torrent file", source=str(path)) from error
        except OSError as error:
            raise MetainfoError(error.strerror or str(error), source=str(path) or "''") from error
        except ValueError as error:  # a NUL or a lone surrogate in the path
            raise MetainfoError(str(error), source=repr(path)) from error
        if len(data) > max_size:
            raise MetainfoError(f"more than the {max_size} bytes a .torrent file may have", source=str(path))
        if data[:1] != b"d":
            reason = "is not a .torrent file, which begins with 'd'" if data else "is empty"
            raise BencodeError(reason, 0, source=str(path))
        try:
            return cls.parse(data, max_size=max_size)
        except MetainfoError as error:
            error.source = str(path)
            raise

    @property
    def infohash(self) -> bytes:
        """The 20 bytes that identify the torrent in handshakes and announces: the SHA-1 of the bytes of ``info``."""
        return self.infohashes.primary

    @property
    def piece_length(self) -> int:
        """Bytes of every piece but the last."""
        return self.layout.piece_length

    @property
    def piece_count(self) -> int:
        """Number of pieces; 0 for a torrent without a byte."""
        return self.layout.piece_count

    @property
    def total_size(self) -> int:
        """Bytes of all files, padding included."""
        return self.layout.total_size

    @property
    def info_size(self) -> int:
        """Bytes of the info dictionary."""
        begin, end = self._info
        return end - begin

    def info_bytes(self, begin: int = 0, end: Optional[int] = None) -> bytes:
        """The bytes of the info dictionary, of which the infohash is the hash; peers call them the metadata (BEP 9).

        Args:
            begin: The first byte wanted, from 0.
            end: The byte behind the last one wanted; None for all.
        """
        first, last = self._info
        return self._data[first + begin : last if end is None else min(last, first + end)]

    def magnet(self, *, peers: Sequence[Tuple[str, int]] = ()) -> Magnet:
        """The magnet link of the torrent (BEP 9): infohash, name, size, trackers and web seeds.

        A passkey in the URL of a tracker is part of the link.

        Args:
            peers: Hosts and ports of peers to name in it.
        """
        return Magnet(
            infohashes=self.infohashes,
            name=printable(self.name, MAX_MAGNET_NAME),
            trackers=tuple([url for tier in self.trackers for url in tier]),
            web_seeds=self.web_seeds,
            peers=tuple(peers),
            length=self.total_size,
        )

    def with_pieces(self, pieces: bytes) -> Metainfo:
        """The same torrent with other hashes of its pieces, as when one is made: the hashes come last.

        Args:
            pieces: 20 bytes for each piece.
        """
        said = b"6:pieces%d:" % len(pieces)
        begin, end = self._info
        at = self._data.index(said + self.pieces, begin) + len(said)
        data = b"".join((self._data[:at], pieces, self._data[at + len(pieces) :]))
        infohashes = InfoHash.of(data[begin:end], v2=self.infohashes.v2 is not None)
        return dataclasses.replace(self, infohashes=infohashes, pieces=pieces, hashes=PieceHashes(pieces), _data=data)

    def edited(
        self,
        *,
        trackers: Optional[Trackers] = None,
        web_seeds: Union[str, Iterable[str], None] = None,
        comment: Optional[str] = None,
    ) -> Metainfo:
        """The same torrent with other trackers, web seeds or comment; its infohash and every other key stay.

        What is in ``info`` (names, hashes, ``private``, ``source``) cannot be edited: it is what the infohash is the
        hash of, so that another torrent would be the result.

        Args:
            trackers: As those of :func:`create`; empty for none, None to keep those that are there.
            web_seeds: URLs (BEP 19); empty for none, None to keep those that are there.
            comment: Free text; empty for none, None to keep it.

        Raises:
            SettingsError: An argument is not valid.
        """
        most = bencode.document_tokens(len(self._data), len(self._data))
        outer: Dict[bytes, Any] = bencode.decode_document(self._data, b"info", max_tokens=most).value
        codec = decoder(outer.get(b"encoding"))
        if trackers is not None:
            outer.update(tracker_keys(tracker_tiers(None, given_tiers(trackers))))
        if web_seeds is not None:
            outer.update(web_seed_keys(clean_web_seeds(given_web_seeds(web_seeds))))
        if comment is not None:
            outer.update(text_key(b"comment", given_text("comment", comment), codec))
            outer.pop(b"comment.utf-8", None)  # some clients prefer it
        data, span = assembled(outer, self.info_bytes())
        return dataclasses.replace(
            self,
            trackers=tracker_tiers(outer.get(b"announce"), outer.get(b"announce-list")),
            web_seeds=clean_web_seeds(outer.get(b"url-list")),
            comment=text(outer, b"comment", codec),
            trackers_trusted=self.trackers_trusted or trackers is not None,
            _data=data,
            _info=span,
        )

    def to_bytes(self) -> bytes:
        """The bytes of the .torrent file, exactly as they were parsed."""
        return self._data

    def save(self, path: Union[str, Path]) -> None:
        """Write the .torrent file, completely or not at all, and replace a file that is there.

        Args:
            path: The file.  A link is followed; a pipe or device is written to directly.

        Raises:
            StorageError: The file cannot be written.
        """
        try:
            target = Path(path).resolve()
            if target.exists() and not target.is_file() and not target.is_dir():
                with target.open("wb") as stream:
                    stream.write(self._data)
                return
            draft = target.with_name(f".{self.infohash.hex()[:16]}.new")
            draft.unlink(missing_ok=True)
            try:
                # Not ``draft.open``: on Python 3.9 an interrupt inside it leaves the descriptor open.
                with open(draft, "xb") as file:
                    file.write(self._data)
                if target.exists():
                    draft.chmod(target.stat().st_mode & 0o777)  # it may have a passkey that others must not read
                draft.replace(target)
            except BaseException:
                with contextlib.suppress(OSError):
                    draft.unlink()
                raise
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links that lead to each other
            raise StorageError.wrap(error, str(path)) from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metainfo):
            return NotImplemented
        return self.infohash == other.infohash

    def __hash__(self) -> int:
        return hash(self.infohash)

    def __repr__(self) -> str:
        return (
            f"<Metainfo {self.name!r} {self.infohash.hex()}: {self.total_size} bytes in {len(self.files)} files, "
            f"{self.piece_count} pieces of {self.piece_length}>"
        )


def padding_pieces(metainfo: Metainfo) -> List[range]:
    """Ranges of pieces without a byte of a file that is not padding (BEP 47), ascending."""
    length = metainfo.piece_length
    found: List[range] = []
    begin = end = 0
    # Padding may follow padding, and files of length 0.
    for entry in (*metainfo.files, None):
        if entry is not None and (entry.pad or not entry.length):
            end += entry.length
            continue
        inside = range(-(-begin // length), metainfo.piece_count if end == metainfo.total_size else end // length)
        if inside:
            found.append(inside)
        begin = end = end + (entry.length if entry is not None else 0)
    return found


def _check_version(info: Dict[bytes, Any]) -> None:
    # BEP 52: checked first, because a newer version may have changed the other keys.
    version = info.get(b"meta version")
    if isinstance(version, int) and version > 2:
        raise MetainfoError(f"version {version} is newer than this library", "info.meta version")
    if b"pieces" not in info and (version == 2 or b"file tree" in info):
        raise MetainfoError(
            "a torrent of version 2 only, which this library cannot use yet (BEP 52)", "info.meta version"
        )


def _pieces(info: Dict[bytes, Any], count: int) -> bytes:
    pieces: bytes = required(info, b"pieces", bytes, "info.")
    if len(pieces) % DIGEST_SIZE:
        raise MetainfoError(f"{len(pieces)} bytes are no multiple of {DIGEST_SIZE}", "info.pieces")
    if count > MAX_PIECES:
        raise MetainfoError(f"{count} pieces, where a torrent may have {MAX_PIECES}", "info.pieces")
    if len(pieces) != count * DIGEST_SIZE:
        raise MetainfoError(f"{len(pieces) // DIGEST_SIZE} hashes for {count} pieces", "info.pieces")
    return pieces

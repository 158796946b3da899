"""``Resume``: what is stored about the data of one torrent, so that the next start does not hash everything again.

``resume_file`` stores it in a file, ``resume_trust`` compares it with the files at the next start.  Resume data comes
from outside (a file, or the ``piece_cache`` argument of a client), so that ``Resume.of`` accepts only what fits the
torrent, and only file names that stay below the folder.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..metainfo.bitfield import Bitfield
from ..metainfo.metainfo import Metainfo
from ..metainfo.safe_paths import NATIVE, chosen_path, in_the_way
from .file import FileStat
from .folder import Parts
from .path_choice import rules

VERSION = 1

Unfinished = Tuple[Tuple[int, bytes], ...]
"""Pieces of which some blocks are in the files: piece index, and one bit a block, most significant bit first."""

Names = Tuple[Tuple[int, Parts], ...]
"""Renamed files: file index, and the components of the path below the folder."""


class Resume(NamedTuple):
    """What is stored about the data of one torrent; ``plain`` is the same as data for json and pickle."""

    infohash: bytes
    have: bytes
    """Packed bitfield of the pieces that are complete, right and durable (``Storage.sync``)."""
    files: Tuple[Optional[FileStat], ...]
    """The state of each file at that time; None for a file that did not exist."""
    part_file: Optional[FileStat] = None
    unfinished: Unfinished = ()
    """Used only if ``clean``, and as long as ``page_cache`` lasts."""
    clean: bool = False
    """Whether the torrent was stopped, so that nothing was written afterwards."""
    names: Names = ()
    """Renamed files: index, and the components of the path."""
    doubtful: bytes = b""
    """Packed bitfield of the pieces that need a hash check: written, or found changed, after the last sync."""
    unsynced: bytes = b""
    """Packed bitfield of those ``doubtful`` pieces that are right as long as ``page_cache`` lasts."""
    page_cache: str = ""
    """The page cache that has what was not synced (see ``page_cache``); empty if there is no such data."""
    own: Optional[bytes] = None
    """Packed bitfield of the files that the torrent has made; None in resume data of earlier versions."""

    @property
    def owned(self) -> bytes:
        """``own``; earlier versions wrote to every existing file."""
        if self.own is not None:
            return self.own
        files = Bitfield(len(self.files))
        for index, stat in enumerate(self.files):
            if stat is not None:
                files.set(index)
        return bytes(files)

    def plain(self) -> Dict[str, Any]:
        """Return it as dictionaries, lists, strings and numbers."""
        return {
            "version": VERSION,
            "infohash": self.infohash.hex(),
            "have": self.have.hex(),
            "files": [None if stat is None else list(stat) for stat in self.files],
            "part_file": None if self.part_file is None else list(self.part_file),
            "unfinished": [[index, blocks.hex()] for index, blocks in self.unfinished],
            "clean": self.clean,
            "names": self.plain_names(),
            "doubtful": self.doubtful.hex(),
            **({"unsynced": self.unsynced.hex(), "page_cache": self.page_cache} if self.page_cache else {}),
            **({} if self.own is None else {"own": self.own.hex()}),
        }

    def renamed(self, entries: List[Any], metainfo: Metainfo) -> Resume:
        """Return it with more entries of ``names``, as ``plain`` has them; a wrong one raises ``ValueError``."""
        return self._replace(names=_names([*self.plain_names(), *entries], metainfo))

    def plain_names(self) -> List[Any]:
        """Return ``names`` as lists, strings and numbers."""
        return [[index, list(parts)] for index, parts in self.names]

    @classmethod
    def of(cls, plain: object, metainfo: Metainfo) -> Resume:
        """Validate plain data.

        Args:
            plain: The result of ``plain``, or anything else.
            metainfo: The torrent.

        Returns:
            The resume data.

        Raises:
            ValueError: It is not resume data for this torrent; the text is the reason.
        """
        if not isinstance(plain, dict):
            raise ValueError("is not a dictionary")
        if plain.get("version") != VERSION:
            raise ValueError(f"has version {plain.get('version')!r}, this library knows {VERSION}")
        resume = cls(
            infohash=_bytes(plain, "infohash"),
            have=_bytes(plain, "have"),
            files=tuple(_stat(entry, "files") for entry in _list(plain, "files")),
            part_file=_stat(plain.get("part_file"), "part_file"),
            unfinished=tuple(_unfinished(entry, metainfo) for entry in _list(plain, "unfinished")),
            clean=plain.get("clean") is True,
            names=_names(plain.get("names", []), metainfo),
            doubtful=_bytes({"doubtful": "", **plain}, "doubtful"),
            unsynced=_bytes({"unsynced": "", **plain}, "unsynced"),
            page_cache=_str({"page_cache": "", **plain}, "page_cache"),
            own=_bytes(plain, "own") if "own" in plain else None,
        )
        if resume.infohash != metainfo.infohash:
            raise ValueError(f"is for the torrent {resume.infohash.hex()}")
        Bitfield(metainfo.piece_count, resume.have)
        Bitfield(metainfo.piece_count, resume.doubtful or None)
        Bitfield(metainfo.piece_count, resume.unsynced or None)
        if len(resume.files) != len(metainfo.files):
            raise ValueError(f"has {len(resume.files)} files, the torrent {len(metainfo.files)}")
        Bitfield(len(metainfo.files), resume.own)
        return resume


def _list(plain: Dict[str, Any], key: str) -> List[Any]:
    value = plain.get(key)
    if not isinstance(value, list):
        raise ValueError(f"{key} is not a list")
    return value


def _str(plain: Dict[str, Any], key: str) -> str:
    value = plain.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is not a string")
    return value


def _bytes(plain: Dict[str, Any], key: str) -> bytes:
    return bytes.fromhex(_str(plain, key))


def _stat(entry: object, key: str) -> Optional[FileStat]:
    if entry is None:
        return None
    if not isinstance(entry, list) or len(entry) != 3 or not all(type(number) is int for number in entry):
        raise ValueError(f"{key} has {entry!r:.60}, not size, time and inode")
    return FileStat(*entry)


def _names(entries: object, metainfo: Metainfo) -> Names:
    # Resume data may come from anywhere: no path may lead out of the folder.
    names: Dict[int, Parts] = {}
    for entry in entries if isinstance(entries, list) else [None]:
        if not (isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int and isinstance(entry[1], list)):
            raise ValueError(f"names has {entry!r:.60}, not a file and its path")
        index, parts = entry
        if not 0 <= index < len(metainfo.files) or not all(isinstance(name, str) for name in parts):
            raise ValueError(f"names has {entry!r:.60}, not a file and its path")
        names[index] = tuple(parts)
    paths = [names.get(index, file.path) for index, file in enumerate(metainfo.files)]
    for parts in names.values():
        if chosen_path("/".join(parts), (), names=rules(NATIVE)) != parts:
            raise ValueError(f"names has {parts!r:.60}, not a valid path")
    wrong = in_the_way(paths, names, names=rules(NATIVE))
    if wrong is not None:
        raise ValueError(f"names has {names[wrong]!r:.60}, which conflicts with another file")
    return tuple(names.items())


def _unfinished(entry: object, metainfo: Metainfo) -> Tuple[int, bytes]:
    if isinstance(entry, list) and len(entry) == 2 and type(entry[0]) is int and isinstance(entry[1], str):
        index, blocks = entry[0], bytes.fromhex(entry[1])
        if 0 <= index < metainfo.piece_count:
            Bitfield(metainfo.layout.block_count(index), blocks)
            return index, blocks
    raise ValueError(f"unfinished has {entry!r:.60}, not a piece and its blocks")

"""What a client can be made of: a .torrent by its path or its bytes, or what was read of one already."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

from .errors import MetainfoError
from .metainfo.metainfo import Metainfo
from .metainfo.urls import HTTP_SCHEMES, scheme_of
from .settings import Settings
from .text import masked

Source = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, Metainfo]


def metainfo_of(source: Source, settings: Settings) -> Metainfo:
    """The torrent that ``source`` is; raises MetainfoError."""
    if isinstance(source, Metainfo):
        return source
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Metainfo.parse(bytes(source), max_size=settings.max_metainfo_size)
    if isinstance(source, str) and source.startswith("magnet:"):
        raise MetainfoError("magnet links are not supported yet, give the .torrent file", source=source)
    if isinstance(source, str) and scheme_of(source) in HTTP_SCHEMES:
        raise MetainfoError("is a URL: download the .torrent file, and give its path", source=masked(source))
    if isinstance(source, (str, Path, os.PathLike)):
        return Metainfo.load(os.fspath(source), max_size=settings.max_metainfo_size)
    raise MetainfoError(f"a source is a path, bytes or a Metainfo, not {type(source).__name__}")

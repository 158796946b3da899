"""``edit``: change a .torrent file without changing its infohash."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Optional, Union

from .metainfo import MAX_SIZE, Metainfo
from .urls import Trackers


def edit(
    path: Union[str, Path],
    *,
    trackers: Optional[Trackers] = None,
    web_seeds: Union[str, Iterable[str], None] = None,
    comment: Optional[str] = None,
    output: Union[str, Path, None] = None,
    max_size: int = MAX_SIZE,
) -> Metainfo:
    """Change the trackers, the web seeds or the comment of a .torrent file.

    The bytes of ``info`` stay as they are, so the infohash stays, and peers of the torrent see no difference.  What is
    in ``info`` cannot be changed: names, ``private``, ``source``, piece length.  Make another torrent for that.

    Args:
        path: The .torrent file.
        trackers: A URL, a list of URLs (each a tier of its own), or a list of tiers (BEP 12); empty for none; None to
            keep those that are there.
        web_seeds: A URL, or several (BEP 19); empty for none; None to keep those that are there.
        comment: A text for users; empty for none; None to keep it.
        output: The path to save the result to, completely or not at all; by default ``path``.
        max_size: Bytes of the .torrent file at most.

    Returns:
        The edited torrent.

    Raises:
        MetainfoError: The file cannot be read, or is no valid .torrent file.
        SettingsError: An argument is not valid.
        StorageError: The file cannot be written.
    """
    edited = Metainfo.load(path, max_size=max_size).edited(trackers=trackers, web_seeds=web_seeds, comment=comment)
    edited.save(path if output is None else output)
    return edited

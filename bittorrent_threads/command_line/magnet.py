"""``magnet``: a torrent becomes a magnet link."""

from __future__ import annotations

import argparse

from ..metainfo.magnet import Magnet
from ..metainfo.metainfo import Metainfo
from ..options import torrent_of
from ..settings import Settings
from .arguments import address, nonempty
from .command import Command
from .console import Console
from .option_groups import common_options, limit_options
from .outcome import conclude


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("source", type=nonempty, metavar="FILE", help="a .torrent file")
    parser.add_argument(
        "--peer",
        type=address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a peer to name in the link; repeatable",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Write the magnet link of a torrent."""
    source = torrent_of(options.source, Settings(max_metainfo_size=options.max_metainfo_size))
    found = source if isinstance(source, Magnet) else source.magnet(peers=options.peer)
    if isinstance(source, Metainfo) and source.private:
        console.message("the torrent is private: its metadata is not sent to others, so a link alone is not enough")
    return conclude(console, None, {"command": "magnet", "magnet": str(found), "infohash": found.infohash}, str(found))


COMMAND = Command(
    "magnet",
    "write the magnet link of a .torrent file",
    run,
    groups=(common_options, limit_options),
    add_arguments=add_arguments,
    examples=(
        "photos.torrent",
        "photos.torrent --peer 192.0.2.7:6881",
    ),
)

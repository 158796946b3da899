"""``download``: torrents are downloaded, and seeded if asked."""

from __future__ import annotations

import argparse
from typing import List, Sequence, Union

from ..client import Client
from ..disk.allocation import ALLOCATIONS, SPARSE
from ..errors import SettingsError
from ..metainfo.magnet import Magnet
from ..metainfo.metainfo import Metainfo
from ..metainfo.path_patterns import PathPatterns
from ..options import torrents_of
from ..session import Session
from .arguments import nonempty
from .command import Command
from .console import Console
from .data_check import check
from .exchange import Exchange, fetch
from .option_groups import common_options, folder_options, goal_options, limit_options, rate_options, swarm_options
from .selection import selected
from .session_options import session_of, settings_of
from .transfer import Transfer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument(
        "sources", type=nonempty, nargs="+", metavar="SOURCE", help="a .torrent file or a magnet link, or several"
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="GLOB",
        help="download only files and folders of this name (*.iso) or path below the torrent's (raw/*.tif); repeatable",
    )
    parser.add_argument("--sequential", action="store_true", help="download the pieces in their order")
    parser.add_argument(
        "--seed",
        action="store_true",
        help="go on seeding when complete, until interrupted; --ratio and --seed-time do so too",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="hash the files that are there first, and download again those that are gone",
    )
    parser.add_argument(
        "--allocate",
        choices=ALLOCATIONS,
        default=SPARSE,
        help="sparse: files grow as data arrives (default); full: allocate all files first",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="overwrite files that have the name of a file of the torrent and other content",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Download, and go on seeding if asked."""
    settings = settings_of(options)
    patterns = PathPatterns("select", options.select)
    torrents = torrents_of(options.sources, settings)  # an error ends it before anything begins
    for torrent in torrents:
        if options.select and isinstance(torrent, Metainfo):
            _priorities(torrent, patterns)
    with session_of(options, console) as session:
        transfers = [Transfer(client) for client in _added(session, torrents, options, patterns)]
        exchange = Exchange(session, transfers, console)
        try:
            for transfer in transfers:
                _prepare(transfer.client, options, console, patterns)
        except KeyboardInterrupt as error:
            exchange.interrupted(error)
            return exchange.conclude("download", options.command_line)
        exchange.download(options.timeout, options.stall_timeout)
        if options.seed or options.ratio is not None or options.seed_time is not None:
            exchange.seed(ratio=options.ratio, seconds=options.seed_time, timeout=None, stall_timeout=None)
        return exchange.conclude("download", options.command_line)


def _added(
    session: Session,
    torrents: Sequence[Union[Metainfo, Magnet]],
    options: argparse.Namespace,
    patterns: PathPatterns,
) -> List[Client]:
    clients = []
    for torrent in torrents:
        selects = bool(options.select) and isinstance(torrent, Magnet)
        clients.append(
            session.add(
                torrent,
                options.dir,
                state="stopped" if options.check or selects else "active",
                stop_at_metadata=options.check or selects,
                peers=options.peer,
                trackers=options.tracker,
                allocate=options.allocate,
                sequential=options.sequential,
                priorities=_priorities(torrent, patterns) if options.select and isinstance(torrent, Metainfo) else None,
            )
        )
    return clients


def _prepare(client: Client, options: argparse.Namespace, console: Console, patterns: PathPatterns) -> None:
    # What comes before the download: the metadata that a selection or a check needs, and the check.
    if client.state == "active":
        return
    metainfo = fetch(client, console, options)
    if options.select:
        client.set_priorities(dict(enumerate(_priorities(metainfo, patterns))))
    if options.check:
        check(client, console)
    client.start()


def _priorities(metainfo: Metainfo, patterns: PathPatterns) -> List[int]:
    chosen = selected(metainfo, patterns)
    if not chosen:
        raise SettingsError("select", f"no file of {metainfo.name} matches; info lists them")
    return [int(index in chosen) for index in range(len(metainfo.files))]


COMMAND = Command(
    "download",
    "download one torrent or several",
    run,
    groups=(common_options, limit_options, folder_options, swarm_options, rate_options, goal_options),
    add_arguments=add_arguments,
    examples=(
        "debian.torrent -d downloads",
        "a.torrent b.torrent -d downloads --download-limit 5M --ratio 1.5 --seed-time 2h",
        'photos.torrent --select "*.jpg" --select raw/2024 --sequential',
        '"magnet:?xt=urn:btih:b3c1ef66d2ad5a9d5b67d3c9f8dbd4c6ea5e0f10" -d downloads --stall-timeout 120',
    ),
)

"""``seed``: the files of torrents are checked and served."""

from __future__ import annotations

import argparse
from typing import Union

from ..errors import BitTorrentError
from ..file_report import file_reports
from ..metainfo.magnet import Magnet
from ..metainfo.metainfo import Metainfo
from ..options import torrents_of
from ..session import Session
from .arguments import nonempty
from .command import Command
from .console import Console
from .data_check import check, require_all, require_folder
from .exchange import Exchange, fetch
from .option_groups import common_options, folder_options, goal_options, limit_options, rate_options, swarm_options
from .outcome import reason
from .session_options import session_of, settings_of
from .transfer import Transfer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument(
        "sources", type=nonempty, nargs="+", metavar="TORRENT", help="a .torrent file or a magnet link, or several"
    )
    parser.add_argument(
        "--super-seeding",
        action="store_true",
        help="for the first seed, on a slow line: offer each peer a few pieces, and others when it has passed them on",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Check the files of each torrent, and serve those that are all there."""
    settings = settings_of(options)
    torrents = torrents_of(options.sources, settings)  # an error ends it before anything begins
    require_folder(options.dir)
    with session_of(options, console) as session:
        exchange = Exchange(session, [], console)
        for torrent in torrents:
            transfer = _checked(session, torrent, options, console)
            exchange.transfers.append(transfer)
            if transfer.failure is not None and len(torrents) == 1:
                raise transfer.failure
            if transfer.failure is not None:
                console.message(f"bittorrent-threads: {reason(transfer.failure)}")
        exchange.seed(
            ratio=options.ratio,
            seconds=options.seed_time,
            timeout=options.timeout,
            stall_timeout=options.stall_timeout,
        )
        return exchange.conclude("seed", options.command_line)


def _checked(
    session: Session, torrent: Union[Metainfo, Magnet], options: argparse.Namespace, console: Console
) -> Transfer:
    """Check the files of a torrent, and serve them if they are all there; else the transfer has the failure."""
    given = {"peers": options.peer, "trackers": options.tracker}
    with session.add(torrent, options.dir, state="stopped", stop_at_metadata=True, **given) as checked:
        try:
            metainfo = fetch(checked, console, options)
            result = check(checked, console)
            require_all(checked, result, file_reports(checked, result))
        except (BitTorrentError, OSError) as error:
            console.end_progress()
            failed = Transfer(checked)
            failed.failure = error
            return failed
        cache = checked.piece_cache
    seeded = session.add(metainfo, options.dir, piece_cache=cache, super_seeding=options.super_seeding, **given)
    return Transfer(seeded)


COMMAND = Command(
    "seed",
    "check the files of one torrent or several, and serve them until interrupted",
    run,
    groups=(common_options, limit_options, folder_options, swarm_options, rate_options, goal_options),
    add_arguments=add_arguments,
    examples=(
        "photos.torrent -d . --upload-limit 2M",
        "photos.torrent -d . --ratio 3 --seed-time 1d",
        "new.torrent -d . --super-seeding",
        "a.torrent b.torrent -d shared --stall-timeout 1h",
    ),
)

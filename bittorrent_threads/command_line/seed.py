"""``seed``: files are checked and served."""

from __future__ import annotations

import argparse

from ..file_report import file_reports
from ..options import torrent_of
from ..session import Session
from .arguments import nonempty
from .command import Command
from .console import Console
from .data_check import check, require_all, require_folder
from .exchange import CLOSE_TIMEOUT, Exchange, fetch
from .option_groups import common_options, folder_options, goal_options, limit_options, rate_options, swarm_options
from .session_options import load_filter, settings_of
from .transfer import Transfer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("source", type=nonempty, metavar="TORRENT", help="a .torrent file or a magnet link")


def run(options: argparse.Namespace, console: Console) -> int:
    """Check the files, and serve them if they are all there."""
    source = torrent_of(options.source, settings_of(options))
    require_folder(options.dir)
    session = Session(settings_of(options))
    try:
        load_filter(session, options.ip_filter, console)
        given = {"peers": options.peer, "trackers": options.tracker}
        with session.add(source, options.dir, state="stopped", stop_at_metadata=True, **given) as checked:
            metainfo = fetch(checked, console, options)
            result = check(checked, console)
            require_all(checked, result, file_reports(checked, result))
            cache = checked.piece_cache
        client = session.add(metainfo, options.dir, piece_cache=cache, **given)
        exchange = Exchange(session, [Transfer(client)], console)
        exchange.seed(
            ratio=options.ratio,
            seconds=options.seed_time,
            timeout=options.timeout,
            stall_timeout=options.stall_timeout,
        )
        return exchange.conclude("seed", options.command_line)
    finally:
        session.close(0.5 if session.closed else CLOSE_TIMEOUT)


COMMAND = Command(
    "seed",
    "check the files and serve them until interrupted",
    run,
    groups=(common_options, limit_options, folder_options, swarm_options, rate_options, goal_options),
    add_arguments=add_arguments,
    examples=(
        "photos.torrent -d . --upload-limit 2M",
        "photos.torrent -d . --ratio 3 --seed-time 1d",
    ),
)

"""``download``: a torrent is downloaded, and seeded if asked."""

from __future__ import annotations

import argparse
import time
from typing import Optional

from ..disk.allocation import ALLOCATIONS, SPARSE
from ..progress import Downloaded
from ..session import Session
from .arguments import nonempty
from .command import Command
from .console import Console
from .data_check import check
from .exchange import conclude_exchange, fetch, seed_on
from .option_groups import common_options, folder_options, limit_options, rate_options, swarm_options
from .outcome import FAILURES
from .session_options import load_filter, settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("source", type=nonempty, metavar="SOURCE", help="a .torrent file or a magnet link")
    parser.add_argument("--seed", action="store_true", help="go on seeding when complete, until interrupted")
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
    """Download, and with ``--seed`` go on seeding."""
    with Session(settings_of(options)) as session:
        load_filter(session, options.ip_filter, console)
        given = {"peers": options.peer, "trackers": options.tracker, "allocate": options.allocate}
        state = "stopped" if options.check else "active"
        client = session.add(options.source, options.dir, state=state, stop_at_metadata=options.check, **given)
        if options.check:
            fetch(client, console, options)
            check(client, console)
            client.start()
        began = time.monotonic()
        seconds: Optional[float] = None
        failure: Optional[BaseException] = None
        try:
            client.wait(Downloaded(client, console), options.timeout, options.stall_timeout)
            seconds = time.monotonic() - began
            if options.seed:
                seed_on(client, console, stall_timeout=None, timeout=None)
        except FAILURES as error:
            failure = error
        return conclude_exchange(console, client, "download", failure, seconds)


COMMAND = Command(
    "download",
    "download a torrent",
    run,
    groups=(common_options, limit_options, folder_options, swarm_options, rate_options),
    add_arguments=add_arguments,
    examples=(
        "debian.torrent -d downloads",
        '"magnet:?xt=urn:btih:b3c1ef66d2ad5a9d5b67d3c9f8dbd4c6ea5e0f10" -d downloads --stall-timeout 120',
    ),
)

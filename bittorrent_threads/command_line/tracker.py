"""``tracker``: an HTTP and UDP tracker runs until it is interrupted."""

from __future__ import annotations

import argparse
import time

from ..tracker import Tracker
from .arguments import nonempty, port, seconds
from .command import Command
from .console import Console
from .option_groups import common_options
from .outcome import INTERRUPTED, LATE

LOOK_INTERVAL = 0.25
"""Seconds between two looks at the clock."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument(
        "--host",
        type=nonempty,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=port, default=0, metavar="N", help="port to listen on (default: any that is free)"
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="end after S seconds")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run a tracker until interrupted; its URL is the result, and is written at the start."""
    with Tracker(options.host, options.port) as running:
        document = {"command": "tracker", "url": running.url, "udp_url": running.udp_url, "port": running.port}
        console.result(document, running.url)
        until = float("inf") if options.timeout is None else time.monotonic() + options.timeout
        try:
            while time.monotonic() < until:
                time.sleep(min(LOOK_INTERVAL, max(0.0, until - time.monotonic())))
        except KeyboardInterrupt:
            console.message("bittorrent-threads: interrupted")
            return INTERRUPTED
        return LATE


COMMAND = Command(
    "tracker",
    "run a small HTTP and UDP tracker until interrupted, and write its URL to standard output",
    run,
    groups=(common_options,),
    add_arguments=add_arguments,
    examples=(
        "--port 6969",
        "--host 0.0.0.0 --port 6969 --timeout 1h",
    ),
)

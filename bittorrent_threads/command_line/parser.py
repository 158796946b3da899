"""The parser of the command line, made from the table of commands."""

from __future__ import annotations

import argparse

from ..version import __version__
from . import create, demo, download, edit, info, magnet, seed, stream, tracker, verify

COMMANDS = (
    download.COMMAND,
    seed.COMMAND,
    stream.COMMAND,
    create.COMMAND,
    info.COMMAND,
    edit.COMMAND,
    magnet.COMMAND,
    verify.COMMAND,
    tracker.COMMAND,
    demo.COMMAND,
)
"""The commands, in the order of the help."""

EPILOG = """\
exit codes: 0 done, 1 failed, 2 wrong usage, 3 timed out or stalled, 4 the disk refused or there is no such
            folder, 5 the torrent is missing or bad, 130 interrupted
sizes and rates: bytes, and bytes a second; K, M and G are thousands, Ki, Mi and Gi are multiples of 1024
times: seconds, or with a unit: 90s, 30m, 2h, 1d
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; the option ``run`` of its result is the function of the command."""
    top = argparse.ArgumentParser(
        prog="bittorrent-threads",
        description="Download, seed, make and check torrents.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("-V", "--version", action="version", version=f"bittorrent-threads {__version__}")
    verbs = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        verb = verbs.add_parser(
            command.name,
            parents=[group() for group in command.groups],
            help=command.summary,
            description=f"{command.summary[:1].upper()}{command.summary[1:]}.",
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(verb)
        verb.set_defaults(run=command.run)
    return top

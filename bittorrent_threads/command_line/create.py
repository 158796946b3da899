"""``create``: a .torrent file is made."""

from __future__ import annotations

import argparse
from typing import List

from ..amounts import count_text, size_text
from ..disk.create import create
from ..text import escaped
from .arguments import nonempty, size
from .command import Command
from .console import Console
from .description import description
from .option_groups import common_options, limit_options
from .outcome import conclude


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("path", type=nonempty, metavar="PATH", help="a file or a folder")
    parser.add_argument(
        "-o", "--output", type=nonempty, required=True, metavar="FILE", help="the .torrent file to write"
    )
    parser.add_argument(
        "--tracker",
        action="append",
        default=[],
        metavar="URL",
        help="announce URL; repeatable, each is a tier of its own",
    )
    parser.add_argument(
        "--piece-length",
        type=size,
        metavar="SIZE",
        help="a power of two from 16Ki to 512Mi (default: chosen by the size)",
    )
    parser.add_argument("--private", action="store_true", help="clients get peers from the trackers only (BEP 27)")
    parser.add_argument(
        "--web-seed", action="append", default=[], metavar="URL", help="URL with the same files (BEP 19); repeatable"
    )
    parser.add_argument("--comment", metavar="TEXT", help="free text in the torrent")
    parser.add_argument(
        "--source",
        dest="source_tag",
        metavar="TEXT",
        help="name of the tracker that the torrent is for; it changes the infohash",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out files and folders of this name (*.tmp) or path (raw/*.tif); repeatable",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Make a .torrent file."""
    warnings: List[str] = []

    def show(done: int, total: int) -> None:
        console.progress(f"{options.path}: hashed {done} of {total} pieces", done / max(1, total))

    def warn(sentence: str) -> None:
        warnings.append(sentence)
        console.message(f"bittorrent-threads: warning: {sentence}")

    metainfo = create(
        options.path,
        trackers=options.tracker,
        piece_length=options.piece_length,
        private=options.private,
        web_seeds=options.web_seed,
        comment=options.comment,
        source=options.source_tag,
        exclude=options.exclude,
        output=options.output,
        max_size=options.max_metainfo_size,
        progress=show,
        on_warning=warn,
    )
    document = {"command": "create", "output": options.output, "warnings": warnings, **description(metainfo)}
    count = f"{count_text(metainfo.piece_count, 'piece')} of {size_text(metainfo.piece_length)}"
    text = f"{escaped(options.output)}: {size_text(metainfo.total_size)}, {count}, {metainfo.infohash.hex()}"
    return conclude(console, None, document, text)


COMMAND = Command(
    "create",
    "make a .torrent file of a file or folder",
    run,
    groups=(common_options, limit_options),
    add_arguments=add_arguments,
)

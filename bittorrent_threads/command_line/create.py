"""``create``: a .torrent file is made."""

from __future__ import annotations

import argparse
import time
from typing import List

from ..amounts import count_text, size_text
from ..disk.create import create
from ..disk.piece_hashing import MAX_THREADS
from ..metainfo.piece_length import reason_of_choice
from ..progress_bar import Pace, Report, pace_text
from ..text import escaped
from .arguments import nonempty, size, whole_number
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
        help="a power of two from 16Ki to 512Mi (default: the shortest up to 16Mi that makes at most 2,000 pieces)",
    )
    parser.add_argument("--name", type=nonempty, metavar="TEXT", help="name of the torrent (default: that of PATH)")
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
    parser.add_argument(
        "--no-hidden",
        dest="hidden",
        action="store_false",
        help="leave out files and folders whose name begins with a dot",
    )
    parser.add_argument(
        "--threads",
        type=thread_count,
        metavar="N",
        help=f"threads that hash, 1 to {MAX_THREADS} (default: one a processor)",
    )


def thread_count(text: str) -> int:
    """Return a number of threads."""
    return whole_number(text, 1, MAX_THREADS)


def run(options: argparse.Namespace, console: Console) -> int:
    """Make a .torrent file."""
    warnings: List[str] = []
    pace = Pace()

    def show(done: int, total: int) -> None:
        left = pace_text(Report(done, total, rate=pace.rate(done, time.monotonic())))
        text = f"{options.path}: hashed {size_text(done)} of {size_text(total)}"
        console.progress(f"{text}, {left}" if left else text, done / max(1, total))

    def warn(sentence: str) -> None:
        warnings.append(sentence)
        console.message(f"bittorrent-threads: warning: {sentence}")

    metainfo = create(
        options.path,
        trackers=options.tracker,
        piece_length=options.piece_length,
        private=options.private,
        name=options.name,
        web_seeds=options.web_seed,
        comment=options.comment,
        source=options.source_tag,
        exclude=options.exclude,
        hidden=options.hidden,
        threads=options.threads,
        output=options.output,
        max_size=options.max_metainfo_size,
        progress=show,
        on_warning=warn,
    )
    document = {"command": "create", "output": options.output, "warnings": warnings, **description(metainfo)}
    length = size_text(metainfo.piece_length)
    why = reason_of_choice(metainfo.piece_length) if options.piece_length is None else "as --piece-length says"
    document["piece_length_reason"] = why
    content = f"{size_text(metainfo.total_size)} in {count_text(len(metainfo.files), 'file')}"
    count = f"{count_text(metainfo.piece_count, 'piece')} of {length}"
    text = f"{escaped(options.output)}: {content}, {count}, {metainfo.infohash.hex()}\npieces of {length}: {why}"
    return conclude(console, None, document, text)


COMMAND = Command(
    "create",
    "make a .torrent file of a file or folder",
    run,
    groups=(common_options, limit_options),
    add_arguments=add_arguments,
    examples=(
        "photos -o photos.torrent --tracker http://192.0.2.1:6969/announce",
        'photos -o photos.torrent --exclude "*.tmp" --exclude "raw/*.tif" --no-hidden',
        "video.mkv -o video.torrent --piece-length 1Mi --private --source EXAMPLE --tracker https://example.org/announce",
    ),
)

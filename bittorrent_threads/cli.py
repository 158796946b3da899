"""The command line: ``bittorrent-threads`` and ``python -m bittorrent_threads``.

An error that a user can cause (a missing file, a bad torrent, a full disk, a port in use) is one line that names the
object and the reason, and an exit code.  A traceback is a bug of the library.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Iterator, List, Optional, Sequence, Tuple

from . import commands, demo
from .console import Console, silence_stdout, tolerant_streams
from .disk.allocation import ALLOCATIONS, SPARSE
from .metainfo.magnet import host_and_port
from .settings import NAMES, Settings
from .version import __version__

EPILOG = """\
exit codes: 0 done, 1 failed, 2 wrong usage, 3 timed out or stalled, 4 the disk refused or there is no such
            folder, 5 the torrent is missing or bad, 130 interrupted
sizes and rates: K, M and G are thousands, Ki, Mi and Gi are multiples of 1024
"""

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run one command.

    Args:
        arguments: The command line without the name of the program; that of the process if it is None.

    Returns:
        The exit code.

    Raises:
        SystemExit: For ``--help``, ``--version`` and wrong usage.
    """
    tolerant_streams()
    try:
        options = parser().parse_args(arguments)
        logging.basicConfig(level=max(logging.DEBUG, logging.WARNING - 10 * options.verbose), stream=sys.stderr)
        console = Console(options.json)
        try:
            with terminable():
                code: int = options.run(options, console)
        except BrokenPipeError:
            raise
        except commands.FAILURES as error:
            code = commands.conclude(console, error, {"command": options.command})
        return code
    except BrokenPipeError:
        silence_stdout()
        return commands.FAILED
    except OSError:
        # Standard output could not be written, nor the JSON of that error; its message is on standard error.
        silence_stdout()
        return commands.DISK
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            silence_stdout()


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM raise KeyboardInterrupt, so that the ``stopped`` announces are sent and the files closed."""

    def interrupt(number: int, frame: Optional[FrameType]) -> None:
        raise KeyboardInterrupt

    try:
        previous = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread, where no handler can be set
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


if TYPE_CHECKING:
    _Verbs = argparse._SubParsersAction[argparse.ArgumentParser]


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

    common, limit, folder, swarm, rates = (
        *(_common_options(), _limit_options(), _folder_options(), _swarm_options()),
        _rate_options(),
    )
    _add_download(verbs, [common, limit, folder, swarm, rates])
    _add_seed(verbs, [common, limit, folder, swarm, rates])
    _add_create(verbs, [common, limit])
    _add_info(verbs, [common, limit, swarm])
    _add_magnet(verbs, [common, limit])
    _add_verify(verbs, [common, limit, folder])
    _add_tracker(verbs, [common])
    _add_demo(verbs, [common])
    return top


def _common_options() -> argparse.ArgumentParser:
    """Return the options of every command."""
    found = _group()
    found.add_argument("-v", "--verbose", action="count", default=0, help="log to standard error; twice for more")
    found.add_argument("--json", action="store_true", help="write the result as one JSON document")
    return found


def _limit_options() -> argparse.ArgumentParser:
    """Return the limit on the size of a .torrent file."""
    found = _group()
    found.add_argument(
        "--max-metainfo-size",
        type=size,
        default=Settings().max_metainfo_size,
        metavar="SIZE",
        help="largest .torrent file that is read or made (default: 32Mi)",
    )
    return found


def _folder_options() -> argparse.ArgumentParser:
    """Return the options of commands that use the files of a torrent."""
    found = _group()
    found.add_argument(
        "-d",
        "--dir",
        type=given,
        default=".",
        metavar="DIR",
        help="folder that contains the files of the torrent, or their folder (default: this one)",
    )
    found.add_argument(
        "--names",
        choices=NAMES,
        default=Settings().names,
        help="names of new files whose own name is not valid on every system: a valid one (default), or their own",
    )
    return found


def _swarm_options() -> argparse.ArgumentParser:
    """Return the options of commands that connect to peers."""
    found = _group()
    found.add_argument(
        "--port",
        type=port,
        metavar="N",
        help="port to listen on; it is an error if it is in use (default: any that is free)",
    )
    found.add_argument(
        "--peer",
        type=address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a peer to connect to; an IPv6 address stands in brackets; repeatable",
    )
    found.add_argument(
        "--tracker",
        action="append",
        default=[],
        metavar="URL",
        help="announce to this tracker too; repeatable, each is a tier of its own",
    )
    found.add_argument(
        "--ip-filter",
        type=given,
        action="append",
        default=[],
        metavar="FILE",
        help="block the peers of a blocklist: DAT, P2P or CIDR text, or one of them in gzip; repeatable",
    )
    for option, name, source in (
        ("--no-dht", "dht", "the distributed hash table (DHT)"),
        ("--no-pex", "pex", "connected peers (peer exchange)"),
        ("--no-lsd", "local_discovery", "the local network (local service discovery)"),
    ):
        found.add_argument(
            option,
            dest=name,
            action="store_false",
            default=getattr(Settings(), name),
            help=f"learn no peers from {source}, and tell it nothing",
        )
    found.add_argument(
        "--dht-node",
        type=address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a node of the distributed hash table to begin with, besides the usual ones; repeatable",
    )
    found.add_argument(
        "--dht-state",
        default="",
        metavar="FILE",
        help="keep nodes of the distributed hash table in this file, for the next start",
    )
    found.add_argument("--timeout", type=seconds, metavar="S", help="end after S seconds, with exit code 3")
    found.add_argument(
        "--stall-timeout",
        type=seconds,
        metavar="S",
        help="end when no data was received, or with seeding sent, for S seconds, with exit code 3",
    )
    return found


def _rate_options() -> argparse.ArgumentParser:
    """Return the options of commands that exchange data with peers."""
    found = _group()
    for way in ("download", "upload"):
        found.add_argument(
            f"--{way}-limit",
            type=rate,
            default=0,
            metavar="RATE",
            help=f"most bytes a second to {way}, such as 500K; 0 for no limit (default)",
        )
    return found


def _add_download(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("download", parents=parents, help="download a torrent")
    verb.add_argument("source", type=given, metavar="SOURCE", help="a .torrent file or a magnet link")
    verb.add_argument("--seed", action="store_true", help="go on seeding when complete, until interrupted")
    verb.add_argument(
        "--check",
        action="store_true",
        help="hash the files that are there first, and download again those that are gone",
    )
    verb.add_argument(
        "--allocate",
        choices=ALLOCATIONS,
        default=SPARSE,
        help="sparse: files grow as data arrives (default); full: allocate all files first",
    )
    verb.add_argument(
        "--overwrite",
        action="store_true",
        help="overwrite files that have the name of a file of the torrent and other content",
    )
    verb.set_defaults(run=commands.download)


def _add_seed(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("seed", parents=parents, help="check the files and serve them until interrupted")
    verb.add_argument("source", type=given, metavar="TORRENT", help="a .torrent file or a magnet link")
    verb.set_defaults(run=commands.seed)


def _add_create(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("create", parents=parents, help="make a .torrent file of a file or folder")
    verb.add_argument("path", type=given, metavar="PATH", help="a file or a folder")
    verb.add_argument("-o", "--output", type=given, required=True, metavar="FILE", help="the .torrent file to write")
    verb.add_argument(
        "--tracker",
        action="append",
        default=[],
        metavar="URL",
        help="announce URL; repeatable, each is a tier of its own",
    )
    verb.add_argument(
        "--piece-length",
        type=size,
        metavar="SIZE",
        help="a power of two from 16Ki to 512Mi (default: chosen by the size)",
    )
    verb.add_argument("--private", action="store_true", help="clients get peers from the trackers only (BEP 27)")
    verb.add_argument(
        "--web-seed", action="append", default=[], metavar="URL", help="URL with the same files (BEP 19); repeatable"
    )
    verb.add_argument("--comment", metavar="TEXT", help="free text in the torrent")
    verb.add_argument(
        "--source",
        dest="source_tag",
        metavar="TEXT",
        help="name of the tracker that the torrent is for; it changes the infohash",
    )
    verb.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out files and folders of this name (*.tmp) or path (raw/*.tif); repeatable",
    )
    verb.set_defaults(run=commands.create)


def _add_info(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "info", parents=parents, help="show the content of a .torrent file, or of what peers send for a magnet link"
    )
    verb.add_argument("source", type=given, metavar="SOURCE", help="a .torrent file or a magnet link")
    verb.add_argument("-o", "--output", type=given, metavar="FILE", help="also write it as a .torrent file")
    verb.set_defaults(run=commands.info)


def _add_magnet(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("magnet", parents=parents, help="write the magnet link of a .torrent file")
    verb.add_argument("source", type=given, metavar="FILE", help="a .torrent file")
    verb.add_argument(
        "--peer",
        type=address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a peer to name in the link; repeatable",
    )
    verb.set_defaults(run=commands.magnet)


def _add_verify(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "verify",
        parents=parents,
        help="hash the files and list those that are not right; it opens no socket and changes nothing",
    )
    verb.add_argument(
        "source", type=given, metavar="TORRENT", help="a .torrent file, or the magnet link that was downloaded"
    )
    verb.set_defaults(run=commands.verify)


def _add_tracker(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser(
        "tracker",
        parents=parents,
        help="run a small HTTP tracker until interrupted, and write its URL to standard output",
    )
    verb.add_argument(
        "--host", type=given, default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: %(default)s)"
    )
    verb.add_argument("--port", type=port, default=0, metavar="N", help="port to listen on (default: any that is free)")
    verb.add_argument("--timeout", type=seconds, metavar="S", help="end after S seconds")
    verb.set_defaults(run=commands.tracker)


def _add_demo(verbs: _Verbs, parents: List[argparse.ArgumentParser]) -> None:
    verb = verbs.add_parser("demo", parents=parents, help="exchange a torrent between processes on this machine")
    verb.add_argument(
        "--size", type=size, default=demo.SIZE, metavar="SIZE", help="size of the torrent (default: 64Mi)"
    )
    verb.add_argument(
        "--timeout", type=seconds, default=demo.TIMEOUT, metavar="S", help="fail after S seconds (default: 120)"
    )
    verb.set_defaults(run=commands.demonstrate)


def _group() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False)


def port(text: str) -> int:
    """Return a port, 0 for any."""
    number = _port(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return number


def address(text: str) -> Tuple[str, int]:
    """Return the host and the port of ``HOST:PORT``, with an IPv6 address in brackets."""
    found = host_and_port(text)
    if found is None and text.count(":") > 1 and not text.startswith("["):
        raise argparse.ArgumentTypeError(f"{text}: an IPv6 address stands in brackets, as in [::1]:6881")
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return found


def _port(text: str) -> int:
    # -1 if it is none.  The length comes first, as int() takes quadratic time.
    number = int(text) if len(text) < 10 and text.isdecimal() else -1
    return number if number <= 65535 else -1


def seconds(text: str) -> float:
    """Return a number of seconds above 0."""
    number = _number(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


def given(text: str) -> str:
    """Return a path or an address that is not empty, as an unset variable of a shell would be."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _number(text: str) -> float:
    # -1 if it is no number, which every caller refuses.
    try:
        return float(text)
    except ValueError:
        return -1.0


def size(text: str) -> int:
    """Return a number of bytes from a text with or without a unit: ``500K``, ``1.5M``, ``256Ki``."""
    digits = text.rstrip("KMGIBkmgib")
    unit = text[len(digits) :].upper()
    factor = UNITS.get(unit[:-1] if unit.endswith("B") else unit)
    number = _number(digits)
    if factor is None or not 1 <= number * factor < 2**62:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 500K, 5M or 256Ki")
    return int(number * factor)


def rate(text: str) -> int:
    """Return a rate in bytes a second, as ``size`` does; 0 for no limit."""
    return 0 if text == "0" else size(text)

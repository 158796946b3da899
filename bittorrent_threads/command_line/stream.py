"""``stream``: files are downloaded in order and served over HTTP meanwhile, to a media player or a browser."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import subprocess
from typing import Iterator, List, Optional

from ..client import Client
from ..errors import SettingsError
from ..metainfo.metainfo import Metainfo
from ..metainfo.path_patterns import PathPatterns
from ..progress import download_progress, seed_progress, show_events
from ..status import Status
from .arguments import nonempty, port
from .command import Command
from .console import Console
from .exchange import fetch
from .option_groups import common_options, folder_options, limit_options, rate_options, swarm_options
from .outcome import DONE, FAILED, INTERRUPTED
from .selection import selected
from .session_options import session_of

STALL_TIMEOUT = 300.0
"""Seconds without progress after which the request of a player ends, unless ``--stall-timeout`` says otherwise."""
END_TIMEOUT = 5.0
"""Seconds that the player gets to end after an interrupt."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("source", type=nonempty, metavar="SOURCE", help="a .torrent file or a magnet link")
    parser.add_argument(
        "--file",
        type=nonempty,
        metavar="GLOB|INDEX",
        help="download and serve only files and folders of this name (*.mp4) or path below the torrent's (cd 1/*.mp4),"
        " or the file of this index (default: all)",
    )
    parser.add_argument(
        "--open",
        type=nonempty,
        metavar="CMD",
        help="run CMD with the URL of the largest of them, or of each that --file chooses, and end when it ends",
    )
    parser.add_argument(
        "--host",
        type=nonempty,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to serve on; any but the default lets other machines read the files (default: %(default)s)",
    )
    parser.add_argument(
        "--http-port", type=port, default=0, metavar="N", help="port to serve on (default: any that is free)"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Download and serve until interrupted, or until the program of ``--open`` ends."""
    with session_of(options, console) as session:
        client = session.add(
            options.source,
            options.dir,
            state="stopped",
            stop_at_metadata=True,
            sequential=True,
            peers=options.peer,
            trackers=options.tracker,
        )
        chosen = choose(fetch(client, console, options), options.file)
        client.set_priorities({index: int(index in chosen) for index in range(len(client.files))})
        client.start()
        stall_timeout = options.stall_timeout or STALL_TIMEOUT
        with client.serve(options.host, options.http_port, stall_timeout=stall_timeout) as server:
            urls = [server.urls[index] for index in chosen]
            names = ["/".join(client.metainfo.files[index].path) for index in chosen] if client.metainfo else []
            files = [{"path": name, "url": url} for name, url in zip(names, urls)]
            document = {"command": "stream", "url": server.url, "files": files}
            console.result(document, "\n".join(urls if options.file else [server.url]))
            if options.open and not options.file:
                urls = [server.urls[max(chosen, key=lambda index: client.files[index].length)]]
            with player(shlex.split(options.open) if options.open else [], urls) as program:
                return follow(client, console, program, options.timeout)


def choose(metainfo: Metainfo, pattern: Optional[str]) -> List[int]:
    """Return the indexes of the files that match a pattern, or of all files; padding is never one of them.

    Args:
        metainfo: The torrent.
        pattern: A pattern of ``PathPatterns`` for a file or folder, or the index of a file.

    Raises:
        SettingsError: If there is none, or the pattern is not valid.
    """
    files = [(index, file.path) for index, file in enumerate(metainfo.files) if not file.pad]
    if pattern is None:
        chosen = [index for index, _ in files]
    elif pattern.isdecimal() and len(pattern) < 10:
        chosen = [index for index, _ in files if index == int(pattern)]
    else:
        chosen = selected(metainfo, PathPatterns("file", [pattern]))
    if not chosen:
        names = ", ".join(["/".join(path) for _, path in files[:5]])
        raise SettingsError("file", f"no file of {metainfo.name} matches {pattern!r}; it has {names or 'none'}")
    return chosen


@contextlib.contextmanager
def player(command: List[str], urls: List[str]) -> Iterator[Optional[subprocess.Popen[bytes]]]:
    """Run a program with URLs as its last arguments, and end it; without a command there is none."""
    if not command:
        yield None
        return
    program = subprocess.Popen([*command, *urls], stdin=subprocess.DEVNULL)
    try:
        yield program
    finally:
        program.terminate()
        try:
            program.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def follow(
    client: Client, console: Console, program: Optional[subprocess.Popen[bytes]], timeout: Optional[float]
) -> int:
    """Show the progress until the program ends, an interrupt, or a timeout; return the exit code."""

    def ended(status: Status) -> bool:
        if program is not None and program.poll() is not None:
            return True
        show_events(client, console)
        seeding = status.complete and not status.checking
        console.progress(*(seed_progress if seeding else download_progress)(status))
        return False

    try:
        client.wait(ended, timeout)
    except KeyboardInterrupt:
        console.end_progress()
        console.message("bittorrent-threads: interrupted")
        return INTERRUPTED
    console.end_progress()
    if program is not None and program.returncode:
        console.message(f"bittorrent-threads: the program of --open ended with exit code {program.returncode}")
        return FAILED
    return DONE


COMMAND = Command(
    "stream",
    "serve the files of a torrent over HTTP while they are downloaded, and write the URL to standard output",
    run,
    groups=(common_options, limit_options, folder_options, swarm_options, rate_options),
    add_arguments=add_arguments,
    examples=("film.torrent -d films", 'film.torrent -d films --file "*.mkv" --open mpv'),
)

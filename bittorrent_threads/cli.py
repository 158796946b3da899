"""The command line: ``bittorrent-threads`` and ``python -m bittorrent_threads``.

An error that a user can cause (a missing file, a bad torrent, a full disk, a port in use) is one line that names the
object and the reason, and an exit code.  A traceback is a bug of the library.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import sys
from types import FrameType
from typing import Iterator, List, Optional, Sequence

from .command_line.completion import complete
from .command_line.console import Console
from .command_line.outcome import DISK, FAILED, FAILURES, conclude
from .command_line.parser import parser
from .command_line.standard_streams import silence_stdout, tolerant_streams

__all__ = ["main", "parser"]


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
        given = sys.argv[1:] if arguments is None else list(arguments)
        arguments_parser = parser()
        complete(arguments_parser)
        options = arguments_parser.parse_args(given)
        options.command_line = command_line(given)
        logging.basicConfig(level=max(logging.DEBUG, logging.WARNING - 10 * options.verbose), stream=sys.stderr)
        console = Console(options.json)
        try:
            with terminable():
                code: int = options.run(options, console)
        except BrokenPipeError:
            raise
        except FAILURES as error:
            code = conclude(console, error, {"command": options.command})
        return code
    except BrokenPipeError:
        silence_stdout()
        return FAILED
    except OSError:
        # Standard output could not be written, nor the JSON of that error; its message is on standard error.
        silence_stdout()
        return DISK
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            silence_stdout()


def command_line(arguments: List[str]) -> str:
    """Return the command line of this process, as a shell reads it."""
    program = sys.argv[0] if sys.argv else ""
    module = os.path.basename(program) == "__main__.py"
    words = [sys.executable, "-m", "bittorrent_threads"] if module else ["bittorrent-threads"]
    return shlex.join([*words, *arguments])


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

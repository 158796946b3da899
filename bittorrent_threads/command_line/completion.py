"""Completion of commands, options and files in a shell, by the package argcomplete (extra ``completion``).

The shell runs the program with the line in environment variables, and the program writes what may follow.  The package
is imported only then.
"""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import os
import sys


def complete(parser: argparse.ArgumentParser) -> None:
    """End the process with the completions if a shell asks for them, else do nothing.

    Args:
        parser: The parser of the command line.

    Raises:
        SystemExit: The package is missing.
    """
    if "_ARGCOMPLETE" not in os.environ:
        return
    try:
        import argcomplete
    except ImportError:
        sys.exit("completion needs the package argcomplete: pip install bittorrent_threads[completion]")
    argcomplete.autocomplete(parser)

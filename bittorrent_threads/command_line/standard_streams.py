"""The standard streams of the process: other encodings, closed streams and broken pipes end no command."""

from __future__ import annotations

import contextlib
import os
import sys


def tolerant_streams() -> None:
    """Make the standard streams write characters outside of their encoding as escapes instead of raising an error.

    A stream that was closed before the program began is replaced by the null device.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open as long as the process
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def silence_stdout() -> None:
    """Replace standard output by the null device, so that flushing it at exit raises no error after a broken pipe."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

"""The process of one program: it interrupts the calls, and looks at what is left."""

from __future__ import annotations

import _thread
import contextlib
import faulthandler
import gc
import importlib.util
import sys
import tempfile
import time
from pathlib import Path
from typing import Iterator, Union

from .ground import PATIENCE, Ground
from .leftovers import Leftovers, own_threads
from .lines import Lines
from .programs import PROGRAMS
from .signals import Signals, ignore_interrupt


def interrupt(name: str, storm: Union[Lines, Signals]) -> None:
    """Interrupt the calls of one program; exit with a message when a resource is left."""
    program = PROGRAMS[name]
    if lacks(program.needs):
        print(f"{name}: left out, {program.needs} is not installed")
        return
    sys.unraisablehook = ignore_interrupt
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    with ground() as place:
        before = Leftovers.now()
        program.run(place, storm)
        faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)
        after = Leftovers.settled(before, PATIENCE)
        if after != before:
            sys.exit(f"{name}: left after {storm.done} interrupts: {before} became {after}, threads {own_threads()}")
    faulthandler.cancel_dump_traceback_later()
    # A program that redirects standard output may have been interrupted before it gave it back.
    print(f"{name}: {storm.done} interrupts, nothing left", file=sys.__stdout__)


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Make a ground in a temporary folder, in a process without other threads."""
    with tempfile.TemporaryDirectory() as folder:
        place = Ground(Path(folder))
        while _thread._count():  # threads of ``create`` end soon
            time.sleep(0.001)
        gc.collect()
        yield place


def lacks(module: str) -> bool:
    """Return whether a module that a program needs cannot be imported."""
    return bool(module) and importlib.util.find_spec(module) is None

"""The command line of ``tools/storm.py``."""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from typing import Sequence

from .child import ground, interrupt, lacks
from .lines import Lines
from .once import Once
from .programs import PROGRAMS
from .signals import Signals


def parser() -> argparse.ArgumentParser:
    """Return the argument parser of ``tools/storm.py``."""
    found = argparse.ArgumentParser(prog="storm.py", description="Interrupt the calls of the public API.")
    found.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"any of {', '.join(PROGRAMS)} (default: all)")
    found.add_argument("--interrupts", type=int, default=1000, metavar="N", help="in each program (%(default)s)")
    found.add_argument("--lines", action="store_true", help="interrupt before each line, at most N times")
    found.add_argument("--step", type=int, default=1, metavar="N", help="with --lines: before each N-th (%(default)s)")
    found.add_argument("--seed", type=int, default=1, metavar="N", help="of the random moments (%(default)s)")
    found.add_argument("--missing", action="store_true", help="interrupt nothing; name the calls that no program makes")
    found.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return found


def main(given: Sequence[str]) -> int:
    """Run the program; the exit code is 1 when a resource was leaked, a call hung, or no program makes a call."""
    options = parser().parse_args(given)
    for name in options.programs:
        if name not in PROGRAMS:
            parser().error(f"{name} is none of {', '.join(PROGRAMS)}")
    if options.missing:
        return missing()
    if options.child:
        chance = random.Random(options.seed)
        lines = Lines(options.step, options.interrupts)
        interrupt(options.programs[0], lines if options.lines else Signals(options.interrupts, chance))
        return 0
    words = [word for word in given if word not in options.programs]
    failed = []
    for name in options.programs or PROGRAMS:
        began = time.monotonic()
        code = subprocess.call([sys.executable, "-m", "storms", "--child", *words, name])
        print(f"{name}: {f'ended with {code}' if code else 'well'}, {time.monotonic() - began:.1f} s", flush=True)
        failed += [name] if code else []
    return 1 if failed else 0


def missing() -> int:
    """Print the public calls that no program makes, and the programs that cannot run here; the exit code."""
    once = Once()
    for name, program in PROGRAMS.items():
        if lacks(program.needs):
            print(f"{name}: left out, {program.needs} is not installed")
            continue
        with ground() as place:
            program.run(place, once)
    for call in sorted(once.missing):
        print(f"no program calls {call}")
    print(f"{len(once.made)} public calls are made")
    return 1 if once.missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

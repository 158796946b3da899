"""The line about ``import bittorrent_threads``: milliseconds over the start of the interpreter."""

from __future__ import annotations

import functools
import subprocess
import sys
import time
from typing import Dict, List

from .bench import Bench
from .report import Line, Target

TIME = "ms"
LIMIT = 60.0
RUNS = 2
"""Runs of each program in a round: one takes a tenth of a second."""
PROGRAMS = {
    "interpreter": "",
    "ours": "import bittorrent_threads",
    "ours, with Client": "from bittorrent_threads import Client",
}
HEAVY = ("ssl", "http.client", "http.server", "urllib.request", "asyncio", "argparse", "subprocess")
"""Modules that are only to be loaded when they are needed."""


def run(program: str) -> Dict[str, float]:
    """From the start of a process to its end, the shortest of some."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-c", program], check=True, timeout=60)
        times.append(time.perf_counter() - began)
    return {TIME: min(times) * 1000}


def loaded(program: str) -> List[str]:
    """Which of the heavy modules the program has loaded."""
    program = f"{program}\nimport sys\nprint(*sorted(sys.modules.keys() & {set(HEAVY)}))"
    command = [sys.executable, "-I", "-c", program]
    return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout.split()


def importing(bench: Bench) -> Line:
    """Importing the package, over the start of the interpreter."""
    line = Line("import", "a process that imports the package and ends")
    rounds = bench.in_turns({name: functools.partial(run, program) for name, program in PROGRAMS.items()})
    line.figures = rounds.medians()
    alone, ours = rounds.median(TIME, "interpreter"), rounds.median(TIME, "ours")
    over = None if alone is None or ours is None else max(0.0, ours - alone)
    line.targets.append(Target("ms over the interpreter", over, "at most", LIMIT))
    heavy = [module for program in PROGRAMS.values() for module in loaded(program)]
    line.targets.append(Target("heavy modules loaded (ssl, http and the like)", len(heavy), "at most", 0))
    line.remarks += [f"loaded: {', '.join(heavy)}"] if heavy else []
    return line

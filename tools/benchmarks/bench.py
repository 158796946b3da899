"""What every line is given: its data, the programs that are installed, and variants run in turns."""

from __future__ import annotations

import itertools
import os
import pstats
import shutil
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence, TypeVar

from .child import interpreter_memory
from .data import Data
from .peers import installed
from .report import Rounds
from .temperature import Temperature

T = TypeVar("T")
Variant = Callable[[], Mapping[str, float]]

TOP = 25
"""Functions shown of a profile."""


class Bench:
    """``size`` is the payload of a transfer in bytes, ``rounds`` how often each variant counts.

    Transfers run once at each of the ``temperatures``, and those with Transmission, which take a minute each, only with
    ``transmission``.  With ``profiling`` only variants with our side in them run, once, under a profiler: their figures
    mean nothing.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size: int,
        rounds: int,
        profiling: bool = False,
        transmission: bool = False,
        temperatures: Sequence[Temperature] = tuple(Temperature),
    ) -> None:
        self.folder = folder
        self.size = size
        self.rounds = rounds
        self.profiling = profiling
        self.data = Data(folder)
        self.temperatures = temperatures
        self.installed = installed()
        self.transmission = transmission
        self.interpreter = interpreter_memory()
        self.line = ""
        self.phase = 0.0
        """When the transfers of this round begin, by a clock that began with the seeder: 0 to 1, parts of a second.

        libtorrent sends at a third of its speed until the first tick of its clock, once a second, has told it its rate:
        rounds are spread evenly over that second, or each kind would always meet the same part of it.
        """
        self._numbers = itertools.count()
        self._profiles: Dict[str, List[Path]] = {}

    def in_turns(self, variants: Mapping[str, Variant], *, rounds: int = 0) -> Rounds:
        """Run each variant once a round, in orders that are balanced; the first round is a warm-up."""
        collected = Rounds()
        if self.profiling:
            for name in variants:
                if "ours" in name:
                    variants[name]()
            return collected
        orders = itertools.cycle(balanced(list(variants.items())))
        for number in range(1 + (rounds or self.rounds)):
            found: Dict[str, Mapping[str, float]] = {}
            self.phase = number / (rounds or self.rounds)
            for name, variant in next(orders):
                began = time.monotonic()
                found[name] = variant()
                taken = time.monotonic() - began
                self.say(f"{name}, {f'round {number}' if number else 'warm-up'}: {taken:.1f} s")
            for name in variants if number else ():
                collected.add(name, found[name])
        return collected

    def possible(self, *kinds: str) -> bool:
        """Whether these programs are all installed, and wanted."""
        return all(kind in self.installed and (self.transmission or kind != "transmission") for kind in kinds)

    def fresh(self) -> Path:
        """The path of a folder that is not there yet."""
        return self.folder / f"run-{next(self._numbers)}"

    def remove(self, folder: Path) -> None:
        """Remove what a run left."""
        shutil.rmtree(folder, ignore_errors=True)

    def profile(self, role: str) -> Dict[str, str]:
        """The option that has our child profile its network thread; nothing unless that is wanted."""
        if not self.profiling:
            return {}
        path = self.folder / f"{role}-{next(self._numbers)}.pstats"
        self._profiles.setdefault(role, []).append(path)
        return {"profile": str(path)}

    def show_profiles(self) -> None:
        """Print the functions that took longest, on standard output, and forget them."""
        if not self._profiles:
            print(f"{self.line}: no network thread of ours ran under the profiler")
        for role, paths in self._profiles.items():
            print(f"{self.line}: network thread of ours, {role}")
            pstats.Stats(*map(str, paths)).strip_dirs().sort_stats("tottime").print_stats(TOP)
        self._profiles.clear()

    def say(self, text: str) -> None:
        """Progress, to standard error."""
        print(f"[{self.line}] {text} (load {os.getloadavg()[0]:.1f})", file=sys.stderr, flush=True)


def balanced(items: Sequence[T]) -> List[List[T]]:
    """Orders in which each item comes at each place, and directly after each other item, equally often.

    These are the rows of a Williams square, and for an odd number of items the same rows reversed too.
    """
    count = len(items)
    first = [(place + 1) // 2 if place % 2 else (count - place // 2) % count for place in range(count)]
    rows = [[items[(index + shift) % count] for index in first] for shift in range(count)]
    return rows + [row[::-1] for row in rows] if count % 2 and count > 1 else rows


def missing(kinds: Sequence[str], bench: Bench) -> List[str]:
    """A remark for each program that is not installed."""
    return [f"{kind} is not installed: left out" for kind in kinds if kind not in bench.installed]

"""Run tests with branch coverage, and show which lines and branches of the package no test takes.

    python3 tools/branches.py                  the layers in which every branch must be tested, by their own tests
    python3 tools/branches.py disk net         other layers
    python3 tools/branches.py --report         no tests: the figures of what ``coverage run`` measured before

Only the process of the tests is measured.  The children that some tests start are killed, short of memory or traced by
the tests themselves.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Sequence

import environment

PACKAGE = "bittorrent_threads"
TESTED = ("metainfo", "protocol", "swarm")
"""Layers in which an untested line or branch is a failure."""
TOP = "(top level)"


@dataclasses.dataclass
class Figures:
    """What was measured in one layer."""

    lines: int = 0
    branches: int = 0
    covered: int = 0
    """Lines and branches that were taken."""
    untested: List[str] = dataclasses.field(default_factory=list)
    """A text for each module that has some: its path and what is missing."""

    def add(self, path: str, module: Mapping[str, Any]) -> None:
        """Count one file of the JSON report of coverage."""
        summary = module["summary"]
        self.lines += summary["num_statements"]
        self.branches += summary["num_branches"]
        self.covered += summary["covered_lines"] + summary["covered_branches"]
        missing = [str(line) for line in module["missing_lines"]]
        unseen = {*module["missing_lines"]}
        # A branch into or out of a line that never ran is that line once more; a negative line is the function's end.
        missing += [
            f"{start}->{end if end > 0 else 'exit'}"
            for start, end in module["missing_branches"]
            if start not in unseen and end not in unseen
        ]
        if missing:
            self.untested.append(f"{path}: {', '.join(missing)}")

    @property
    def percent(self) -> float:
        """Share of the lines and branches that were taken."""
        return 100 * self.covered / max(1, self.lines + self.branches)


def figures(report: Mapping[str, Any]) -> Dict[str, Figures]:
    """The figures of each layer in a JSON report of coverage."""
    found: Dict[str, Figures] = {}
    for path, module in sorted(report["files"].items()):
        parts = Path(path).parts
        inner = parts[parts.index(PACKAGE) + 1 :]
        layer = inner[0] if len(inner) > 1 else TOP
        found.setdefault(layer, Figures()).add(Path(path).as_posix(), module)
    return found


def show(found: Mapping[str, Figures], detailed: Iterable[str]) -> int:
    """Print a line for each layer, and what is untested in those of ``detailed``; the exit code."""
    total = Figures()
    print(f"{'layer':<12} {'lines':>7} {'branches':>9} {'covered':>9}")
    for layer, of_layer in found.items():
        print(f"{layer:<12} {of_layer.lines:>7} {of_layer.branches:>9} {of_layer.percent:>8.2f}%")
        total.lines += of_layer.lines
        total.branches += of_layer.branches
        total.covered += of_layer.covered
    print(f"{'all':<12} {total.lines:>7} {total.branches:>9} {total.percent:>8.2f}%")
    code = 0
    for layer in detailed:
        for text in found[layer].untested if layer in found else [f"all of {layer}"]:
            print(f"untested: {text}")
            code |= layer in TESTED
    return code


def measure(python: Path, layers: Sequence[str]) -> int:
    """Run the tests of these layers; the exit code of pytest."""
    tests = [f"tests/{layer}" for layer in layers]
    command = [str(python), "-m", "coverage", "run", "-m", "pytest", "-q", *tests]
    return subprocess.call(command, cwd=environment.ROOT)


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 when the tests passed and no branch of the layers in ``TESTED`` is without a test."""
    options = parser().parse_args(arguments)
    try:
        python = Path(sys.executable) if options.report else environment.prepare("test")
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    layers = options.layers or TESTED
    failed = 0 if options.report else measure(python, layers)
    command = [str(python), "-m", "coverage", "json", "--quiet", "-o", "-"]
    answer = subprocess.run(command, cwd=environment.ROOT, stdout=subprocess.PIPE, check=False)
    if answer.returncode:
        return 1
    found = figures(json.loads(answer.stdout))
    if not options.report:
        found = {layer: of_layer for layer, of_layer in found.items() if layer in layers}
    return show(found, layers) or int(failed != 0)


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    found = argparse.ArgumentParser(description="Run tests with branch coverage, and show what no test takes.")
    found.add_argument("layers", nargs="*", metavar="LAYER", help=f"folders of tests (default: {', '.join(TESTED)})")
    found.add_argument("--report", action="store_true", help="run no tests: show what was measured before")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

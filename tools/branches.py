"""Run tests with branch coverage, and list the lines and branches of the package that no test executes.

    python3 tools/branches.py                  the layers whose own tests must cover every branch
    python3 tools/branches.py disk net         other layers
    python3 tools/branches.py --report         only report the data of an earlier ``coverage run``

Only the pytest process is measured, not its children: tests kill them, limit their memory or trace them.
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
TESTED = ("metainfo", "protocol", "swarm", "dht")
"""Layers in which an untested line or branch is a failure."""
TOP = "(top level)"
MOST_SHOWN = 30
"""Lines and branches that are listed of one module."""


@dataclasses.dataclass
class Figures:
    """What was measured in one layer."""

    lines: int = 0
    branches: int = 0
    covered: int = 0
    """Lines and branches that were executed."""
    untested: List[str] = dataclasses.field(default_factory=list)
    """One text for each module with untested code: its path, lines and branches."""

    def add(self, path: str, module: Mapping[str, Any]) -> None:
        """Count one file of the JSON report of coverage."""
        summary = module["summary"]
        self.lines += summary["num_statements"]
        self.branches += summary["num_branches"]
        self.covered += summary["covered_lines"] + summary["covered_branches"]
        missing = [str(line) for line in module["missing_lines"]]
        unseen = {*module["missing_lines"]}
        # A branch to or from a line that was not executed adds nothing.  A negative number is the end of a function.
        missing += [
            f"{start}->{end if end > 0 else 'exit'}"
            for start, end in module["missing_branches"]
            if start not in unseen and end not in unseen
        ]
        if len(missing) > MOST_SHOWN:
            missing[MOST_SHOWN:] = [f"and {len(missing) - MOST_SHOWN} more"]
        if missing:
            self.untested.append(f"{path}: {', '.join(missing)}")

    @property
    def percent(self) -> float:
        """Percentage of the lines and branches that were executed."""
        return 100 * self.covered / max(1, self.lines + self.branches)


def figures(report: Mapping[str, Any]) -> Dict[str, Figures]:
    """Return the figures of each layer from a JSON report of coverage."""
    found: Dict[str, Figures] = {}
    for path, module in sorted(report["files"].items()):
        parts = Path(path).parts
        inner = parts[parts.index(PACKAGE) + 1 :]
        layer = inner[0] if len(inner) > 1 else TOP
        found.setdefault(layer, Figures()).add(Path(path).as_posix(), module)
    return found


def show(found: Mapping[str, Figures], detailed: Iterable[str]) -> int:
    """Print a line for each layer and the untested code of the layers ``detailed``; return the exit code."""
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
    """Run the tests of these layers with coverage; return the exit code of pytest."""
    tests = [f"tests/{layer}" for layer in layers]
    command = [str(python), "-m", "coverage", "run", "-m", "pytest", "-q", *tests]
    return subprocess.call(command, cwd=environment.ROOT)


def main(arguments: Sequence[str]) -> int:
    """Run the program; the exit code is 0 when the tests passed and cover every branch of the layers in ``TESTED``."""
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
    """Return the argument parser."""
    found = argparse.ArgumentParser(description="Run tests with branch coverage, and list untested code.")
    found.add_argument("layers", nargs="*", metavar="LAYER", help=f"folders of tests (default: {', '.join(TESTED)})")
    found.add_argument("--report", action="store_true", help="run no tests: report the data of an earlier run")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

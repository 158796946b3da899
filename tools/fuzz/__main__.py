"""The command line of ``tools/fuzz/run.py``."""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from typing import Sequence

from . import guided, plain
from .attempt import alarmed, attempt
from .findings import Findings
from .targets import NAMES, load

INPUTS = 100_000
FOLDER = Path("fuzz-findings")


def parser() -> argparse.ArgumentParser:
    """Return the argument parser of ``tools/fuzz/run.py``."""
    found = argparse.ArgumentParser(
        prog="run.py",
        description="Fuzz parsers and state machines, guided by coverage where atheris is installed.",
        epilog=f"targets: {', '.join(NAMES)}, all",
    )
    found.add_argument("targets", nargs="+", metavar="TARGET", choices=[*NAMES, "all"], help="see below")
    found.add_argument("--inputs", type=int, default=INPUTS, metavar="N", help="how many for each target (%(default)s)")
    found.add_argument("--seed", type=int, metavar="N", help="random seed; repeats a run without atheris")
    found.add_argument("--plain", action="store_true", help="do not use atheris")
    found.add_argument(
        "--findings", type=Path, default=FOLDER, metavar="FOLDER", help="where failing inputs are kept (%(default)s)"
    )
    found.add_argument("--replay", type=Path, nargs="+", metavar="FILE", help="run these inputs, and show what fails")
    return found


def main(arguments: Sequence[str]) -> int:
    """Run the program; the exit code is 0 when no input failed."""
    options = parser().parse_args(arguments)
    names = list(NAMES) if "all" in options.targets else list(dict.fromkeys(options.targets))
    if options.replay is not None:
        return max([replay(name, options.replay) for name in names])
    seed = random.SystemRandom().randrange(2**31) if options.seed is None else options.seed
    if not options.plain and guided.available():
        if len(names) > 1:
            print("run.py: with atheris one target at a time, or --plain", file=sys.stderr)
            return 2
        return follow_coverage(names[0], options.findings, seed=seed, inputs=options.inputs)
    return max([mutate(name, options.findings, seed=seed, inputs=options.inputs) for name in names])


def replay(name: str, paths: Sequence[Path]) -> int:
    """Run the inputs in these files, and print the result of each."""
    target = load(name)
    code = 0
    with alarmed():
        for path in paths:
            finding = attempt(target, path.read_bytes())
            print(f"{name} {path}: {'passes' if finding is None else finding.text}")
            code |= finding is not None
    return code


def mutate(name: str, folder: Path, *, seed: int, inputs: int) -> int:
    """Run random mutations of the seeds."""
    findings = Findings(name, folder)
    began = time.monotonic()
    tried = plain.run(load(name), findings, seed=seed, inputs=inputs)
    return conclude(name, findings, tried, time.monotonic() - began, f"seed {seed}")


def follow_coverage(name: str, folder: Path, *, seed: int, inputs: int) -> int:
    """Run atheris, which ends the process itself."""
    findings = Findings(name, folder)
    began = time.monotonic()

    def done(tried: int) -> int:
        return conclude(name, findings, tried, time.monotonic() - began, "guided by coverage")

    target = guided.load(lambda: load(name))
    guided.run(target, findings, folder / f"{name}-corpus", seed=seed, inputs=inputs, done=done)
    return 1  # libFuzzer itself gave up


def conclude(name: str, findings: Findings, tried: int, seconds: float, how: str) -> int:
    """Print a summary; return the exit code."""
    failed = sum(findings.counts.values())
    print(f"{name}: {tried} inputs in {seconds:.0f} s ({how}), {failed} failed")
    if findings:
        print(findings.report())
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A run of ``atheris``: libFuzzer makes the inputs, guided by the lines of the library that they execute.

libFuzzer stops at the first failure and never returns.  So failures are kept here and hidden from it, and the process
ends itself when all inputs were tried.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Callable

from .attempt import alarmed, attempt
from .findings import Findings, shortened
from .target import Target

SLOW = 900
"""Seconds for one input after which libFuzzer ends the process, in case code outside of Python hangs.

These are real seconds: a process of low priority may not run for minutes.  ``attempt`` limits the processor
time of an input.
"""

REPORTED = 100_000
"""Inputs between two lines of progress."""


def available() -> bool:
    """Whether this Python has ``atheris``."""
    try:
        import atheris  # noqa: F401
    except ImportError:
        return False
    return True


def load(import_target: Callable[[], Target]) -> Target:
    """Call ``import_target`` with coverage instrumentation for all modules of the library that it imports."""
    import atheris

    with atheris.instrument_imports(include=["bittorrent_threads"]):
        return import_target()


def run(
    target: Target, findings: Findings, corpus: Path, *, seed: int, inputs: int, done: Callable[[int], int]
) -> None:
    """Run ``inputs`` inputs, then end the process with the exit code that ``done(inputs)`` returns."""
    import atheris

    tried = 0

    def one_input(data: bytes) -> None:
        nonlocal tried
        tried += 1
        finding = attempt(target, data)
        if finding is not None:
            findings.add(finding if finding.place in findings.counts else shortened(target, finding))
        if not tried % REPORTED:
            print(f"{tried} inputs, {sum(findings.counts.values())} failed", file=sys.stderr, flush=True)
        if tried >= inputs:
            code = done(tried)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(data)
    words = corpus.with_name(f"{corpus.name}.dict")
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in target.tokens if token), encoding="ascii")
    options = [
        f"-seed={seed % 2**32 or 1}",
        f"-max_len={target.longest}",
        f"-dict={words}",
        f"-timeout={SLOW}",
        f"-artifact_prefix={corpus.parent}{os.sep}",
        "-print_final_stats=0",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
    with alarmed():
        atheris.Fuzz()


def _escaped(token: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token)

"""A run of the mutator: the seeds themselves, then what becomes of them."""

from __future__ import annotations

import itertools
import random
import time
from typing import Iterator, Optional

from .attempt import alarmed, attempt
from .findings import Findings, shortened
from .mutator import Mutator
from .target import Target


def inputs_of(target: Target, seed: int) -> Iterator[bytes]:
    """The seeds of a target, then their mutations without an end; the same for the same ``seed``."""
    seeds = target.seeds()
    yield from seeds
    mutator = Mutator(random.Random(seed), seeds, target.tokens, target.longest)
    while True:
        yield mutator.next()


def run(
    target: Target, findings: Findings, *, seed: int, inputs: Optional[int] = None, seconds: Optional[float] = None
) -> int:
    """Try so many inputs, or for so many seconds of processor time; returns how many were tried.

    The first finding of each place is made shorter before it is kept.
    """
    end = None if seconds is None else time.process_time() + seconds
    tried = 0
    with alarmed():
        for data in itertools.islice(inputs_of(target, seed), inputs):
            if end is not None and time.process_time() >= end:
                break
            tried += 1
            finding = attempt(target, data)
            if finding is not None:
                findings.add(finding if finding.place in findings.counts else shortened(target, finding))
    return tried

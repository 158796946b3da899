"""A run without coverage: the seeds, then random mutations of them."""

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
    """Yield the seeds of a target, then endless mutations of them, determined by ``seed``."""
    seeds = target.seeds()
    yield from seeds
    mutator = Mutator(random.Random(seed), seeds, target.tokens, target.longest)
    while True:
        yield mutator.next()


def run(
    target: Target, findings: Findings, *, seed: int, inputs: Optional[int] = None, seconds: Optional[float] = None
) -> int:
    """Run ``inputs`` inputs, or run for ``seconds`` of processor time; return the number of inputs.

    The first finding of each place is shortened before it is stored.
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

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
    """Run ``inputs`` inputs, or the seeds and then mutations for ``seconds`` of processor time.

    The first finding of each place is shortened before it is stored.  Returns the number of inputs.
    """
    seeds = len(target.seeds())
    end = 0.0
    tried = 0
    with alarmed():
        for data in itertools.islice(inputs_of(target, seed), inputs):
            if seconds is not None and tried >= seeds:
                end = end or time.process_time() + seconds
                if time.process_time() >= end:
                    break
            tried += 1
            finding = attempt(target, data)
            if finding is not None:
                findings.add(finding if finding.place in findings.counts else shortened(target, finding))
    return tried

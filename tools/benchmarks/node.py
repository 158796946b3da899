"""What our child and libtorrent's have in common: the commands they are given, and how they notice the end.

Commands are JSON documents, one a line: ``{"dial": [[host, port], …]}`` dials, waits until complete and says so; with
``"for"`` it samples the bytes received for so many seconds instead; with ``"seed"`` it only dials.  ``{"quit": true}``
and the end of the input end the child.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any, Callable, Dict, List, Protocol, Sequence, Tuple

POLL = 0.005
"""Seconds between two looks at whether a transfer is complete."""
SAMPLE = 0.02
"""Seconds between two samples of the bytes received."""
ALONE = 1.0
"""Seconds for which the busy loop is measured with nothing beside it."""
STRETCH = 1000
"""Rounds of the busy loop between two looks at the clock."""
TRANSFER_TIMEOUT = 600.0

Address = Tuple[str, int]


class Node(Protocol):
    """One or more torrents in a client."""

    def dial(self, peers: Sequence[Address]) -> None:
        """Connect to these."""

    def complete(self) -> bool:
        """Is everything there?"""

    def received(self) -> int:
        """Payload bytes so far."""


def say(**facts: Any) -> None:
    """Print a JSON document."""
    print(json.dumps(facts), flush=True)


def serve(node: Node, addresses: Sequence[Address], *, busy: bool) -> None:
    """Say where the node listens, then do what is asked."""
    alone = spin(lambda: False, ALONE) if busy else 0.0
    say(addresses=addresses)
    for line in sys.stdin:
        command: Dict[str, Any] = json.loads(line)
        if "dial" not in command:
            return
        peers = [(host, port) for host, port in command["dial"]]
        began = time.perf_counter()
        node.dial(peers)
        if command.get("seed"):
            continue
        if "for" in command:
            say(samples=sample(node.received, began, command["for"]))
        elif busy:
            rate = spin(node.complete, TRANSFER_TIMEOUT)
            say(complete=node.complete(), kept=rate / alone)
        else:
            while not node.complete():
                if time.perf_counter() - began > TRANSFER_TIMEOUT:
                    raise SystemExit(f"not complete after {TRANSFER_TIMEOUT:.0f} s")
                time.sleep(POLL)
            say(complete=True)


def spin(done: Callable[[], bool], timeout: float) -> float:
    """A pure Python loop that looks every ``POLL`` whether it is done; returns its rounds a second."""
    began = now = time.perf_counter()
    look = began + POLL
    rounds = 0
    while now - began < timeout:
        for _ in range(STRETCH):
            rounds += 1
        now = time.perf_counter()
        if now >= look:
            if done():
                break
            look = now + POLL
    return rounds / (now - began)


def sample(received: Callable[[], int], began: float, seconds: float) -> List[Tuple[float, int]]:
    """Time and bytes, every time they grew."""
    samples = [(0.0, 0)]
    while samples[-1][0] < seconds and time.perf_counter() - began < seconds:
        count = received()
        if count != samples[-1][1]:
            samples.append((time.perf_counter() - began, count))
        time.sleep(SAMPLE)
    return samples

"""A link with delay in a process of its own: every byte leaves at the other end so many seconds after it came in.

    python -m benchmarks.relay '{"host": …, "target": [host, port], "delay": 0.05}'

It ends with its input.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Dict

from bittorrent_threads.testing.relay import Relay

from .node import say


def main(options: Dict[str, Any]) -> None:
    """Relay until the input ends."""
    with Relay(tuple(options["target"]), round_trip=2 * options["delay"], host=options["host"]) as relay:
        say(addresses=[relay.address])
        sys.stdin.read()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

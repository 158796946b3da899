"""The child that reads a file of a torrent while it is downloaded, or only downloads it.

    python -m benchmarks.reading_child '{"torrent": …, "directory": …, "host": …, "verb": "download" | "read" | …}'

It says ``ready``, takes one command, ``{"dial": [[host, port], …]}``, and says what it measured.
"""

from __future__ import annotations

import io
import json
import random
import sys
import time
import zipfile
from typing import Any, Callable, Dict, List, Sequence

import bittorrent_threads as bt

from . import node
from .ours import QUIET

CHUNK = 1024 * 1024
SEEKS = 20
FIRST_READS = 3
"""Seeks that are made before those that count: the rate of the peer is not known."""


def download(client: bt.Client) -> Dict[str, Any]:
    """Wait until everything is there."""
    client.wait("seed", timeout=node.TRANSFER_TIMEOUT)
    return {}


def read(client: bt.Client) -> Dict[str, Any]:
    """Read the file from its begin to its end."""
    buffer = memoryview(bytearray(CHUNK))
    done = 0
    with client.open(0, timeout=node.TRANSFER_TIMEOUT) as file:
        while done < file.length:
            done += file.readinto(buffer)
    return {"read": done}


def seek(client: bt.Client) -> Dict[str, Any]:
    """Read a few bytes at places that are not there yet, while everything else is downloaded."""
    chance = random.Random(1)
    times: List[float] = []
    with client.open(0, timeout=node.TRANSFER_TIMEOUT) as file:
        while len(times) < FIRST_READS + SEEKS:
            place = chance.randrange(file.length - CHUNK)
            index = place // client.piece_length
            if client.bitfield[index >> 3] & 0x80 >> (index & 7):
                continue
            time.sleep(0.3)
            began = time.perf_counter()
            file.seek(place)
            file.read(100)
            times.append(time.perf_counter() - began)
    return {"times": times[FIRST_READS:]}


def archive(client: bt.Client) -> Dict[str, Any]:
    """Read the last member of a zip archive."""
    with zipfile.ZipFile(io.BufferedReader(client.open(0, timeout=node.TRANSFER_TIMEOUT))) as found:
        size = len(found.read(found.infolist()[-1]))
    time.sleep(1.5)  # the figures of the client are those of the last second
    return {"read": size, "downloaded": client.downloaded}


VERBS: Dict[str, Callable[[bt.Client], Dict[str, Any]]] = {
    "download": download,
    "read": read,
    "seek": seek,
    "archive": archive,
}


def main(options: Dict[str, Any]) -> None:
    """Run one client."""
    settings = QUIET.replace(host=options["host"])
    priorities = [0] if options["alone"] else None
    with bt.Client(options["torrent"], options["directory"], settings=settings, priorities=priorities) as client:
        client.wait("checked", timeout=node.TRANSFER_TIMEOUT)
        node.say(ready=True)
        peers: Sequence[node.Address] = json.loads(sys.stdin.readline())["dial"]
        began = time.perf_counter()
        for host, port in peers:
            client.add_peer(host, port)
        found = VERBS[options["verb"]](client)
        node.say(seconds=time.perf_counter() - began, **found)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

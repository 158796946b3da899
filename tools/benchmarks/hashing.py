"""The lines about hashing: checks and ``create`` beside the SHA-1 limit of the machine.

The limit is ``openssl speed`` with buffers of 1 MiB on all processors at once, measured in every round like all else;
libtorrent's full check is shown beside ours.  All files are in the page cache.

The floor is the least that a program does which reads files: one thread a processor reads 1 MiB at a time into memory
that it uses again, and takes the SHA-1 of each piece.  What it lacks of the limit is the copy from the page cache.

    python -m benchmarks.hashing '{"verb": "check" | "recheck" | "create" | "floor", …}'

is the child: it waits for ``{"go": true}`` and answers with ``seconds``.
"""

from __future__ import annotations

import functools
import hashlib
import json
import mmap
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Mapping

from .bench import Bench, missing
from .child import Child, ChildFailed, python
from .data import KIB, MIB, size_text
from .node import POLL, TRANSFER_TIMEOUT, say
from .report import Line, Target

RATE = "MB/s"
MEGA = 1_000_000
LIMIT = "openssl speed"
FLOOR = "floor"
CHUNK = MIB
"""Bytes that the floor reads at a time."""
SHARES = {MIB: 0.75, 16 * KIB: 0.5, 16 * MIB: 0.75}
"""What must be reached of the limit, by piece length; pieces of 16 MiB owe what those of 1 MiB do."""
FLOOR_SHARES = {MIB: 0.9, 16 * KIB: 0.7, 16 * MIB: 0.9}
"""What must be reached of the floor, by piece length."""


def openssl_limit() -> Dict[str, float]:
    """SHA-1 of all processors together, in a second of measuring."""
    # Of the time that passes, as for the others: the rest of the machine may be busy.
    timing = ["-elapsed", "-seconds", "1", "-multi", str(len(os.sched_getaffinity(0)))]
    command = ["openssl", "speed", *timing, "-evp", "sha1", "-bytes", str(MIB)]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ChildFailed(f"openssl: {error}") from error
    found = re.search(r"^sha1\s+([\d.]+)k$", answer.stdout, re.MULTILINE)
    if found is None:
        raise ChildFailed(f"openssl speed said nothing of SHA-1:\n{answer.stdout}")
    return {RATE: float(found[1]) * 1000 / MEGA}


def measure(bench: Bench, verb: str, piece_length: int) -> Dict[str, float]:
    """One child that hashes all the data once."""
    path = bench.data.file(bench.size)
    torrent = bench.data.torrent(bench.size, piece_length)
    profile = bench.profile(verb) if verb == "check" else {}
    options = {"torrent": str(torrent), "path": str(path), "piece_length": piece_length, **profile}
    with Child(python("hashing", verb=verb, **options)) as child:
        child.answer()
        bench.data.warm(bench.size)
        child.mark()
        child.tell(go=True)
        seconds = child.answer(TRANSFER_TIMEOUT)["seconds"]
        usage = child.finish(quit=True)
    return {
        RATE: bench.size / seconds / MEGA,
        "CPU s/GiB": usage.cpu * 1024 * MIB / bench.size,
        "peak MiB": (usage.peak - bench.interpreter) / MIB,
    }


def hashcheck(bench: Bench) -> Line:
    """Hash check of all pieces, beside the SHA-1 limit of the machine and libtorrent's."""
    line = Line("hashcheck", f"hash check of {size_text(bench.size)} in the page cache")
    verbs = {"ours": "check", FLOOR: "floor", **({"libtorrent": "recheck"} if bench.possible("libtorrent") else {})}
    _compare(bench, line, verbs)
    line.remarks += missing(["libtorrent"], bench)
    return line


def create(bench: Bench) -> Line:
    """Making a torrent, beside the SHA-1 limit of the machine."""
    line = Line("create", f"create the torrent of {size_text(bench.size)} in the page cache")
    _compare(bench, line, {"ours": "create", FLOOR: "floor"})
    return line


def _compare(bench: Bench, line: Line, verbs: Mapping[str, str]) -> None:
    variants: Dict[str, Callable[[], Dict[str, float]]] = {LIMIT: openssl_limit}
    for piece_length in SHARES:
        for kind, verb in verbs.items():
            name = f"{kind}, {size_text(piece_length)}"
            variants[name] = functools.partial(measure, bench, verb, piece_length)
    rounds = bench.in_turns(variants)
    line.figures = rounds.medians()
    for piece_length, least in SHARES.items():
        name = f"ours, {size_text(piece_length)}"
        share = rounds.ratio(RATE, name, LIMIT)
        line.targets.append(Target(f"{name} / {LIMIT}", share, "at least", least))
        beside = f"{FLOOR}, {size_text(piece_length)}"
        line.targets.append(
            Target(f"{name} / {FLOOR}", rounds.ratio(RATE, name, beside), "at least", FLOOR_SHARES[piece_length])
        )


# -- the child -------------------------------------------------------------------------------------------------------


def _timed(verb: Callable[[], Any]) -> None:
    say(ready=True)
    sys.stdin.readline()
    began = time.perf_counter()
    verb()
    say(seconds=time.perf_counter() - began)
    sys.stdin.readline()


def _check(options: Dict[str, Any]) -> None:
    import bittorrent_threads as bt

    from .ours import profiled

    folder = Path(options["path"]).parent
    with profiled(options), bt.Client(options["torrent"], folder, state="stopped", resume=False) as client:
        _timed(client.hashcheck)
        if not client.seed:
            raise SystemExit("the data failed its check")


def _recheck(options: Dict[str, Any]) -> None:
    import libtorrent as lt

    from .libtorrent_child import SETTINGS

    settings: Any = {**SETTINGS, "listen_interfaces": "127.0.0.8:0"}
    session = lt.session(settings)
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(options["torrent"])
    params.save_path = str(Path(options["path"]).parent)
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    params.have_pieces = [True] * params.ti.num_pieces()
    torrent = session.add_torrent(params)

    def wait_seeding(seeding: bool) -> None:
        while torrent.status().is_seeding != seeding:
            time.sleep(POLL)

    def recheck() -> None:
        torrent.force_recheck()
        wait_seeding(False)
        wait_seeding(True)

    wait_seeding(True)

    _timed(recheck)


def _create(options: Dict[str, Any]) -> None:
    from bittorrent_threads import create  # which takes 0.08 s the first time

    _timed(lambda: create(options["path"], piece_length=options["piece_length"]))


def _floor(options: Dict[str, Any]) -> None:
    size, piece_length = os.path.getsize(options["path"]), options["piece_length"]
    processors = len(os.sched_getaffinity(0))
    pieces = -(-size // piece_length)
    share = -(-pieces // processors) * piece_length
    descriptor = os.open(options["path"], os.O_RDONLY)

    def work(begin: int) -> None:
        view = memoryview(mmap.mmap(-1, CHUNK))
        end = min(begin + share, size)
        at_once = max(1, CHUNK // piece_length) * piece_length
        for start in range(begin, end, at_once):
            hasher = hashlib.sha1()
            for at in range(start, min(start + at_once, end), CHUNK):
                count = os.preadv(descriptor, [view[: end - at]], at)
                if piece_length >= CHUNK:
                    hasher.update(view[:count])
                else:
                    for piece in range(0, count, piece_length):
                        hashlib.sha1(view[piece : min(piece + piece_length, count)]).digest()
            hasher.digest()

    def run() -> None:
        threads = [threading.Thread(target=work, args=(number * share,)) for number in range(processors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    _timed(run)
    os.close(descriptor)


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    {"check": _check, "recheck": _recheck, "create": _create, "floor": _floor}[chosen["verb"]](chosen)

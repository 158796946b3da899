"""The command line of ``tools/bench.py``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

import bittorrent_threads as bt

from . import (
    blocklists,
    blocks,
    dask_copies,
    data,
    dht,
    dht_idle,
    hashing,
    idle,
    importing,
    limits,
    magnet,
    memory,
    picking,
    reading,
    smallfiles,
    swarms,
)
from .bench import Bench
from .child import ChildFailed
from .report import Line, tally
from .summary import summary
from .temperature import Temperature

LINES: Dict[str, Callable[[Bench], Line]] = {
    "download-libtorrent": swarms.download_libtorrent,
    "download-aria2": swarms.download_aria2,
    "seed-libtorrent": swarms.seed_libtorrent,
    "seed-aria2": swarms.seed_aria2,
    "ours-ours": swarms.ours_ours,
    "eight-seeders": swarms.eight_seeders,
    "eight-downloaders": swarms.eight_downloaders,
    "small-pieces": swarms.small_pieces,
    "delay": swarms.delay,
    "busy-main": swarms.busy_main,
    "magnet": magnet.magnet,
    "pick": picking.pick,
    "blocks": blocks.blocks,
    "hashcheck": hashing.hashcheck,
    "create": hashing.create,
    "read": reading.read,
    "seek": reading.seek,
    "read-archive": reading.read_archive,
    "small-files": smallfiles.small_files,
    "rss": memory.rss,
    "idle": idle.idle,
    "dht-idle": dht_idle.dht_idle,
    "dht": dht.dht,
    "dask": dask_copies.dask,
    "import": importing.importing,
    "limits": limits.limits,
    "ip-filter": blocklists.ip_filter,
}


SUMMARY = """bench.py summary FILE...
  Of documents that earlier runs printed with --json: each target's value in the median run and in the worst."""


def parser() -> argparse.ArgumentParser:
    """Of the arguments of ``tools/bench.py``."""
    lines = "\n".join(f"  {name:<20} {function.__doc__}" for name, function in LINES.items())
    found = argparse.ArgumentParser(
        prog="bench.py",
        description="Measure this library beside libtorrent, aria2 and Transmission.",
        epilog=f"lines:\n{lines}\n  {'all':<20} Every line.\n\n{SUMMARY}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("lines", nargs="+", metavar="LINE", choices=[*LINES, "all"], help="one or more of those below")
    found.add_argument("--size", type=data.size, default=data.size("1Gi"), help="payload of a transfer (1Gi)")
    found.add_argument("--rounds", type=int, default=5, help="counted rounds of each line, after a warm-up (5)")
    found.add_argument("--directory", help="where the files are made (the system's; /dev/shm keeps them in memory)")
    temperatures = [temperature.value for temperature in Temperature]
    found.add_argument("--temperature", choices=temperatures, help="of memory; without it transfers run at both")
    found.add_argument("--transmission", action="store_true", help="measure Transmission too, a minute a round")
    found.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    found.add_argument("--profile", action="store_true", help="run our side once, profiled, and print its functions")
    return found


def machine() -> Dict[str, Any]:
    """What the figures depend on."""
    return {
        "system": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "version": bt.__version__,
        "load": os.getloadavg()[0],
        "time": int(time.time()),
    }


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0 when everything that was asked for was measured."""
    if arguments[:1] == ["summary"]:
        print(summary(arguments[1:]))
        return 0
    options = parser().parse_args(arguments)
    names = list(LINES) if "all" in options.lines else list(dict.fromkeys(options.lines))
    started = machine()
    lines: List[Line] = []
    failed = False
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.directory) as folder:
        bench = Bench(
            Path(folder),
            size=options.size,
            rounds=options.rounds,
            profiling=options.profile,
            transmission=options.transmission,
            temperatures=[Temperature(options.temperature)] if options.temperature else list(Temperature),
        )
        for name in names:
            bench.line = name
            try:
                line = LINES[name](bench)
            except ChildFailed as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr, flush=True)
                continue
            lines.append(line)
            if options.profile:
                bench.show_profiles()
            elif not options.json:
                print(f"{line}\n", flush=True)
    if options.json:
        shape = {"size": options.size, "rounds": options.rounds}
        print(json.dumps({"machine": started, **shape, "lines": [line.plain() for line in lines]}, indent=1))
    elif not options.profile:
        print(f"{tally(lines)}; {started}, load now {os.getloadavg()[0]:.1f}")
    return int(failed)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

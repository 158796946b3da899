"""The line about the IP filter: how long a list of 300,000 ranges takes to load, and a question to be answered.

The files are those of the usual forms, with random ranges that do not overlap; they are loaded by ``ip_filter.load`` of
a session, in this process.  The questions are random addresses of the same family as the ranges.
"""

from __future__ import annotations

import functools
import gzip
import ipaddress
import random
import time
from pathlib import Path
from typing import Callable, Dict, List, Tuple

import bittorrent_threads as bt
from bittorrent_threads.swarm.ip_ranges import IpRange, IpRanges

from .bench import Bench
from .report import Line, Target

RANGES = 300_000
QUESTIONS = 100_000
REPEATS = 3
"""Runs of which a round is the best: whatever else the machine does only adds to one."""
LOAD = "s to load"
ANSWER = "us an answer"
MOST_SECONDS, MOST_MICROSECONDS = 2.0, 2.0

Ends = Tuple[int, int]
"""First and last address."""


def ends(bits: int) -> List[Ends]:
    """Random ranges."""
    chance = random.Random(1)
    step = (1 << bits) // RANGES
    return [(at * step, at * step + chance.randrange(1, step - 1)) for at in range(RANGES)]


def text4(number: int) -> str:
    """The usual text of an IPv4 address."""
    return str(ipaddress.IPv4Address(number))


def text6(number: int) -> str:
    """The shortest text of an IPv6 address."""
    return str(ipaddress.IPv6Address(number))


def zeros(number: int) -> str:
    """An IPv4 address with leading zeros, as the DAT form has it."""
    return ".".join(f"{number >> shift & 255:03}" for shift in (24, 16, 8, 0))


FORMS: Dict[str, Callable[[Ends], str]] = {
    "DAT": lambda each: f"{zeros(each[0])} - {zeros(each[1])} , 000 , Some organisation",
    "P2P": lambda each: f"Some organisation, Inc.:{text4(each[0])}-{text4(each[1])}",
    "CIDR": lambda each: f"{text4(each[0])}/24",
    "CIDR, IPv6": lambda each: f"{text6(each[0])}/64",
}


def bits_of(form: str) -> int:
    """The bits of an address of this form."""
    return 128 if "IPv6" in form else 32


def write(folder: Path, form: str) -> Path:
    """A blocklist, compressed."""
    path = folder / f"{form}.gz"
    lines = map(FORMS[form], ends(bits_of(form)))
    path.write_bytes(gzip.compress("\n".join(lines).encode(), 1))
    return path


def load(session: bt.Session, path: Path) -> Dict[str, float]:
    """Seconds of ``ip_filter.load`` into an empty filter."""
    times = []
    for _ in range(REPEATS):
        session.ip_filter.clear()
        began = time.perf_counter()
        found = session.ip_filter.load(path)
        times.append(time.perf_counter() - began)
        assert found.ranges == RANGES
    return {LOAD: min(times)}


def answer(bits: int) -> Dict[str, float]:
    """Microseconds of a question."""
    chance = random.Random(2)
    blocked = IpRanges([IpRange(bits, *each) for each in ends(bits)])
    text = text6 if bits == 128 else text4
    hosts = [text(chance.getrandbits(bits)) for _ in range(QUESTIONS)]
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for host in hosts:
            host in blocked  # noqa: B015 - the question is what is measured
        times.append(time.perf_counter() - began)
    return {ANSWER: min(times) / QUESTIONS * 1e6}


def ip_filter(bench: Bench) -> Line:
    """Loading a blocklist of 300,000 ranges, and asking the filter."""
    line = Line("ip-filter", f"an IP filter of {RANGES:,} ranges")
    with bt.Session(bt.Settings(host="127.0.0.1")) as session:
        files = {f"load {form}": write(bench.folder, form) for form in FORMS}
        loads = {name: functools.partial(load, session, path) for name, path in files.items()}
        questions = {f"ask IPv{4 if bits == 32 else 6}": functools.partial(answer, bits) for bits in (32, 128)}
        rounds = bench.in_turns({**loads, **questions})
    line.figures = rounds.medians()
    line.targets = [Target(f"s, {name}", rounds.median(LOAD, name), "at most", MOST_SECONDS) for name in loads]
    line.targets += [
        Target(f"us, {name}", rounds.median(ANSWER, name), "at most", MOST_MICROSECONDS) for name in questions
    ]
    return line

"""Several runs of the benchmarks, started anew at different times, in one table: the median run and the worst."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any, Dict, List, Sequence

from .report import number


def summary(paths: Sequence[str]) -> str:
    """Tabulate the targets of all lines.

    Args:
        paths: Files with the JSON documents that runs of the benchmarks printed.

    Returns:
        A line of text for each target: its values in the median and in the worst run, its limit, and how many runs
        measured it.
    """
    found: Dict[str, Dict[str, List[Dict[str, Any]]]] = {}
    for path in paths:
        for line in json.loads(Path(path).read_text(encoding="utf-8"))["lines"]:
            for target in line["targets"]:
                if target["value"] is not None:
                    found.setdefault(line["name"], {}).setdefault(target["what"], []).append(target)
    rows = []
    for name, targets in found.items():
        rows.append(f"{name}:")
        rows.extend(f"    {what}: {_told(runs)}" for what, runs in targets.items())
    return "\n".join(rows)


def _told(runs: Sequence[Dict[str, Any]]) -> str:
    values = [run["value"] for run in runs]
    bound, limit = runs[0]["bound"], runs[0]["limit"]
    worst = min(values) if bound == "at least" else max(values)
    median = statistics.median(values)
    return f"median {number(median)}, worst {number(worst)} of {len(values)} runs, {bound} {limit:g}"

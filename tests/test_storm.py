"""Interrupts at chosen lines and at random moments, in every call of the public API (``tools/storm.py``)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = re.findall(
    r'^    "([\w.]+)": Program\(', (ROOT / "tools" / "storms" / "programs.py").read_text(encoding="utf-8"), re.MULTILINE
)

pytestmark = pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="needs timers that send signals")


def storm(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "storms", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tools"), str(ROOT)])},
        capture_output=True,
        text=True,
        timeout=110,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "is not installed" in done.stdout:
        pytest.skip(done.stdout)
    return done.stdout


def test_the_programs_make_every_public_call() -> None:
    pytest.importorskip("matplotlib", reason="the calls of a program that cannot run would be missing")
    assert "public calls are made" in storm("--missing")


@pytest.mark.parametrize("name", PROGRAMS)
def test_at_random_moments(name: str) -> None:
    count = {"close": 30, "move": 15, "client": 60, "session.add": 60, "plot": 20}.get(name, 100)
    assert f"{name}: {count} interrupts, nothing left" in storm("--interrupts", str(count), name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_at_lines_in_turn(name: str) -> None:
    step = {"move": 17, "close": 13, "plot": 41}.get(name, 7)
    printed = storm("--lines", "--step", str(step), name)
    found = re.search(rf"^{re.escape(name)}: (\d+) interrupts, nothing left$", printed, re.MULTILINE)
    assert found is not None
    assert int(found[1]) > 10

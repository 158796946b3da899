"""A program that PyInstaller has frozen has all that it needs, found by reading the imports."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Callable

import pytest
from support.loopback import ROOT

PROGRAM = """
    import sys
    from pathlib import Path
    import bittorrent_threads as bt

    folder = Path(sys.argv[1])
    (folder / "seed").mkdir()
    (folder / "seed" / "data").write_bytes(bytes(range(256)) * 1000)
    settings = bt.Settings(host="127.0.0.1")
    metainfo = bt.create(folder / "seed" / "data", piece_length=16384)
    with bt.Client(metainfo, folder / "seed", settings=settings) as seed:
        seed.wait("checked", timeout=30)
        peers = [("127.0.0.1", seed.port)]
        result = bt.download(metainfo, folder / "down", peers=peers, settings=settings, timeout=30)
    assert (folder / "down" / "data").stat().st_size == result.size
    print(sys.frozen)
"""
OPTIONAL = ("argcomplete", "distributed", "fsspec", "matplotlib", "pytest", "tqdm")
"""What the package imports where it is installed, as it is not where such a program is frozen; with their own imports,
such as PySide6 and pandas, the test would take a minute longer."""


@pytest.mark.timeout(300)
def test_a_frozen_program_creates_seeds_and_downloads(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer("PyInstaller")
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    options = ["--noconfirm", "--log-level", "ERROR", "--paths", str(ROOT)]
    options += [f"--exclude-module={name}" for name in OPTIONAL]
    done = subprocess.run(
        [sys.executable, "-m", "PyInstaller", *options, "program.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    program = tmp_path / "dist" / "program" / "program"
    assert subprocess.check_output([program, tmp_path], cwd=tmp_path, text=True, timeout=100) == "True\n"

"""Figures, drawn by a real matplotlib, without pyplot."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from support.loopback import ROOT
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt
from bittorrent_threads.notebook import figure


@pytest.mark.interop
def test_a_client_is_plotted(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer("matplotlib")
    with seeder(tmp_path / "seed") as seed:
        seed.upload_limit = 150_000
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(SMALL.metainfo(), tmp_path / "down", peers=peers, settings=LOCAL) as down:
            down.wait(timeout=PATIENCE)
            rows = down.history()
            drawn: Any = down.plot()
        assert len(rows) >= 2
        assert max(float(row["download_rate"]) for row in rows) > 10_000
        assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    rates, pieces, _ = drawn.axes
    assert len(rates.lines[0].get_xdata()) == len(rows)
    assert pieces.get_title(loc="left") == "13 of 13 pieces"
    assert drawn._repr_png_().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules
    again: Any = down.plot()
    assert again._repr_png_(), "a closed client, too"


@pytest.mark.interop
def test_names_are_no_formulas(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer("matplotlib")
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL) as client:
        status = dataclasses.replace(client.status(), name=r"$\frac{$ x")
    points = [(-300.0, 1e6, 0.0), (-299.0, 1e6, 0.0), (-1.0, 5e5, 1e5)]
    drawn: Any = figure.plot(status, points)
    assert drawn._repr_png_().startswith(b"\x89PNG")
    assert list(drawn.axes[0].lines[0].get_ydata())[2:4] == [0.0, 0.0], "nothing moved between"


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    client = bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL)
    with client, pytest.raises(ImportError, match=r"bittorrent_threads\[plot\]"):
        client.plot()


def test_the_package_does_not_import_matplotlib() -> None:
    program = "import sys, bittorrent_threads.client, bittorrent_threads.notebook.cards; print(sorted(sys.modules))"
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "bittorrent_threads.notebook.cards" in said
    assert "matplotlib" not in said

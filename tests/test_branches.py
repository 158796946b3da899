"""``tools/branches.py``: the untested lines and branches that it lists, and its exit code."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULE = """\
def sign(number):
    if number > 0:
        text = "+"
    elif number < 0:
        text = "-"
    else:
        text = ""
    while number:
        number = 0
    return text
"""


@pytest.fixture
def branches(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("branches", ROOT / "tools" / "branches.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "branches", module)  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


def measured(folder: Path, layer: str, *numbers: int) -> Dict[str, Any]:
    """The report of coverage for a package of one module, called with these numbers."""
    inner = folder / "bittorrent_threads" / layer
    inner.mkdir(parents=True)
    (inner / "sample.py").write_text(MODULE)
    for package in (inner.parent, inner):
        (package / "__init__.py").touch()
    (folder / "setup.cfg").write_text((ROOT / "setup.cfg").read_text(encoding="utf-8"))
    module = f"bittorrent_threads.{layer}.sample" if layer else "bittorrent_threads.sample"
    (folder / "program.py").write_text(f"from {module} import sign\nprint([sign(n) for n in {numbers}])\n")
    environment = {**os.environ, "COVERAGE_FILE": str(folder / "data"), "PYTHONPATH": str(folder)}
    for arguments in (["run", "program.py"], ["json", "--quiet", "-o", "report.json"]):
        command = [sys.executable, "-m", "coverage", *arguments]
        subprocess.run(command, cwd=folder, env=environment, check=True, timeout=60, stdout=subprocess.PIPE)
    report: Dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def test_a_branch_that_was_not_taken_fails_where_all_must_be(
    branches: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = branches.figures(measured(tmp_path, "swarm", 0))
    assert branches.show(found, ["swarm"]) == 1
    printed = capsys.readouterr().out
    assert "untested: bittorrent_threads/swarm/sample.py: 3, 5, 9\n" in printed
    assert printed.split("all", 1)[1].split()[:3] == ["9", "6", "60.00%"]
    assert found["swarm"].percent == pytest.approx(100 * (6 + 3) / (9 + 6))


def test_a_jump_is_told_by_its_two_ends(
    branches: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = measured(tmp_path, "swarm", 1, 2)
    report["files"] = {
        path: {**module, "missing_lines": [4], "missing_branches": [[2, 4], [4, 5], [8, 10], [8, -1]]}
        for path, module in report["files"].items()
    }
    branches.show(branches.figures(report), ["swarm"])
    assert "sample.py: 4, 8->10, 8->exit\n" in capsys.readouterr().out


def test_a_long_list_is_cut(branches: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = measured(tmp_path, "swarm", 0)
    for module in report["files"].values():
        module["missing_lines"] = list(range(1, 100))
    assert branches.show(branches.figures(report), ["swarm"]) == 1
    assert "sample.py: 1, 2, 3, 4" in (printed := capsys.readouterr().out)
    assert f", {branches.MOST_SHOWN}, and {99 - branches.MOST_SHOWN} more\n" in printed


@pytest.mark.parametrize(("layer", "code"), [("swarm", 1), ("disk", 0)])
def test_other_layers_are_only_shown(branches: ModuleType, tmp_path: Path, layer: str, code: int) -> None:
    assert branches.show(branches.figures(measured(tmp_path, layer, 0)), [layer]) == code


def test_a_layer_without_a_gap_passes(branches: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = branches.figures(measured(tmp_path, "swarm", 0, 1, -1))
    assert branches.show(found, ["swarm"]) == 0
    assert "untested" not in capsys.readouterr().out
    assert found["swarm"].percent == 100


def test_a_layer_that_was_not_measured_fails(branches: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert branches.show({}, ["swarm"]) == 1
    assert "untested: all of swarm" in capsys.readouterr().out


def test_modules_of_no_layer_are_the_top_level(branches: ModuleType, tmp_path: Path) -> None:
    found = branches.figures(measured(tmp_path, "", 0))
    assert list(found) == [branches.TOP]


def test_the_layers_that_must_be_tested_are_there(branches: ModuleType) -> None:
    assert [
        layer for layer in branches.TESTED if not (ROOT / "bittorrent_threads" / layer / "__init__.py").is_file()
    ] == []

"""The environment behind ``tools/demo.py`` and ``tools/test.py``: made, kept and mended at the right times."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, List, Sequence

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("environment", ROOT / "tools" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def installed(environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> List[str]:
    """A checkout whose environment always works; what is installed into it."""
    for name in ("setup.cfg", "setup.py", "bittorrent_threads/version.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".venv").mkdir()
    asked: List[str] = []

    def run(command: Sequence[str], **options: Any) -> None:
        asked.append(command[-1].replace(str(tmp_path), "."))

    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "usable", lambda python: True)
    monkeypatch.setattr(environment, "run", run)
    return asked


def test_an_installation_is_made_once(environment: ModuleType, installed: List[str], tmp_path: Path) -> None:
    environment.prepare("", tmp_path / ".venv")
    environment.prepare("", tmp_path / ".venv")
    assert installed == ["."]


def test_the_extra_is_added_and_stays(environment: ModuleType, installed: List[str], tmp_path: Path) -> None:
    for extra in ("", "test", "", "test"):
        environment.prepare(extra, tmp_path / ".venv")
    assert installed == [".", ".[test]"]


def test_a_changed_setup_is_installed(environment: ModuleType, installed: List[str], tmp_path: Path) -> None:
    environment.prepare("test", tmp_path / ".venv")
    (tmp_path / "setup.cfg").write_text("another dependency")
    environment.prepare("", tmp_path / ".venv")
    assert installed == [".[test]", ".[test]"]


def test_a_failed_installation_is_tried_again(
    environment: ModuleType, installed: List[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: Sequence[str], **options: Any) -> None:
        raise environment.PreparationError("no network")

    with monkeypatch.context() as context:
        context.setattr(environment, "run", fail)
        with pytest.raises(environment.PreparationError):
            environment.prepare("", tmp_path / ".venv")
    environment.prepare("", tmp_path / ".venv")
    assert installed == ["."]


def test_a_failure_says_what_failed(environment: ModuleType) -> None:
    program = "import sys; print('the reason'); sys.exit(3)"
    with pytest.raises(environment.PreparationError) as caught:
        environment.run([sys.executable, "-c", program])
    assert "exit code 3" in str(caught.value)
    assert str(caught.value).endswith("the reason")
    with pytest.raises(environment.PreparationError, match="not done after 0 seconds"):
        environment.run([sys.executable, "-c", "import time; time.sleep(100)"], timeout=0.01)
    with pytest.raises(environment.PreparationError, match="nowhere"):
        environment.run(["/nowhere/pip"])


def test_an_environment_without_its_python_is_not_used(environment: ModuleType, tmp_path: Path) -> None:
    assert not environment.usable(tmp_path / "bin" / "python")
    (tmp_path / "python").symlink_to(tmp_path / "gone")
    assert not environment.usable(tmp_path / "python")

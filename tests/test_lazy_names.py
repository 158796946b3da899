"""The names that packages import when they are first used: what type checkers see is what is there."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import bittorrent_threads
from bittorrent_threads import dask, testing
from bittorrent_threads.lazy_names import lazy_names

PACKAGES = [bittorrent_threads, dask, testing]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_type_checkers_see_what_is_imported(package: ModuleType) -> None:
    tree = ast.parse(Path(package.__file__ or "").read_text(encoding="utf-8"))
    (seen,) = [node for node in tree.body if isinstance(node, ast.If)]  # if TYPE_CHECKING
    imported = [
        f"{node.module or alias.name} {alias.name}"
        for node in seen.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    (bound,) = [node for statement in seen.orelse for node in ast.walk(statement) if isinstance(node, ast.Call)]
    modules = ast.literal_eval(bound.args[1])
    assert sorted(imported) == sorted(
        f"{module} {name}" for module, names in modules.items() for name in names or [module]
    )


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_name_is_there_and_listed(package: ModuleType) -> None:
    assert len(set(package.__all__)) == len(package.__all__) > 3
    assert set(package.__all__) <= set(dir(package))
    if package is not dask:  # which needs the extra
        assert all(getattr(package, name) is not None for name in package.__all__)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_an_unknown_name_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_a_module_is_imported_at_the_first_use_of_its_name() -> None:
    program = (
        "import sys, bittorrent_threads as bt; before = 'bittorrent_threads.tracker' in sys.modules;"
        "assert 'Tracker' in dir(bt) and 'Tracker' not in vars(bt);"
        "bt.Tracker; print(before, 'bittorrent_threads.tracker' in sys.modules, 'Tracker' in vars(bt))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert answer.stdout.split() == ["False", "True", "True"]


def test_a_module_without_names_is_a_name() -> None:
    names, get, listed = lazy_names("bittorrent_threads", {"events": (), "status": ("Status",)})
    assert names == ["Status", "events"]
    assert get("events") is bittorrent_threads.events
    assert set(names) <= set(listed())

"""The names of the kit: each is there, typed as exported, documented with an example, and on its design page."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from bittorrent_threads import testing

FOLDER = Path(testing.__file__).parent
NO_EXAMPLE = {"HungUp", "Stuck", "Swarm", "TemporaryTorrent", "SimulatedClient", "handshake", "message"}
"""Names that appear in the examples of others."""


@pytest.mark.parametrize("name", testing.__all__)
def test_a_name_is_documented(name: str) -> None:
    thing = getattr(testing, name)
    text = inspect.getdoc(thing) or ""
    assert text
    assert "::" in text or name in NO_EXAMPLE
    assert not inspect.ismodule(thing), "a module hides the name"


def test_every_name_is_on_the_design_page() -> None:
    page = testing.__doc__ or ""
    shown = set(re.findall(r"\w+", page))
    assert set(testing.__all__) - shown == {"HungUp", "Stuck", "Swarm", "TemporaryTorrent", "SimulatedClient"}


def test_every_module_has_its_tests() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    tests = {path.stem[len("test_") :] for path in Path(__file__).parent.glob("test_*.py")} - {"testing"}
    assert modules == tests

from __future__ import annotations

import importlib.util
import sys
import types
from typing import Any, Callable

import pytest
from support.loopback import run_child

from bittorrent_threads.metainfo.encoder import encoder, encoder_of
from bittorrent_threads.testing import bencode as independent


def module(**functions: Callable[[Any], Any]) -> types.ModuleType:
    made = types.ModuleType("bencoder")
    vars(made).update(functions)
    return made


def test_encodes() -> None:
    assert encoder({b"a": [1, b"b"]}) == b"d1:ali1e1:bee"


def test_bencoder_pyx_under_the_same_name_serves_too() -> None:
    assert encoder_of(module(bencode=independent.bencode, bdecode=bytes))([1, "a"]) == b"li1e1:ae"


def test_another_module_of_that_name_is_told() -> None:
    with pytest.raises(ImportError, match="another package shadows bencoder"):
        encoder_of(module())


@pytest.mark.parametrize("name", ["bittorrent_threads", "bittorrent_threads.version"])
@pytest.mark.parametrize(
    ("instead", "reason"),
    [("None", "needs the package bencoder: pip install bencoder"), ("sys", "another package shadows bencoder")],
)
def test_the_first_import_tells_what_is_missing(name: str, instead: str, reason: str) -> None:
    program = f"""
import sys
sys.modules["bencoder"] = {instead}
try:
    import {name}
except ImportError as error:
    print(error)
"""
    assert reason in run_child(program)


def test_without_the_package_the_module_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bencoder", None)
    spec = importlib.util.find_spec("bittorrent_threads.metainfo.encoder")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match="needs the package bencoder: pip install bencoder") as caught:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert isinstance(caught.value.__cause__, ImportError)

"""Where the program called the library."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL

import bittorrent_threads as bt
from bittorrent_threads.origin import origin


def test_the_caller_is_outside_of_the_package() -> None:
    assert origin() == f"{__file__}, line {test_the_caller_is_outside_of_the_package.__code__.co_firstlineno + 1}"


def test_a_second_client_is_told_where_the_first_was_made(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as first:
        first.wait("checked", timeout=PATIENCE)
        with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as second:
            error = second.wait(lambda status: bool(status.error), timeout=PATIENCE).error
    assert f"in this process, by the client made at {__file__}, line " in error


def test_a_session_tells_where_its_client_was_made(tmp_path: Path) -> None:
    with bt.Session(LOCAL) as session:
        session.add(SMALL.metainfo(), tmp_path, state="stopped")
        with pytest.raises(bt.StateError, match="already, by the client made at .*test_origin.py, line .*; close that"):
            session.add(SMALL.metainfo(), tmp_path)

"""A local copy outside of a worker, and without Dask at all."""

from __future__ import annotations

import pickle
from typing import Callable

import pytest
from support.loopback import run_child

from bittorrent_threads.dask import LocalCopy

WITHOUT = """
import sys
sys.modules["distributed"] = None
import bittorrent_threads.dask as dask
assert dask.LocalCopy("x").name == "x"
try:
    dask.distribute(None, ".")
except ImportError as error:
    print(error)
"""

OUTSIDE = """
from bittorrent_threads.dask import LocalCopy
try:
    LocalCopy("bittorrent-0").path()
except LookupError as error:
    print(error)
"""


def test_it_is_pickled_by_its_name() -> None:
    copy = pickle.loads(pickle.dumps(LocalCopy("bittorrent-0")))
    assert copy.name == "bittorrent-0"
    assert copy.__dask_tokenize__() == ("LocalCopy", "bittorrent-0")


def test_without_dask_the_error_names_the_extra() -> None:
    assert run_child(WITHOUT).strip() == 'distributed is not installed; install it with "bittorrent_threads[dask]"'


@pytest.mark.interop
def test_outside_of_a_worker_there_is_no_path(require_peer: Callable[[str], str]) -> None:
    require_peer("distributed")
    assert run_child(OUTSIDE).strip() == "a LocalCopy has a path in the tasks of a Dask worker, and this is none"

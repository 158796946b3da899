"""What is a time limit, and what is not."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support.pairs import LOCAL, SMALL

import bittorrent_threads as bt
from bittorrent_threads.timeouts import check_timeout


@pytest.mark.parametrize("seconds", [None, 0, 0.0, 3, 2.5, math.inf, Fraction(1, 2)])
def test_time_limits(seconds: Any) -> None:
    check_timeout(seconds)


@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan, -math.inf])
def test_a_negative_one_is_told(seconds: float) -> None:
    with pytest.raises(ValueError, match="^stall_timeout must be 0 seconds or more, or None for no limit, not "):
        check_timeout(seconds, "stall_timeout")


@pytest.mark.parametrize("seconds", ["5", True, [1]])
def test_what_is_no_number_is_told(seconds: Any) -> None:
    with pytest.raises(TypeError, match="^timeout must be seconds, or None for no limit, not "):
        check_timeout(seconds)


def test_every_wait_checks_its_limit(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL, state="stopped") as client:
        check = client.hashcheck(wait=False)
        check.wait(30)
        for call in (
            lambda: client.wait(timeout=-1),
            lambda: client.wait(stall_timeout=-1),
            lambda: check.wait(-1),
            lambda: client.move(tmp_path / "other", timeout=-1),
            lambda: client.files[0].rename("new", timeout=-1),
            lambda: bt.download(SMALL.metainfo(), tmp_path, timeout=-1),
        ):
            with pytest.raises(ValueError, match="must be 0 seconds or more"):
                call()
        assert not (tmp_path / "other").exists()

"""Values in the types of JSON."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from bittorrent_threads.plain_data import jsonable


def test_what_json_cannot_say_is_written_in_its_types() -> None:
    @dataclasses.dataclass
    class Snapshot:
        infohash: bytes

    class Pair(NamedTuple):
        left: int
        right: float

    value = {"a": Snapshot(b"\x00\xff"), "b": Pair(1, 0.5), "c": {"x"}, 4: None, "e": OSError("no")}
    assert jsonable(value) == {"a": {"infohash": "00ff"}, "b": [1, 0.5], "c": ["x"], "4": None, "e": "no"}

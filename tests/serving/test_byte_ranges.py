from __future__ import annotations

import re
from typing import List, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.serving.byte_ranges import MAX_RANGES, Span, parse_ranges


@pytest.mark.parametrize(
    ("field", "spans"),
    [
        ("bytes=0-0", [(0, 1)]),
        ("bytes=10-19", [(10, 20)]),
        ("bytes=90-", [(90, 100)]),
        ("bytes=90-500", [(90, 100)]),
        ("bytes=-1", [(99, 100)]),
        ("bytes=-500", [(0, 100)]),
        ("BYTES=1-1", [(1, 2)]),
        ("bytes= 1-2 ,\t4-5", [(1, 3), (4, 6)]),
        ("bytes=1-2,,4-5,", [(1, 3), (4, 6)]),
        ("bytes=0-4,5-9", [(0, 10)]),
        ("bytes=0-4,2-9", [(0, 10)]),
        ("bytes=0-9,2-4", [(0, 10)]),
        ("bytes=5-9,0-4", [(5, 10), (0, 5)]),
        ("bytes=0-1,200-300", [(0, 2)]),
        ("bytes=00000000000000000001-1", [(1, 2)]),
    ],
)
def test_spans(field: str, spans: List[Tuple[int, int]]) -> None:
    assert parse_ranges(field, 100) == [Span(*span) for span in spans]


@pytest.mark.parametrize("field", ["bytes=100-", "bytes=-0", "bytes=100-200,300-", "bytes=99999999999999999999-"])
def test_no_range_is_in_the_file(field: str) -> None:
    assert parse_ranges(field, 100) == []


@pytest.mark.parametrize(
    "field",
    [
        *("", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-4", "bytes=1-2-3"),
        *("bytes=+1-2", "bytes=1-2;3-4", "lines=1-2", "bytes=0x1-2", "bytes=\u0661-", "bytes 1-2"),
        f"bytes={'1' * 21}-",
        "bytes=" + ",".join(f"{2 * number}-{2 * number}" for number in range(MAX_RANGES + 1)),
    ],
)
def test_what_is_no_range_is_ignored(field: str) -> None:
    assert parse_ranges(field, 100) is None


def test_nothing_of_an_empty_file_can_be_asked_for() -> None:
    assert parse_ranges("bytes=0-", 0) == []
    assert parse_ranges("bytes=-5", 0) == []


def expected(field: str, length: int) -> Optional[List[int]]:
    """The bytes of one range, counted one by one."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", field)
    if match is None or field == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        return list(range(length))[max(0, length - int(last)) :]
    if last and int(last) < int(first):
        return None
    return [at for at in range(length) if at >= int(first) and (not last or at <= int(last))]


@given(st.from_regex(r"bytes=[0-9]{0,2}-[0-9]{0,2}", fullmatch=True), st.integers(0, 60))
def test_one_range_as_the_text_of_the_rfc_says(field: str, length: int) -> None:
    spans = parse_ranges(field, length)
    bytes_asked = expected(field, length)
    assert (spans is None) == (bytes_asked is None)
    assert [at for span in spans or () for at in range(*span)] == (bytes_asked or [])


@given(st.text(alphabet="0123456789-,= bytes", max_size=40), st.integers(0, 1000))
def test_every_span_is_in_the_file(field: str, length: int) -> None:
    for span in parse_ranges(f"bytes={field}", length) or ():
        assert 0 <= span.begin < span.end <= length

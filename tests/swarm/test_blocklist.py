"""Blocklist files: the usual forms, lines that are none of them, and the limits."""

from __future__ import annotations

from typing import List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.swarm import blocklist
from bittorrent_threads.swarm.blocklist import MAX_EXAMPLES, MAX_LINE, Blocklist, BlocklistReader, parse_line


def read(data: bytes, size: int = 1 << 20) -> BlocklistReader:
    """Give a file to a reader, in chunks."""
    reader = BlocklistReader()
    for at in range(0, len(data), size):
        reader.receive(data[at : at + size])
    return reader


def blocked(line: str) -> Optional[str]:
    found = parse_line(line)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("001.002.004.000 - 001.002.004.255 , 000 , Some organisation", "1.2.4.0-1.2.4.255"),
        ("001.002.004.000 - 001.002.004.255 , 127 , x", "1.2.4.0-1.2.4.255"),
        ("001.002.004.000 - 001.002.004.255 , 128 , allowed", None),
        ("1.2.4.0-1.2.4.255,99999999999999999,allowed", None),
        ("1.2.4.0-1.2.4.255,100", "1.2.4.0-1.2.4.255"),
        ("1.2.4.0-1.2.4.255,", "1.2.4.0-1.2.4.255"),
        ("1.2.4.0 - 1.2.4.255 , 100 , Foo: 9.9.9.8-9.9.9.9", "1.2.4.0-1.2.4.255"),
        ("2001:db8:: - 2001:db8::ff , 000 , IPv6", "2001:db8::-2001:db8::ff"),
        ("fe80:: - fe80::ff , 000 , IPv6", "fe80::-fe80::ff"),
        ("Some organisation:1.2.4.0-1.2.4.255", "1.2.4.0-1.2.4.255"),
        ("A name: with, commas - and colons:1.2.4.0 - 1.2.4.255", "1.2.4.0-1.2.4.255"),
        ("3 digits first:1.2.4.0-1.2.4.255", "1.2.4.0-1.2.4.255"),
        (":1.2.4.0-1.2.4.255", "1.2.4.0-1.2.4.255"),
        ("Some organisation:2001:db8::-2001:db8::ff", "2001:db8::-2001:db8::ff"),
        ("a:b:c:2001:db8:1:2:3:4:5:6-2001:db8:1:2:3:4:5:7", "2001:db8:1:2:3:4:5:6-2001:db8:1:2:3:4:5:7"),
        ("1.2.4.0/24", "1.2.4.0-1.2.4.255"),
        ("1.2.4.0/24 ; SBL256894", "1.2.4.0-1.2.4.255"),
        ("1.2.4.9 # one", "1.2.4.9-1.2.4.9"),
        ("2001:db8::/126", "2001:db8::-2001:db8::3"),
        ("::1", "::1-::1"),
    ],
)
def test_the_forms_of_a_line(line: str, expected: Optional[str]) -> None:
    assert blocked(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        *("<html>", "1.2.3", "1.2.3.4 some words", "name:1.2.3.4", "name:1.2.3.9-1.2.3.4", "1.2.3.4-", "-", ":", ":-"),
        *("name:1.2.3.4-1.2.3.256", "name:::1-1.2.3.4", "-" * 300, ":" * 300, "1:" * 200 + "-1"),
    ],
)
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match="no line of a blocklist|no numeric address|has no|is not an address"):
        parse_line(line)


def test_a_file_may_have_several_forms_and_bad_lines() -> None:
    lines = [
        *("\xef\xbb\xbf# a comment behind a byte order mark", "", "// another", "; and another", "  "),
        *("Foo:1.0.0.0-1.0.0.9", "002.000.000.000 - 002.000.000.009 , 000 , Bar", "3.0.0.0/30"),
        *("<html>\x1b[2J", "4.0.0.0 - 4.0.0.9 , 200 , allowed"),
        *(f"nonsense {number}" for number in range(20)),
        "x" * (MAX_LINE + 1),
        "5.0.0.1",
    ]
    for end in ("\n", "\r\n"):
        for size in (1, 7, 1 << 20):
            reader = read(end.join(lines).encode("latin-1"), size)
            found = reader.finish()
            assert list(map(str, reader.ranges)) == [
                *("1.0.0.0-1.0.0.9", "2.0.0.0-2.0.0.9", "3.0.0.0-3.0.0.3", "5.0.0.1-5.0.0.1")
            ]
            assert (found.ranges, found.allowed, found.bad_lines) == (4, 1, 22)
            assert found.examples[:2] == ("line 9: '<html> [2J'", "line 11: 'nonsense 0'")
            assert len(found.examples) == MAX_EXAMPLES
            assert not reader.failed


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "has no range of addresses"),
        (b"# nothing\n\n", "has no range of addresses"),
        (b"\n<html>\nx", "has no range of addresses (line 2: '<html>')"),
        (b"P2B\x02\xff\xff", "has no range of addresses (line 1: 'P2B \xff\xff')"),
    ],
)
def test_a_file_without_a_range_is_no_blocklist(data: bytes, reason: str) -> None:
    reader = read(data)
    reader.finish()
    assert reader.failed == reason


def test_a_file_that_allows_all_it_names_is_one() -> None:
    reader = read(b"1.2.3.4 - 1.2.3.5 , 200 , x")
    assert reader.finish() == Blocklist(ranges=0, allowed=1, bad_lines=0, examples=())
    assert not reader.failed


def test_a_line_without_an_end_takes_no_memory() -> None:
    reader = read(b"x" * 10_000_000, 1 << 16)
    assert len(vars(reader)["_rest"]) == MAX_LINE + 1
    reader.receive(b"\n1.2.3.4\n")
    found = reader.finish()
    assert (found.ranges, found.bad_lines) == (1, 1)
    assert len(found.examples[0]) < 100


def test_size_and_number_of_ranges_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocklist, "MAX_SIZE", 100)
    reader = read(b"1.2.3.4\n" * 13, 10)
    assert reader.failed == "has more than 100 bytes"
    kept = len(reader.ranges)
    reader.receive(b"1.2.3.4\n")
    assert len(reader.ranges) == kept
    reader.finish()
    assert reader.failed == "has more than 100 bytes"
    monkeypatch.setattr(blocklist, "MAX_RANGES", 3)
    assert read(b"1.2.3.4\n" * 4).failed == "has more than 3 ranges"


@given(st.lists(st.sampled_from(["1.2.3.4\n", "a:1.2.3.4-1.2.3.5\r\n", "nonsense\n", "\n", "5.6.7.0/24"])), st.data())
def test_chunks_of_any_size_give_the_same(lines: List[str], data: st.DataObject) -> None:
    whole = "".join(lines).encode()
    at = data.draw(st.integers(0, len(whole)))
    reader, cut = read(whole), BlocklistReader()
    cut.receive(whole[:at])
    cut.receive(whole[at:])
    assert cut.finish() == reader.finish()
    assert cut.ranges == reader.ranges
    assert cut.failed == reader.failed

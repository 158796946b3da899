"""The types of arguments: what they take, with which units, and what they refuse."""

from __future__ import annotations

import argparse
from typing import Callable, Tuple

import pytest

from bittorrent_threads.command_line import arguments


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("500K", 500_000), ("5M", 5_000_000), ("1.5m", 1_500_000), ("256Ki", 262_144), ("2MiB", 2**21), ("7", 7)),
        *(("5MB", 5_000_000), ("7B", 7), ("1.5Gi", 3 * 2**29)),
    ],
)
def test_sizes_take_units(text: str, size: int) -> None:
    assert arguments.size(text) == size


def test_a_rate_may_be_without_limit() -> None:
    assert [arguments.rate(text) for text in ("0", "1", "5K", "5MB/s", "500KiB/S")] == [0, 1, 5000, 5_000_000, 512_000]


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("0.5", 0.5), ("90s", 90), ("1.5h", 5400), ("2D", 172_800)])
def test_times_take_units(text: str, seconds: float) -> None:
    assert arguments.seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "address"),
    [("10.0.0.1:6881", ("10.0.0.1", 6881)), ("[::1]:80", ("::1", 80)), ("seed.example:1", ("seed.example", 1))],
)
def test_addresses(text: str, address: Tuple[str, int]) -> None:
    assert arguments.address(text) == address


def test_a_port() -> None:
    assert [arguments.port(text) for text in ("0", "80", "65535")] == [0, 80, 65535]


def test_a_whole_number_within_bounds() -> None:
    assert [arguments.whole_number(text, 1, 9) for text in ("1", "9")] == [1, 9]
    for text in ("0", "10", "-1", "1.0", "", "9" * 5000):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a number from 1 to 9"):
            arguments.whole_number(text, 1, 9)


def test_a_ratio() -> None:
    assert arguments.ratio("1.5") == 1.5


def test_a_path_is_taken_as_it_is() -> None:
    assert arguments.nonempty(" a b") == " a b"


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        (arguments.port, "65536", "is not a port: 0 to 65535"),
        (arguments.port, "-1", "is not a port"),
        (arguments.port, "9" * 5000, "is not a port"),
        (arguments.address, "host", "is not HOST:PORT"),
        (arguments.address, "host:0", "is not HOST:PORT"),
        (arguments.address, "::1:80", "stands in brackets"),
        (arguments.seconds, "0", "above 0"),
        (arguments.seconds, "nan", "above 0"),
        (arguments.seconds, "5w", "above 0"),
        (arguments.seconds, "1e9", "above 0"),
        (arguments.ratio, "0", "above 0"),
        (arguments.ratio, "much", "above 0"),
        (arguments.size, "0.5", "is not a size"),
        (arguments.size, "5T", "is not a size"),
        (arguments.size, "1e400", "is not a size"),
        (arguments.rate, "0/s", "is not a size"),
        (arguments.nonempty, "", "it is empty"),
    ],
)
def test_what_is_refused_says_why(kind: Callable[[str], object], text: str, reason: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=reason):
        kind(text)

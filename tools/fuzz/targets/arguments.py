"""Command-line arguments: each text is parsed to a value within its range, or refused with a usage message."""

from __future__ import annotations

import argparse
import contextlib
import io
from typing import Any, Callable, List, Optional

from bittorrent_threads import cli
from bittorrent_threads.command_line import arguments

from ..target import Target, require

PARSER = cli.parser()


def check(data: bytes) -> None:
    """The input is parsed as each kind of value, and its words as a command line."""
    text = data.decode("utf-8", "surrogateescape")
    port = _parsed(arguments.port, text)
    require(port is None or 0 <= port < 65536, f"port {port}")
    rate = _parsed(arguments.rate, text)
    require(rate is None or 0 <= rate < 2**62, f"rate {rate}")
    size = _parsed(arguments.size, text)
    require(size is None or 1 <= size < 2**62, f"size {size}")
    seconds = _parsed(arguments.seconds, text)
    require(seconds is None or 0 < seconds < 1e9, f"seconds {seconds}")
    address = _parsed(arguments.address, text)
    require(address is None or (address[0] and 0 < address[1] < 65536), f"address {address}")
    words = text.split()
    if words and not {"-h", "--help", "-V", "--version"} & set(words):
        with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(said):
            try:
                PARSER.parse_args(words)
            except SystemExit as end:
                require(end.code in (0, 2), f"exit code {end.code}")
                require(said.getvalue(), "an exit without a message")


def _parsed(parse: Callable[[str], Any], text: str) -> Optional[Any]:
    # argparse turns these two exceptions into a usage message.
    try:
        return parse(text)
    except (ValueError, argparse.ArgumentTypeError):
        return None


def seeds() -> List[bytes]:
    """Return values and command lines."""
    texts = (
        *("0", "6881", "65536", "-1", "1.5M", "500K", "256Ki", "1e3", "nan", "inf", "1_0", "\u0663", "5MB", "0.5"),
        "1e400",
        "0000100000",
        *("host:6881", "[::1]:6881", "::1:6881", "host:", ":1", "[]:1", "\u00b2:\u00b2", "h:\u0663"),
        "download a.torrent -d x --port 6881 --peer 1.2.3.4:5 --timeout 3 --download-limit 5M --seed --json",
        "create x -o y --tracker http://t/ --piece-length 256Ki --private --comment z",
        "tracker --host :: --port 0 --timeout 1",
        "verify a.torrent --dir .",
        "info -v -v a.torrent",
        "demo --size 1Mi",
    )
    return [text.encode() for text in texts]


TOKENS = (
    *(b"K", b"Ki", b"GiB", b".", b"e", b"E9", b"_", b"-", b"+", b":", b"[", b"]", b" ", b"--", b"--port=", b"--peer "),
    *(b"nan", b"inf", b"0x1", "\u0663".encode(), "\u00b2".encode(), b"\xff", b"\0", b"%s", b"%(default)s"),
    *(b"{0}", b"@f"),
)
TARGET = Target(check, seeds, TOKENS, longest=256)

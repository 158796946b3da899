"""Streams that were closed before, or whose reader left, end no command with a traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.command import finish, start

posix = pytest.mark.skipif(os.name != "posix", reason="the shell and the pipes of POSIX")


@posix
def test_a_reader_that_left_is_no_traceback(torrent: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as left:
        ran = finish(start("info", torrent, stdout=left))
    assert (ran.code, ran.err) == (1, "")


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_streams_that_were_closed_before_are_no_traceback(torrent: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m bittorrent_threads info "{torrent}" {closed}'
    ran = finish(start(command, program=["-c", "import os, sys; os.execl('/bin/sh', 'sh', '-c', sys.argv[1])"]))
    assert (ran.code, ran.err) == (0, "")

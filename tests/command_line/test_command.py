"""A command, as the parser needs it."""

from __future__ import annotations

import argparse

from bittorrent_threads.command_line.command import Command


def command(*examples: str) -> Command:
    return Command("count", "count", lambda options, console: 0, groups=(), add_arguments=_none, examples=examples)


def _none(parser: argparse.ArgumentParser) -> None:
    pass


def test_the_help_ends_with_its_examples() -> None:
    assert command("--to 3", "").epilog == "examples:\n  bittorrent-threads count --to 3\n  bittorrent-threads count"

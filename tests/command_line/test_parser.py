"""The table of commands: each has its help, and its examples can be parsed."""

from __future__ import annotations

import shlex

import pytest
from support.command import Run

from bittorrent_threads.command_line.command import Command
from bittorrent_threads.command_line.parser import COMMANDS, parser

BY_NAME = [pytest.param(command, id=command.name) for command in COMMANDS]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(capsys)


def test_every_command_has_another_name(run: Run) -> None:
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)
    for command in COMMANDS:
        assert f"    {command.name} " in run("--help").out


@pytest.mark.parametrize("command", BY_NAME)
def test_the_help_shows_examples_that_can_be_parsed(run: Run, command: Command) -> None:
    ran = run(command.name, "--help")
    assert ran.code == 0
    assert command.examples
    shown = [line for line in ran.out.split("\nexamples:\n")[1].splitlines() if line]
    assert len(shown) == len(command.examples)
    for line in shown:
        program, *arguments = shlex.split(line)
        assert program == "bittorrent-threads"
        options = parser().parse_args(arguments)
        assert (options.command, options.run) == (command.name, command.run)


@pytest.mark.parametrize("command", BY_NAME)
def test_a_summary_is_a_phrase(command: Command) -> None:
    assert command.summary[0].islower()
    assert not command.summary.endswith(".")

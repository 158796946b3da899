"""The groups of options that commands share."""

from __future__ import annotations

import argparse
from typing import Callable

import pytest

import bittorrent_threads as bt
from bittorrent_threads.command_line import option_groups
from bittorrent_threads.command_line.option_groups import (
    common_options,
    folder_options,
    goal_options,
    limit_options,
    rate_options,
    swarm_options,
)

GROUPS = [common_options, folder_options, goal_options, limit_options, rate_options, swarm_options]


def test_these_are_all_groups() -> None:
    assert [name for name in vars(option_groups) if name.endswith("_options")] == [
        "common_options",
        "limit_options",
        "folder_options",
        "swarm_options",
        "goal_options",
        "rate_options",
    ]
    assert len(GROUPS) == 6


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.__name__)
def test_a_group_is_a_parent_with_a_help_for_each_option(group: Callable[[], argparse.ArgumentParser]) -> None:
    child = argparse.ArgumentParser(parents=[group()])  # two options of one name would be an error
    assert all(action.help for action in group()._actions)
    child.parse_args([])


def test_all_groups_fit_together() -> None:
    argparse.ArgumentParser(parents=[group() for group in GROUPS]).parse_args([])


def test_options_that_are_settings_have_their_defaults() -> None:
    parsed = argparse.ArgumentParser(parents=[limit_options(), folder_options(), swarm_options(), rate_options()])
    options, settings = parsed.parse_args([]), bt.Settings()
    for name in ("max_metainfo_size", "names", "dht", "pex", "local_discovery", "dht_state", "upload_limit"):
        assert getattr(options, name) == getattr(settings, name)


def test_options_that_are_repeatable() -> None:
    swarm = argparse.ArgumentParser(parents=[swarm_options()])
    options = swarm.parse_args(["--peer", "a:1", "--peer", "[::1]:2", "--tracker", "x", "--tracker", "y"])
    assert options.peer == [("a", 1), ("::1", 2)]
    assert options.tracker == ["x", "y"]
    assert swarm.parse_args([]).peer == [], "no parse shares the list of another"

"""Quiet settings: what finds strangers is off, and the defaults come back."""

from __future__ import annotations

import subprocess
import sys

import pytest

import bittorrent_threads as bt
from bittorrent_threads.testing import quiet_settings

PROGRAM = """
import bittorrent_threads as bt
from bittorrent_threads.testing import quiet_defaults
before = bt.Settings()
with quiet_defaults():
    inside = bt.Settings(port=7)
    assert (inside.dht, inside.local_discovery, inside.dht_routers, inside.port) == (False, False, (), 7)
    assert bt.Settings(dht=True).dht
assert bt.Settings() == before
assert before.dht and before.local_discovery and before.dht_routers
"""


def test_what_finds_strangers_is_off() -> None:
    settings = quiet_settings(download_limit=5000)
    assert (settings.host, settings.dht, settings.local_discovery, settings.pex) == ("127.0.0.1", False, False, False)
    assert settings.download_limit == 5000
    assert quiet_settings(pex=True).pex


def test_wrong_settings_are_refused_as_always() -> None:
    with pytest.raises(bt.SettingsError):
        quiet_settings(port=-1)
    with pytest.raises(TypeError, match="no_such_setting"):
        quiet_settings(no_such_setting=1)


def test_the_defaults_of_a_program_are_changed_inside_the_block() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], timeout=60, check=True)  # here they are changed for all tests

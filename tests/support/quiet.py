"""What no session of a test does unless the test asks for it: send to strangers, on the local network or beyond.

The defaults of ``Settings`` are changed for the whole run, because sessions are made in every corner of the tests, and
two that have the same torrent must not find each other.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from bittorrent_threads.settings import Settings

QUIET = {"local_discovery": False, "dht": False, "dht_routers": ()}
"""The changed defaults."""


def silence() -> None:
    """Change the defaults, from now on."""
    init: Any = Settings.__init__
    names = [field.name for field in dataclasses.fields(Settings)]
    init.__defaults__ = tuple([QUIET.get(name, default) for name, default in zip(names, init.__defaults__)])

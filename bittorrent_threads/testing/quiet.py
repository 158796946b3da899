"""Quiet settings: a session that speaks to no stranger, on the local network or beyond.

The rule: what is switched off is what finds peers that nobody named: the DHT with its routers, local service discovery
and peer exchange.
"""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any, Dict, Iterator

from ..settings import Settings

QUIET: Dict[str, Any] = {"local_discovery": False, "dht": False, "dht_routers": ()}
"""The settings that ``quiet_defaults`` changes."""


def quiet_settings(**changes: object) -> Settings:
    """Return settings for a test: loopback only, and no peer but those that the test names.

    ::

        with bt.Client(torrent, folder, settings=quiet_settings(download_limit=50_000)) as client:
            ...

    Args:
        **changes: Fields of ``Settings`` to set.

    Raises:
        SettingsError: If a value is outside its range.
        TypeError: If there is no such field.
    """
    values: Dict[str, Any] = {**QUIET, "host": "127.0.0.1", "pex": False, **changes}
    return Settings(**values)


@contextlib.contextmanager
def quiet_defaults() -> Iterator[None]:
    """Change the defaults of ``Settings`` inside the block, so that sessions made anywhere in a program are quiet.

    It is for programs whose sessions a test cannot reach.  The DHT and local discovery are switched off unless the
    program switches them on::

        with quiet_defaults():
            my_application.main()
    """
    init: Any = Settings.__init__
    before = init.__defaults__
    names = [field.name for field in dataclasses.fields(Settings)]
    init.__defaults__ = tuple([QUIET.get(name, default) for name, default in zip(names, before)])
    try:
        yield
    finally:
        init.__defaults__ = before

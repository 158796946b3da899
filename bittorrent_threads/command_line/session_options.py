"""The session of a command: its settings, its blocklists, and its end."""

from __future__ import annotations

import argparse
import contextlib
from typing import Iterator, Sequence

from ..amounts import count_text
from ..session import Session
from ..settings import Settings
from ..text import escaped
from .console import Console

CLOSE_TIMEOUT = 4.0
"""Seconds to close all torrents, so that an interrupted command ends within five."""
LAST_TIMEOUT = 0.5
"""Seconds more for a session that did not close in this time."""

SETTINGS = (
    *("download_limit", "upload_limit", "max_metainfo_size", "names", "overwrite"),
    *("pex", "local_discovery", "dht", "dht_state"),
)
"""Options that are settings of the same name; not every command has all of them."""


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings that the options of a command mean."""
    # A port that is named and in use is an error.
    given = {name: getattr(options, name) for name in SETTINGS if hasattr(options, name)}
    routers = (*options.dht_node, *Settings().dht_routers)
    return Settings(port=options.port or 0, port_strict=bool(options.port), dht_routers=routers, **given)


@contextlib.contextmanager
def session_of(options: argparse.Namespace, console: Console) -> Iterator[Session]:
    """Make the session that the options of a command mean, load its blocklists, and close it in bounded time."""
    session = Session(settings_of(options))
    try:
        load_filter(session, options.ip_filter, console)
        yield session
    finally:
        session.close(LAST_TIMEOUT if session.closed else CLOSE_TIMEOUT)


def load_filter(session: Session, paths: Sequence[str], console: Console) -> None:
    """Block the addresses of blocklist files, before any connection is made."""
    for path in paths:
        read = session.ip_filter.load(path)
        if read.bad_lines:
            skipped = f"skipped {count_text(read.bad_lines, 'line')} of {escaped(path)}"
            console.message(f"bittorrent-threads: warning: {skipped}, the first is {read.examples[0]}")

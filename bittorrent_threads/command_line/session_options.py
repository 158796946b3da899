"""What the options of a command mean for a session: its settings and its blocklists."""

from __future__ import annotations

import argparse
from typing import Sequence

from ..amounts import count_text
from ..session import Session
from ..settings import Settings
from ..text import escaped
from .console import Console

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


def load_filter(session: Session, paths: Sequence[str], console: Console) -> None:
    """Block the addresses of blocklist files, before any connection is made."""
    for path in paths:
        read = session.ip_filter.load(path)
        if read.bad_lines:
            skipped = f"skipped {count_text(read.bad_lines, 'line')} of {escaped(path)}"
            console.message(f"bittorrent-threads: warning: {skipped}, the first is {read.examples[0]}")

"""The table of the programs; together they make every public call."""

from __future__ import annotations

from typing import Dict

from . import clients, dht, events, files, plots, sessions, torrents, trackers, waits
from .program import Program, on_a_client

PROGRAMS: Dict[str, Program] = {
    "client": Program(clients.made),
    "close": Program(clients.closed),
    "create": Program(torrents.created),
    "dht": Program(dht.searched),
    "download": Program(torrents.downloaded),
    "edit": Program(torrents.edited),
    "events.get": Program(on_a_client(events.got)),
    "events.poll": Program(on_a_client(events.polled)),
    "facts": Program(on_a_client(clients.shown)),
    "files": Program(on_a_client(clients.files_shown)),
    "forget": Program(clients.forgotten),
    "hashcheck": Program(on_a_client(waits.checked)),
    "ip_filter": Program(sessions.filtered),
    "iterate": Program(on_a_client(events.followed)),
    "metainfo": Program(torrents.parsed),
    "move": Program(on_a_client(files.moved)),
    "open": Program(files.opened),
    "orders": Program(on_a_client(clients.ordered)),
    "pause": Program(on_a_client(clients.paused)),
    "peers": Program(clients.peers_shown),
    "plot": Program(plots.plotted, needs="matplotlib"),
    "serve": Program(on_a_client(files.served)),
    "session": Program(sessions.made),
    "session.add": Program(sessions.shared),
    "stop": Program(on_a_client(clients.stopped)),
    "tracker": Program(trackers.tracked),
    "trackers": Program(trackers.announced),
    "wait": Program(on_a_client(waits.waited)),
    "wait.all": Program(on_a_client(waits.waited_together)),
    "watch": Program(on_a_client(waits.watched)),
}
"""By the name on the command line."""

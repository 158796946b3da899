"""The key ``nodes`` of a .torrent file: nodes of the DHT to begin with (BEP 5).

An entry that is no host and port is left out silently, as is each one beyond ``MAX_NODES``.  Nothing is resolved here.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import List, Optional, Tuple

MAX_NODES = 50
"""Nodes kept of one torrent; programs that write the key write eight."""
MAX_ENTRIES = 500
"""Entries that are checked, usable or not; the rest is not read."""
MAX_HOST = 253
"""Characters of the longest host name (RFC 1035)."""

_find_unsafe = re.compile(r"[^0-9A-Za-z.:_-]").search

Node = Tuple[str, int]
"""A host name or numeric address without brackets, and a UDP port."""


def dht_nodes(value: object) -> Tuple[Node, ...]:
    """Return the usable nodes of a torrent, each once.

    Args:
        value: Decoded value of ``nodes``, of any type.
    """
    entries = value if isinstance(value, list) else ()
    found: List[Node] = []
    for entry in islice(entries, MAX_ENTRIES):
        node = _node(entry)
        if node is not None and node not in found:
            found.append(node)
    return tuple(found[:MAX_NODES])


def _node(entry: object) -> Optional[Node]:
    if not isinstance(entry, list) or len(entry) != 2:
        return None
    host, port = entry
    if not isinstance(host, bytes) or not isinstance(port, int) or not 0 < port < 65536:
        return None
    text = host.decode("latin-1")
    return None if not text or len(text) > MAX_HOST or _find_unsafe(text) else (text, port)

"""The extension messages that this library takes (BEP 10): one row for each, and no other place to change.

A row names the handler, which is a module of its own (``protocol.extension_table`` tells how to write one).
"""

from __future__ import annotations

from typing import List

from ..protocol.extension_table import Extension, ExtensionTable
from ..settings import Settings
from .connection import Connection
from .dont_have import DONT_HAVE
from .metadata_exchange import METADATA_EXCHANGE
from .peer_exchange import PEER_EXCHANGE
from .upload_only import UPLOAD_ONLY


def extension_table(settings: Settings) -> ExtensionTable[Connection]:
    """Return the extensions of a session."""
    rows: List[Extension[Connection]] = [
        METADATA_EXCHANGE,
        DONT_HAVE,
        UPLOAD_ONLY,
    ]
    if settings.pex:
        rows.append(PEER_EXCHANGE)
    return ExtensionTable(rows)

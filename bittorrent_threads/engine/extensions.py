"""The extension messages that this library takes (BEP 10): one row for each, and no other place to change.

A row names the handler, which is a module of its own (``protocol.extension_table`` tells how to write one).
"""

from __future__ import annotations

from typing import List

from ..protocol import dont_have
from ..protocol.extension_table import Extension, ExtensionTable
from ..settings import Settings
from . import upload_only
from .connection import Connection
from .dont_have import DontHave
from .metadata_exchange import METADATA_EXCHANGE
from .peer_exchange import PEER_EXCHANGE


def extension_table(settings: Settings) -> ExtensionTable[Connection]:
    """Return the extensions of a session."""
    rows: List[Extension[Connection]] = [
        METADATA_EXCHANGE,
        Extension(dont_have.NAME, 7, dont_have.SIZE, private=True, handler=DontHave),
        Extension(upload_only.NAME, 3, upload_only.SIZE, private=True, handler=upload_only.UploadOnly),
    ]
    if settings.pex:
        rows.append(PEER_EXCHANGE)
    return ExtensionTable(rows)

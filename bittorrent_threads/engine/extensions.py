"""The extension messages that this library takes (BEP 10): one row for each, and no other place to change.

A row names the handler, which is a module of its own (``protocol.extension_table`` tells how to write one).
"""

from __future__ import annotations

from ..protocol.extension_table import ExtensionTable
from .connection import Connection

EXTENSIONS: ExtensionTable[Connection] = ExtensionTable([])
"""It is empty as long as the library takes no extension message besides the extension handshake."""

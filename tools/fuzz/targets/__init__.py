"""The targets: each module has one ``TARGET``; its docstring lists the properties that must hold."""

from __future__ import annotations

import importlib

from ..target import Target

NAMES = (
    *("addresses", "announce", "arguments", "bencode", "blocklist", "dht", "early_peer", "extension", "handshake"),
    *("http_answer", "local_discovery", "magnet", "metadata", "metainfo", "names", "part_file", "peer", "pex"),
    *("registry", "resume", "text", "tracker", "udp_tracker", "wire"),
)


def load(name: str) -> Target:
    """Import and return the target of this name, with the part of the library that it tests."""
    target: Target = importlib.import_module(f"{__name__}.{name}").TARGET
    return target

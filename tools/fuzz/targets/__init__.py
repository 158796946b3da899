"""The targets: each module is one, with ``TARGET`` and in its docstring what must hold."""

from __future__ import annotations

import importlib

from ..target import Target

NAMES = (
    *("addresses", "announce", "arguments", "bencode", "extension", "handshake", "http_answer", "metainfo", "names"),
    *("part_file", "peer", "registry", "resume", "text", "tracker", "wire"),
)


def load(name: str) -> Target:
    """The target of this name; only then the part of the library that it tries is imported."""
    target: Target = importlib.import_module(f"{__name__}.{name}").TARGET
    return target

"""Simulated file systems with restricted names, for the ``system`` argument of the disk layer."""

from __future__ import annotations

import errno
import os
from typing import Any, Callable

from .system import System

_CALLS = ("open", "stat", "lstat", "mkdir", "unlink", "rmdir")


def case_insensitive() -> System:
    """Return a system on which names are case-insensitive, as on vfat, macOS and Windows."""
    return _changing(str.lower)


def refusing(characters: str) -> System:
    """Return a system that refuses names with these characters, as vfat and ntfs do."""

    def change(name: str) -> str:
        if set(name) & set(characters):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return name

    return _changing(change)


def _changing(change: Callable[[str], str]) -> System:
    # Only names relative to a folder are changed, not the path of the folder itself.
    system = System()

    def changed(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(name: Any, *arguments: Any, **keywords: Any) -> Any:
            if keywords.get("dir_fd") is not None:
                name = change(name)
            return real(name, *arguments, **keywords)

        return call

    for name in _CALLS:
        system.use(name, changed(getattr(os, name)))
    return system

"""File systems that store fewer names than the one the tests run on, for the ``system`` seam of the disk layer."""

from __future__ import annotations

import errno
import os
from typing import Any, Callable

from .system import System

_CALLS = ("open", "stat", "lstat", "mkdir", "unlink", "rmdir")


def case_insensitive() -> System:
    """Names that differ in case are one, as on vfat and on most disks of macOS and Windows."""
    return _changing(str.lower)


def refusing(characters: str) -> System:
    """Names with one of these characters are refused, as vfat and ntfs do."""

    def change(name: str) -> str:
        if set(name) & set(characters):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return name

    return _changing(change)


def _changing(change: Callable[[str], str]) -> System:
    # Names that are relative to a folder are changed; the path of the folder itself is not.
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

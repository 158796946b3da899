"""``System``: an ``os`` module with injected faults, for the ``system`` argument of the disk layer."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Collection, Dict, List, Tuple

WINDOWS_LACKS = ("O_NOFOLLOW", "O_NONBLOCK", "preadv", "pwritev", "pread", "pwrite", "fdatasync", "posix_fadvise")
"""The functions that are missing on a platform without positional reads and ``dir_fd``."""


class System:
    """The real ``os``, except for functions that ``without`` removes, ``use`` replaces or ``fail`` makes fail."""

    def __init__(self, *, without: Collection[str] = ()) -> None:
        self.calls: List[Tuple[str, Tuple[Any, ...]]] = []
        """Name and positional arguments of every call."""
        self._without = without
        self._instead: Dict[str, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def use(self, name: str, function: Callable[..., Any]) -> None:
        """Replace ``os.<name>`` by ``function``."""
        self._instead[name] = function

    def fail(self, name: str, number: int, *, after: int = 0, times: int = 1_000_000) -> None:
        """Let ``after`` calls of ``os.<name>`` succeed, then make ``times`` calls fail with this errno."""
        real = self._instead.get(name, getattr(os, name))
        plan = [False] * after + [True] * times

        def failing(*arguments: Any, **keywords: Any) -> Any:
            with self._lock:
                fails = plan.pop(0) if plan else False
            if fails:
                raise OSError(number, os.strerror(number))
            return real(*arguments, **keywords)

        self._instead[name] = failing

    def heal(self, name: str) -> None:
        """End the faults of ``os.<name>``."""
        del self._instead[name]

    def named(self, *names: str) -> List[str]:
        """Return which of these functions were called, in order."""
        return [name for name, _ in self.calls if name in names]

    def __getattr__(self, name: str) -> Any:
        if name in self._without:
            raise AttributeError(name)
        value = self._instead.get(name, getattr(os, name))
        if not callable(value):
            return value

        def call(*arguments: Any, **keywords: Any) -> Any:
            self.calls.append((name, arguments))
            return value(*arguments, **keywords)

        return call

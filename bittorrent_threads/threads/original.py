"""``original``: what a module of the standard library had before gevent or eventlet patched it.

Threads of the library are threads of the system, and must neither wait in a greenlet nor lock with one.  So what they
are made of is taken from here, whether the process is patched before this package is imported, after it, or never.
Neither of the two is imported for it.
"""

from __future__ import annotations

import _thread
import builtins
import importlib
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable


def original(module: str, name: str) -> Any:
    """The attribute ``name`` of ``module``, unpatched."""
    for patcher in (_gevent, _eventlet):
        kept = patcher(module, name)
        if kept is not None:
            return kept
    return getattr(importlib.import_module(module), name)


def whole(module: str) -> ModuleType:
    """A module that eventlet replaces much of and gevent nothing that matters here."""
    patcher = _patcher()
    found: ModuleType = importlib.import_module(module) if patcher is None else patcher.original(module)
    return found


def _gevent(module: str, name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.saved.get(module):
        return None
    return monkey.get_original(module, name)


def _eventlet(module: str, name: str) -> Any:
    patcher = _patcher()
    if patcher is None:
        return None
    if module == "selectors":  # its original is made anew, from what ``select`` is now
        return getattr(_private(module, select=patcher.original("select")), name)
    return getattr(patcher.original(module), name, None)


def _patcher() -> Any:
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is None or not any(map(patcher.is_monkey_patched, ("os", "socket", "thread", "select", "time"))):
        return None
    return patcher


def _private(name: str, **instead: ModuleType) -> ModuleType:
    """A copy of a module that imports these modules instead of those of their names."""

    def find(wanted: str, *rest: Any) -> Any:
        return instead[wanted] if wanted in instead else builtins.__import__(wanted, *rest)

    spec = importlib.util.find_spec(name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = {**vars(builtins), "__import__": find}
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from threading import local as local
else:
    local = original("_thread", "_local")

allocate_lock: Callable[[], Any] = original("_thread", "allocate_lock")
get_ident: Callable[[], int] = original("_thread", "get_ident")
start_new_thread: Callable[..., int] = original("_thread", "start_new_thread")
sleep: Callable[[float], None] = original("time", "sleep")


def patched() -> bool:
    """``threading`` makes greenlets now."""
    return _thread.start_new_thread is not start_new_thread

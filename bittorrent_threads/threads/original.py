"""Unpatched functions and classes of the standard library, in a process that gevent or eventlet may have patched.

The library's threads are threads of the operating system.  They must not wait in a greenlet nor acquire a patched lock,
so they use what this module returns, whether the process is patched before this package is imported, later, or never.
This module imports neither gevent nor eventlet.
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
    """Return an attribute of a module as it was before gevent or eventlet patched the module.

    With eventlet the first call for a module may import that module anew, so call it at import time if possible.

    Args:
        module: The name of a module of the standard library.
        name: The name of the attribute.
    """
    for patcher in (_from_gevent, _from_eventlet):
        saved = patcher(module, name)
        if saved is not None:
            return saved
    return getattr(importlib.import_module(module), name)


def original_module(module: str) -> ModuleType:
    """Return a module without the patches of eventlet.

    Those of gevent stay: of ``os``, for which this is used, gevent patches no function that the library calls.
    """
    patcher = _eventlet_patcher()
    found: ModuleType = importlib.import_module(module) if patcher is None else patcher.original(module)
    return found


def _from_gevent(module: str, name: str) -> Any:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.saved.get(module):
        return None
    return monkey.get_original(module, name)


def _from_eventlet(module: str, name: str) -> Any:
    patcher = _eventlet_patcher()
    if patcher is None:
        return None
    if module == "selectors":  # the copy that eventlet would return uses the patched ``select``
        return getattr(_private_copy(module, select=patcher.original("select")), name)
    return getattr(patcher.original(module), name, None)


def _eventlet_patcher() -> Any:
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is None or not any(map(patcher.is_monkey_patched, ("os", "socket", "thread", "select", "time"))):
        return None
    return patcher


def _private_copy(name: str, **instead: ModuleType) -> ModuleType:
    """Return a new copy of the module ``name`` that imports the modules ``instead`` under their names."""

    def find(wanted: str, *rest: Any) -> Any:
        return instead[wanted] if wanted in instead else builtins.__import__(wanted, *rest)

    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
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
    """Return true if a new ``threading.Thread`` would be a greenlet now."""
    return _thread.start_new_thread is not start_new_thread

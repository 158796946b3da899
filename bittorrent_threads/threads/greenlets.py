"""Threads of the library in a process that gevent or eventlet has patched.

Both replace the locks that the import system makes for modules.  If two threads import one module at the same time, the
second waits in a greenlet, and an event loop is made for it.  The rule: what the library's threads would import is
imported before the first of them starts.

A callback or a handler of ``logging``, which are code of the user, may wait in a greenlet all the same.  The event loop
that was made for it is closed when the thread ends: neither gevent nor eventlet does that for a thread of the system.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys

LATE_MODULES = ("_sha2", "encodings.idna", "http.client", "resource", "ssl")
"""Modules that are imported when they are first needed, in a thread of the library; ``random`` imports ``_sha2``."""


@functools.cache
def import_late_modules() -> None:
    """Import ``LATE_MODULES`` in the calling thread, except what this Python lacks (``resource`` on Windows).

    Only the first call does so: an attempt to import a missing module acquires the import lock each time.
    """
    for name in LATE_MODULES:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def close_event_loop() -> None:
    """Close the event loops that gevent and eventlet have made for the calling thread, which is about to end."""
    gevent = sys.modules.get("gevent._hub_local")
    if gevent is not None:
        hub = gevent.get_hub_if_exists()
        if hub is not None:
            hub.destroy(destroy_loop=True)
    eventlet = sys.modules.get("eventlet.hubs")
    if eventlet is not None:
        hub = vars(eventlet._threadlocal).pop("hub", None)
        if hub is not None and hub.running:  # ``abort`` would start one that has not run, and wait for ever
            hub.abort(wait=True)

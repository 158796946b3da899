from __future__ import annotations

import _thread
import select
import selectors
import socket
import sys
import time
import types

import pytest

from bittorrent_threads.threads import original as module
from bittorrent_threads.threads.original import original, original_module, patched


def test_is_what_there_is_where_nothing_is_patched() -> None:
    assert original("time", "sleep") is time.sleep
    assert original("socket", "socket") is socket.socket
    assert original_module("socket") is socket
    assert module.allocate_lock is _thread.allocate_lock
    assert not patched()


def test_follows_what_others_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", print)
    assert original("socket", "getaddrinfo") is print


def test_takes_what_gevent_has_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkey = types.ModuleType("gevent.monkey")
    monkey.saved = {"time": {"sleep": time.sleep}}  # type: ignore[attr-defined]
    monkey.get_original = lambda name, item: monkey.saved[name][item]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    kept = time.sleep
    monkeypatch.setattr(time, "sleep", print)
    assert original("time", "sleep") is kept
    assert original("socket", "socket") is socket.socket, "of what it has not patched it has kept nothing"


def test_sees_that_threading_is_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_thread, "start_new_thread", print)
    assert patched()


def test_a_private_copy_imports_what_it_is_given() -> None:
    without = types.ModuleType("select")
    without.select = select.select  # type: ignore[attr-defined]
    copy = module._private_copy("selectors", select=without)
    assert copy.DefaultSelector.__name__ == "SelectSelector"
    assert copy is not selectors
    assert sys.modules["selectors"] is selectors

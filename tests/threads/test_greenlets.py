"""Threads of the library and the event loops of gevent and eventlet; each in a process of its own."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Callable, List

import pytest
from support.loopback import run_child

from bittorrent_threads.threads import greenlets

PATCHES = {
    "gevent": "from gevent import monkey; monkey.patch_all()",
    "eventlet": "import warnings; warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch()",
}

PROGRAM = """
import os, time
{patch}
from bittorrent_threads.threads.thread import Thread

def descriptors():
    return len(os.listdir("/proc/self/fd"))

def pause():
    time.sleep(0.001)
    opened.append(descriptors() - before)

def ask_for_hub():
    {get_hub}

opened = []
before = descriptors()
for target in (pause, ask_for_hub):
    for _ in range(3):
        thread = Thread(target, "test")
        thread.start()
        assert thread.join(10)
import gc; gc.collect()
print(min(opened) > 0, descriptors() - before)
"""

IMPORTS = """
import sys
{patch}
from bittorrent_threads.threads import greenlets
from bittorrent_threads.threads.uninterrupted import run_uninterrupted

def imported():
    return [name for name in greenlets.LATE_MODULES if name in sys.modules]

for name in {removed!r}:
    sys.modules.pop(name, None)
before = imported()
print(before, run_uninterrupted(imported, "test"))
"""


@pytest.mark.parametrize("patch", PATCHES)
def test_the_event_loop_of_a_thread_is_closed_when_the_thread_ends(
    require_peer: Callable[[str], str], patch: str
) -> None:
    require_peer(patch)
    get_hub = f"import {patch}.hubs; {patch}.hubs.get_hub()" if patch == "eventlet" else "gevent.get_hub()"
    program = PROGRAM.format(patch=PATCHES[patch] + f"; import {patch}", get_hub=get_hub)
    assert run_child(program) == "True 0\n"


@pytest.mark.parametrize("patch", PATCHES)
def test_modules_are_imported_before_the_first_thread_of_a_patched_process(
    require_peer: Callable[[str], str], patch: str
) -> None:
    require_peer(patch)
    removed = ["http.client", "encodings.idna"]
    before, after = run_child(IMPORTS.format(patch=PATCHES[patch], removed=removed)).split("] [")
    assert not any(name in before for name in removed)
    assert all(name in after for name in removed)


def test_modules_are_imported_late_where_nothing_is_patched() -> None:
    assert run_child(IMPORTS.format(patch="", removed=[])) == "[] []\n"


def test_a_module_that_the_platform_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(greenlets, "LATE_MODULES", ("no_such_module", "colorsys"))
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    greenlets.import_late_modules.cache_clear()
    greenlets.import_late_modules()
    assert "colorsys" in sys.modules
    assert "no_such_module" not in sys.modules
    looked_for: List[str] = []
    monkeypatch.setattr(sys, "meta_path", [SimpleNamespace(find_spec=lambda name, *rest: looked_for.append(name))])
    greenlets.import_late_modules()
    assert looked_for == [], "an attempt acquires the import lock"

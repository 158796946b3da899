"""In a process that gevent or eventlet has patched, before this package is imported or after it."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest
from support.loopback import run_child
from support.pairs import SMALL

GEVENT = "from gevent import monkey; monkey.patch_all()"
EVENTLET = "import warnings; warnings.simplefilter('ignore'); import eventlet; eventlet.monkey_patch()"

PROGRAM = """
import os, queue, sys, time
{before}
import bittorrent_threads as bt
import bittorrent_threads.client, bittorrent_threads.tracker, bittorrent_threads.disk.create
{after}
from pathlib import Path
from bittorrent_threads.threads.original import original, patched

def target(name):
    try:
        return os.readlink("/proc/self/fd/" + name)
    except OSError:  # the descriptor that listed the folder
        return ""

def descriptors():
    return sorted(map(target, os.listdir("/proc/self/fd")))

assert patched()
ident = original("_thread", "get_ident")
main, imported, looped, called = ident(), [], [], set()

def audit(event, args):
    if event == "import" and ident() != main:
        imported.append((ident(), args[0]))

def note_event_loop(cls):
    make = cls.__init__
    cls.__init__ = lambda *args, **kwargs: (looped.append(ident()), make(*args, **kwargs))[1]

def on_hash_pass(index):
    time.sleep(0.001)  # code of the user may wait in a greenlet
    called.add(ident())
    seen.append(index)

sys.addaudithook(audit)
if "gevent" in sys.modules:
    note_event_loop(sys.modules["gevent.hub"].Hub)
else:
    note_event_loop(sys.modules["eventlet.hubs.hub"].BaseHub)
folder = Path(sys.argv[1])
before = descriptors()
seen = []
settings = bt.Settings(host="127.0.0.1")
with bt.Tracker() as tracker:
    metainfo = bt.create(folder / "seed" / "small", trackers=tracker.url, piece_length=32768)
    with bt.Client(metainfo, folder / "seed", settings=settings) as seed:
        seed.wait("checked", timeout=60)
        assert seed.seed, seed.status()
        with bt.Client(metainfo, folder / "down", settings=settings, on_hash_pass=on_hash_pass) as down:
            down.add_peer("localhost", seed.port)
            down.wait(timeout=60)
            for event in down:
                if isinstance(event, bt.events.Completed):
                    break
            assert len(down.hashcheck().passed) == metainfo.piece_count
            down.move(folder / "moved", timeout=60)
            down.stop()
        assert type(list(down)[-1]) is bt.events.Closed
        try:
            down.events.get()
        except queue.Empty:
            pass
    assert len(tracker.announces) >= 2, tracker.announces
assert len(seen) == 2 * metainfo.piece_count, seen
assert original("_thread", "_count")() == 0, "every thread has ended"
assert len(called) == 1 and called <= set(looped), (called, looped)
assert set(looped) <= called | {{main}}, "a thread of the library has waited in a greenlet"
assert [name for where, name in imported if where not in called] == [], imported
assert descriptors() == before, (before, descriptors())
print("well")
"""


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("patch", [GEVENT, EVENTLET], ids=["gevent", "eventlet"])
def test_a_client_does_all_that_it_does_elsewhere(
    tmp_path: Path, require_peer: Callable[[str], str], patch: str, order: str
) -> None:
    require_peer("gevent" if patch is GEVENT else "eventlet")
    SMALL.write(tmp_path / "seed")
    orders = {"before": "", "after": "", order: patch}
    assert run_child(PROGRAM.format(**orders), str(tmp_path)) == "well\n"

"""Interrupt calls of the public API many times, and check that no resource is leaked.

    python3 tools/storm.py                               # 1,000 interrupts of each call, at random moments
    python3 tools/storm.py --interrupts 50000 close wait
    python3 tools/storm.py --lines create                # one interrupt before each line that the call runs

A child process makes each call repeatedly until a signal raises KeyboardInterrupt at a random moment; after one in five
interrupts a second one follows, to interrupt the clean-up.  At the end the interrupted object must work, close, and
leave no thread and no descriptor behind.  With ``--lines`` the interrupt comes before each line of the package that the
main thread runs, one after the other.
"""

from __future__ import annotations

import _thread
import argparse
import contextlib
import faulthandler
import gc
import os
import queue
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

import bittorrent_threads as bt  # noqa: E402

PACKAGE = str(ROOT / "bittorrent_threads")
LOCAL = bt.Settings(host="127.0.0.1", dht=False)
DHT = LOCAL.replace(dht=True, dht_routers=())
SIZE = 400_000
PATIENCE = 60.0
"""Seconds after which a call counts as hanging, and within which everything must end."""
SECOND = 0.2
"""Share of the interrupts that are followed by a second one."""
DESCRIPTORS = "/proc/self/fd"


class Ground:
    """The working folder of a child process: data to seed, and its torrent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "seed").mkdir()
        (folder / "seed" / "data").write_bytes(random.Random(1).randbytes(SIZE))
        self.metainfo = bt.create(folder / "seed" / "data", piece_length=16384)

    def client(self, folder: str = "seed", **options: Any) -> bt.Client:
        """Return a client of the data."""
        return bt.Client(self.metainfo, self.folder / folder, **{"settings": LOCAL, **options})


Call = Callable[[], Any]
Storm = Callable[[Call], None]
"""Makes a call repeatedly, and interrupts it."""


# -- the calls: each takes a ground and a storm, and checks at the end that the interrupted object works ---------------


def on_a_client(call: Callable[[bt.Client], Any], **options: Any) -> Callable[[Ground, Storm], None]:
    """Return a function that interrupts a call of one client, which must work and close at the end."""

    def run(ground: Ground, storm: Storm) -> None:
        client = ground.client(**options)
        client.wait("checked", timeout=PATIENCE)
        storm(lambda: call(client))
        works(client)
        client.close(timeout=PATIENCE)
        assert type(list(client)[-1]) is bt.events.Closed or client.events.ended
        client.close()

    return run


def works(client: bt.Client) -> None:
    """Check that the verbs of the client work and that its events arrive."""
    client.pause()
    client.start()
    assert len(client.hashcheck().passed) == client.piece_count
    client.wait(timeout=PATIENCE)
    while True:  # older events, then that of the check
        if isinstance(client.events.get(timeout=PATIENCE), bt.events.HashcheckFinished):
            return


def followed(client: bt.Client) -> None:
    """Iterate over the events of a hash check."""
    client.hashcheck(0, 1, wait=False)
    for event in client:
        if isinstance(event, bt.events.HashcheckFinished):
            return


def got(client: bt.Client) -> None:
    """Take events one by one."""
    client.hashcheck(0, wait=False)
    with contextlib.suppress(queue.Empty):
        while True:
            client.events.get(timeout=0.002)


def polled(client: bt.Client) -> None:
    """Take events when the descriptor is readable, up to that of a hash check."""
    client.hashcheck(0, wait=False)
    while True:
        assert select.select([client], [], [], PATIENCE)[0], "an event waits and the descriptor is not readable"
        with contextlib.suppress(queue.Empty):
            if isinstance(client.events.get_nowait(), bt.events.HashcheckFinished):
                return


def checked(client: bt.Client) -> None:
    """Check pieces, waiting and not waiting."""
    client.hashcheck(0, 1, 2)
    check = client.hashcheck(wait=False)
    with contextlib.suppress(bt.WaitTimeout):
        check.wait(0.001)
    check.cancel()
    check.wait(PATIENCE)


def waited(client: bt.Client) -> None:
    """Wait for a state that is reached, and for one that is never reached."""
    client.wait()
    with contextlib.suppress(bt.WaitTimeout):
        client.wait(lambda status: False, timeout=0.005)


def opened(client: bt.Client) -> None:
    """Open the file and read in it; files that an interrupt left open are closed by the garbage collector."""
    with client.open(0, timeout=PATIENCE) as file:
        file.seek(SIZE // 2)
        assert len(file.read(100)) == 100


def reads(ground: Ground, storm: Storm) -> None:
    """Read in files of a client; all must be closed at the end."""
    client = ground.client()
    client.wait("checked", timeout=PATIENCE)
    storm(lambda: opened(client))
    gc.collect()
    readers, deadline = client._handle.torrent.content.readers, time.monotonic() + PATIENCE
    while client._handle.call(lambda: len(readers)):
        assert time.monotonic() < deadline, "a file was left open"
        time.sleep(0.01)
    works(client)
    client.close(timeout=PATIENCE)


def waited_together(client: bt.Client) -> None:
    """Wait as for several clients, with progress."""
    bt.wait_all([client], progress=lambda report: None)
    bt.wait_all([client], lambda status: False, timeout=0.005)
    assert [outcome.error for outcome in bt.as_completed([client])] == [None]


def told(client: bt.Client) -> None:
    """Read the properties of a client."""
    status = client.status()
    assert status.piece_count == client.piece_count
    assert repr(client)
    assert client.session.clients == (client,)
    assert client.files[0].complete
    assert client.files[0].progress == 1.0
    assert client.piece_cache or status.checking


def ordered(client: bt.Client) -> None:
    """Call and set everything that returns at once."""
    client.add_peer("127.0.0.1", 1)
    client.set_priorities({0: 3})
    client.files[0].priority = 1
    client.download_limit = client.upload_limit = 0
    client.on_hash_pass = client.on_hash_fail = None


def paused(client: bt.Client) -> None:
    """Pause and start."""
    client.pause()
    client.start()


def stopped(client: bt.Client) -> None:
    """Stop and start."""
    client.stop()
    client.start()


def moved(client: bt.Client) -> None:
    """Move and rename the files of a client, and undo both."""
    home = client.basedir
    away = f"{home}-away"
    try:
        client.move(away)
        client.files[0].rename("other")
        client.files[0].rename("data")
    finally:
        while True:  # an interrupted move was done or undone; the next one works in both cases
            try:
                client.move(home)
                client.files[0].rename("data")
                break
            except (KeyboardInterrupt, bt.BitTorrentError):
                continue


def constructed(ground: Ground, storm: Storm) -> None:
    """Make clients and close them."""

    def call() -> None:
        with ground.client(on_hash_pass=len, on_hash_fail=len) as client:
            client.hashcheck(0)

    storm(call)


def forgotten(ground: Ground, storm: Storm) -> None:
    """Make clients with callbacks and a name look-up, and drop the references."""

    def call() -> None:
        client = ground.client(on_hash_pass=abs, peers=[("localhost", 1)])
        client.hashcheck(0)

    storm(call)


def closed(ground: Ground, storm: Storm) -> None:
    """Close a client; after an interrupt, call ``close`` again until it returns."""

    def call() -> None:
        while gc.collect() >= 0 and _own():  # threads of an interrupted constructor end soon
            time.sleep(0.001)
        client = ground.client(on_hash_pass=abs)
        client.hashcheck(0)
        interrupted: Optional[KeyboardInterrupt] = None
        while True:
            try:
                client.close(timeout=PATIENCE)
                break
            except KeyboardInterrupt as error:
                interrupted = error
        assert [type(event) for event in client][-1:] in ([bt.events.Closed], [])
        assert not _own(), f"closed, and still there: {_own()}"
        if interrupted is not None:
            raise interrupted

    storm(call)


def shared(ground: Ground, storm: Storm) -> None:
    """Add clients to one session and close them; the session must take the torrent again."""
    with bt.Session(LOCAL) as session:

        def call() -> None:
            for client in session.clients:  # the interrupt came after it was added
                client.close()
            with session.add(ground.metainfo, ground.folder / "seed", on_hash_pass=abs) as client:
                client.hashcheck(0)

        def patient() -> None:
            try:
                call()
            except bt.StateError:  # the interrupted client is still closing
                time.sleep(0.01)

        storm(patient)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                call()
                break
            except bt.StateError:
                assert time.monotonic() < deadline, "the session keeps a torrent without a client"
        assert session.clients == ()


def searched(ground: Ground, storm: Storm) -> None:
    """Look for peers in a DHT of two nodes."""
    with bt.Session(DHT) as other, bt.Session(DHT) as session:
        other.dht.add_node("127.0.0.1", 1)
        while not other.dht.status().families:
            time.sleep(0.01)
        session.dht.add_node("127.0.0.1", other.dht.status().families[0].port)

        def call() -> None:
            with session.dht.get_peers(bytes(20), PATIENCE) as peers:
                assert list(peers) == []
                assert peers.ended
            assert repr(peers)
            assert session.dht.status().searches >= 0

        storm(call)


def sessions(ground: Ground, storm: Storm) -> None:
    """Make sessions and close them."""

    def call() -> None:
        with bt.Session(LOCAL) as session:
            session.download_limit = 0
            assert session.port == 0
            assert repr(session)

    storm(call)


def downloaded(ground: Ground, storm: Storm) -> None:
    """Download from a seed."""
    with ground.client() as seed:
        seed.wait("checked", timeout=PATIENCE)
        options: Any = {"peers": [("127.0.0.1", seed.port)], "settings": LOCAL, "resume": False}

        def call() -> None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(ground.folder / "down" / "data")
            bt.download(ground.metainfo, ground.folder / "down", timeout=PATIENCE, **options)

        storm(call)


def created(ground: Ground, storm: Storm) -> None:
    """Make a torrent."""
    path = ground.folder / "seed" / "data"
    storm(lambda: bt.create(path, piece_length=16384, threads=2, progress=lambda done, total: None))


def served(client: bt.Client) -> None:
    """Start a server of the files, fetch one over a connection, and close the server."""
    with client.serve() as server, socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        sock.sendall(b"GET /data HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while sock.recv(65536):
            pass
        assert server.url


def tracked(ground: Ground, storm: Storm) -> None:
    """Start trackers, ask them, and close them."""

    def call() -> None:
        with bt.Tracker() as tracker:
            assert tracker.announces == ()
            assert tracker.swarm(bytes(20)) == ()
            assert tracker.url

    storm(call)


CALLS: Dict[str, Callable[[Ground, Storm], None]] = {
    "client": constructed,
    "close": closed,
    "create": created,
    "dht": searched,
    "download": downloaded,
    "events.get": on_a_client(got),
    "events.poll": on_a_client(polled),
    "facts": on_a_client(told),
    "forget": forgotten,
    "hashcheck": on_a_client(checked),
    "iterate": on_a_client(followed),
    "move": on_a_client(moved),
    "open": reads,
    "orders": on_a_client(ordered),
    "pause": on_a_client(paused),
    "serve": on_a_client(served),
    "session": sessions,
    "session.add": shared,
    "stop": on_a_client(stopped),
    "tracker": tracked,
    "wait": on_a_client(waited),
    "wait.all": on_a_client(waited_together),
}


# -- the interrupts ----------------------------------------------------------------------------------------------------


class Signals:
    """Interrupts by signals at random moments."""

    def __init__(self, interrupts: int, chance: random.Random) -> None:
        self.left = interrupts
        self.done = 0
        self._chance = chance

    def __call__(self, call: Call) -> None:
        """Make the call until so many interrupts have come."""
        call()  # for what happens once, such as imports
        began = time.perf_counter()
        call()
        lasts = time.perf_counter() - began
        signal.signal(signal.SIGALRM, self._interrupt)
        while self.done < self.left:
            try:
                try:
                    # Python ignores an exception in a finaliser; the timer then raises the next one.
                    signal.setitimer(signal.ITIMER_REAL, self._chance.uniform(1e-5, 1.5 * lasts + 1e-4), 0.2)
                    while True:
                        call()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                self.done += 1
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _interrupt(self, number: int, frame: Optional[FrameType]) -> None:
        if frame is not None and frame.f_code in (Signals.__call__.__code__, _quiet.__code__):
            return  # the signal came between two calls
        if self._chance.random() < SECOND:
            signal.setitimer(signal.ITIMER_REAL, self._chance.uniform(1e-5, 1e-3), 0.2)
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        raise KeyboardInterrupt


class Lines:
    """One interrupt before each line, or before every ``step``-th."""

    def __init__(self, step: int, most: int) -> None:
        self.done = 0
        self._step = step
        self._most = most
        self._countdown = 0

    def __call__(self, call: Call) -> None:
        """Make the call once for each line that is interrupted."""
        call()  # for what happens once, such as imports
        position = 0
        while self.done < self._most:
            position += self._step
            self._countdown = position
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            sys.settrace(self._enter)
            try:
                call()
            except KeyboardInterrupt:
                self.done += 1
            finally:
                sys.settrace(None)
            if self._countdown > 0:
                return  # the call ended before this line

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._countdown -= 1
            if not self._countdown:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self._line


# -- the child ---------------------------------------------------------------------------------------------------------


def _own() -> List[str]:
    """Return the names of the running threads of the library."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-"))


def _left() -> Tuple[int, List[str]]:
    """Return the number of threads and the targets of the open descriptors."""
    found = []
    for name in os.listdir(DESCRIPTORS) if os.path.isdir(DESCRIPTORS) else ():
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"{DESCRIPTORS}/{name}").split(":[")[0])
    return _thread._count(), sorted(found)


def _quiet(unraisable: Any) -> None:
    """Ignore interrupts in finalisers, which Python reports here: they are no fault of the library."""
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)


def child(name: str, storm: Any) -> None:
    """Interrupt one call; exit with a message when a resource is left."""
    sys.unraisablehook = _quiet
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder))
        while _thread._count():  # threads of ``create`` end soon
            time.sleep(0.001)
        gc.collect()
        before = _left()
        CALLS[name](ground, storm)
        faulthandler.dump_traceback_later(2 * PATIENCE, exit=True)
        deadline = time.monotonic() + PATIENCE
        while gc.collect() >= 0 and _left() != before and time.monotonic() < deadline:
            time.sleep(0.05)
        after = _left()
        if after != before:
            sys.exit(f"{name}: left after {storm.done} interrupts: {before} became {after}, threads {_own()}")
    faulthandler.cancel_dump_traceback_later()
    print(f"{name}: {storm.done} interrupts, nothing left")


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Interrupt the calls of the public API.")
    parser.add_argument("calls", nargs="*", metavar="CALL", help=f"any of {', '.join(CALLS)} (default: all)")
    parser.add_argument("--interrupts", type=int, default=1000, metavar="N", help="in each call (default: %(default)s)")
    parser.add_argument("--lines", action="store_true", help="interrupt before each line, at most N times")
    parser.add_argument("--step", type=int, default=1, metavar="N", help="with --lines: before each N-th")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the chance (default: %(default)s)")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    for name in options.calls:
        if name not in CALLS:
            parser.error(f"{name} is none of {', '.join(CALLS)}")
    return options


def main(given: Sequence[str]) -> int:
    """Run the program; the exit code is 1 when a resource was leaked or a call hung."""
    options = _arguments(given)
    if options.child:
        storm = (
            Lines(options.step, options.interrupts)
            if options.lines
            else Signals(options.interrupts, random.Random(options.seed))
        )
        child(options.calls[0], storm)
        return 0
    failed = []
    for name in options.calls or CALLS:
        began = time.monotonic()
        code = subprocess.call([sys.executable, __file__, "--child", *_without_calls(given, options.calls), name])
        print(f"{name}: {'ended with ' + str(code) if code else 'well'}, {time.monotonic() - began:.1f} s", flush=True)
        failed += [name] if code else []
    return 1 if failed else 0


def _without_calls(given: Sequence[str], calls: Sequence[str]) -> Iterator[str]:
    return (word for word in given if word not in calls)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

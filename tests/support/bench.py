"""``Bench``: one engine in virtual time, among peers that a test scripts.

A ``Guest`` is one connection.  It says only what the test says and answers nothing by itself, so that a test reads as
bytes in and bytes out; what it heard waits in ``heard`` as ``(kind, *fields)``.
"""

from __future__ import annotations

import functools
import random
import struct
from typing import Any, Callable, Iterable, List, Optional, Sequence, Tuple, Union

from bittorrent_threads import events
from bittorrent_threads.disk.resume import Resume
from bittorrent_threads.engine.checks import Check
from bittorrent_threads.engine.engine import Engine
from bittorrent_threads.engine.interfaces.event_dispatcher import EventDispatcher
from bittorrent_threads.engine.interfaces.network import Stream
from bittorrent_threads.engine.payload import Payload
from bittorrent_threads.engine.torrent import Torrent
from bittorrent_threads.engine.torrent_params import TorrentParams
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.net.interfaces import Address
from bittorrent_threads.settings import Settings
from bittorrent_threads.status import Status
from bittorrent_threads.testing.peer_messages import (
    ALLOWED_FAST,
    BITFIELD,
    CANCEL,
    EXTENDED,
    HAVE,
    HAVE_ALL,
    HAVE_NONE,
    INTERESTED,
    KEEPALIVE,
    PIECE,
    REJECT,
    REQUEST,
    SUGGEST,
    UNCHOKE,
    handshake,
    message,
)
from bittorrent_threads.testing.simulation.disk import SimDisk
from bittorrent_threads.testing.simulation.lookups import SimLookups, Web
from bittorrent_threads.testing.simulation.network import Internet, SimNetwork
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.torrent import SimTorrent, make_torrent
from bittorrent_threads.testing.simulation.tracker import SimTracker
from bittorrent_threads.testing.simulation.world import World

PORT = 6881
BLOCK = 16384
PIECE_LENGTH = 2 * BLOCK
COUNT = 12
TAIL = 20_000
"""Bytes of the last piece: a whole block and a short one."""
SIZE = (COUNT - 1) * PIECE_LENGTH + TAIL
TRACKER = "http://tracker.sim/announce"
MOMENT = 0.2
"""Seconds in which a few messages are exchanged."""

Heard = Tuple[Any, ...]

_BLOCKS = frozenset({REQUEST, CANCEL, REJECT})
_INDEXES = frozenset({HAVE, SUGGEST, ALLOWED_FAST})


@functools.cache
def torrent_of(
    *trackers: Union[str, Tuple[str, ...]],
    files: Sequence[Tuple[str, int]] = (),
    seed: int = 1,
    private: bool = False,
) -> SimTorrent:
    """Return a torrent of twelve pieces of two blocks, the last one shorter; a tracker is a URL or a tier of URLs."""
    return make_torrent(
        seed=seed, size=SIZE, piece_length=PIECE_LENGTH, trackers=trackers, files=files, private=private
    )


def packed(pieces: Iterable[int], count: int = COUNT) -> bytes:
    """Return a bitfield message payload."""
    bits = 0
    for index in pieces:
        bits |= 1 << (count - 1 - index)
    return (bits << (-count % 8)).to_bytes((count + 7) // 8, "big")


def blocks_of(*pieces: int) -> List[Tuple[int, int, int]]:
    """Return index, begin and length of every block of these pieces."""
    return [
        (index, begin, min(BLOCK, size - begin))
        for index in pieces
        for size in [TAIL if index == COUNT - 1 else PIECE_LENGTH]
        for begin in range(0, size, BLOCK)
    ]


class Guest:
    """A scripted peer: one end of a connection with the engine under test."""

    def __init__(self, bench: Bench, torrent: SimTorrent) -> None:
        self.bench = bench
        self.torrent = torrent
        self.stream: Optional[Stream] = None
        self.closed = ""
        """Why the other end or the system closed the connection; empty while it is open."""
        self.handshaker = b""
        """The handshake of the engine."""
        self._data = bytearray()
        self._heard: List[Heard] = []

    # -- speaking --------------------------------------------------------------------------------------------------

    def greet(self, *, peerid: bytes, fast: bool = True, extended: bool = False) -> None:
        """Send the handshake."""
        self.say(handshake(self.torrent.metainfo.infohash, peerid=peerid, fast=fast, extended=extended))

    def say(self, *data: bytes, seconds: float = MOMENT) -> None:
        """Send these messages, and let virtual time pass for a moment."""
        assert self.stream is not None
        self.stream.send([b"".join(data)])
        self.bench.run(seconds)

    def give(self, *blocks: Tuple[int, int, int], wrong: bool = False) -> None:
        """Send these blocks."""
        self.say(*[message(PIECE, i, at, payload=self._content(i, at, size, wrong)) for i, at, size in blocks])

    def serve(self, *, wrong: bool = False) -> List[Tuple[int, int, int]]:
        """Send the requested and not cancelled blocks until no request is left."""
        served: List[Tuple[int, int, int]] = []
        while True:
            asked = self.requests()
            if not asked:
                return served
            served += asked
            self.give(*asked, wrong=wrong)

    def hang_up(self) -> None:
        """Close this end."""
        assert self.stream is not None
        self.stream.close()
        self.bench.run(MOMENT)

    def _content(self, index: int, begin: int, size: int, wrong: bool) -> bytes:
        data = self.torrent.content.read(index * PIECE_LENGTH + begin, size)
        return bytes(byte ^ 0xFF for byte in data) if wrong else data

    # -- hearing ---------------------------------------------------------------------------------------------------

    @property
    def greeted(self) -> bool:
        """Whether the handshake of the engine was received."""
        return bool(self.handshaker)

    def heard(self, *kinds: int) -> List[Heard]:
        """Return the messages received since the last call; of these kinds, or all."""
        heard, self._heard = self._heard, []
        return [each for each in heard if not kinds or each[0] in kinds]

    def requests(self) -> List[Tuple[int, int, int]]:
        """Return the blocks requested since the last call and not cancelled."""
        asked: List[Tuple[int, int, int]] = []
        for kind, *fields in self.heard(REQUEST, CANCEL):
            if kind == REQUEST:
                asked.append((fields[0], fields[1], fields[2]))
            elif tuple(fields) in asked:
                asked.remove((fields[0], fields[1], fields[2]))
        return asked

    def extension_handshake(self) -> Any:
        """The extension handshake of the engine (BEP 10)."""
        ((_, payload),) = self.heard(EXTENDED)
        assert payload[0] == 0
        return bencode.decode(payload[1:])

    # -- the stream ------------------------------------------------------------------------------------------------

    def on_connected(self) -> None:
        """Nothing: the test sends first."""

    def on_received(self, data: memoryview) -> None:
        self._data += data
        if not self.handshaker:
            if len(self._data) < 68:
                return
            self.handshaker = bytes(self._data[:68])
            del self._data[:68]
        while len(self._data) >= 4:
            (length,) = struct.unpack_from(">I", self._data)
            if len(self._data) < 4 + length:
                return
            body = bytes(self._data[4 : 4 + length])
            del self._data[: 4 + length]
            self._heard.append(_fields(body))

    def on_drained(self) -> None:
        """Nothing: the peer queues no data."""

    def on_closed(self, reason: str) -> None:
        self.closed = reason


def _fields(body: bytes) -> Heard:
    if not body:
        return (KEEPALIVE,)
    kind, payload = body[0], body[1:]
    if kind in _BLOCKS:
        return (kind, *struct.unpack(">III", payload))
    if kind in _INDEXES:
        return (kind, *struct.unpack(">I", payload))
    if kind == PIECE:
        return (kind, *struct.unpack(">II", payload[:8]), payload[8:])
    return (kind, payload) if payload or kind in (BITFIELD, EXTENDED) else (kind,)


class Bench:
    """An engine with one torrent (``add`` adds more), started by default; its disk has the pieces ``have``."""

    def __init__(
        self,
        torrent: Optional[SimTorrent] = None,
        *,
        have: Iterable[int] = (),
        settings: Optional[Settings] = None,
        state: str = "active",
        **options: Any,
    ) -> None:
        self.world = World(7)
        self.internet = Internet(self.world)
        self.web = Web()
        self.tracker = self.web.trackers["tracker.sim"] = SimTracker(self.world)
        self.network = self.internet.add("10.0.0.1")
        self.disk = SimDisk(self.network)
        self.lookups = SimLookups(self.network, self.web)
        self.settings = (settings or Settings()).replace(port=PORT)
        self.events: List[events.Event] = []
        self.content = torrent or torrent_of()
        self.files = self.disk.hold(self.content, have)
        self._hosts = 0
        self.boot()
        self.torrent = self.add(self.content, **options)
        if state != "stopped":
            self.act(self.torrent.set_state, state)
            self.run(1)

    # -- the engine ------------------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Make an engine; only the disk keeps data of the engine before."""
        self.engine = Engine(
            network=self.network,
            disk=self.disk,
            lookups=self.lookups,
            settings=self.settings,
            random=random.Random(5),
            wall=lambda: self.world.now,
        )

    def add(self, torrent: SimTorrent, **options: Any) -> Torrent:
        """Add a stopped torrent."""
        return self.engine.add(torrent.metainfo, TorrentParams("downloads", **options), Recorder(self.events.append))

    def second(self, *trackers: str) -> Torrent:
        """Add another torrent, and start it."""
        content = torrent_of(*trackers, seed=2)
        self.disk.hold(content)
        torrent = self.add(content)
        self.act(torrent.set_state, "active")
        self.run(1)
        return torrent

    def reboot(self, **options: Any) -> None:
        """Close the engine, and start another one on the same disk."""
        over: List[bool] = []
        self.act(self.engine.close, lambda: over.append(True))
        self.until(lambda: bool(over))
        self.events.clear()
        self.boot()
        self.torrent = self.add(self.content, **options)
        self.set_state("active")
        self.run(1)

    def act(self, verb: Callable[..., Any], *args: Any) -> None:
        """Call a method of the engine on its network thread."""
        self.network.run_pass(lambda: verb(*args))

    def set_state(self, state: str) -> None:
        """Set the state, and let virtual time pass for a moment."""
        self.act(self.torrent.set_state, state)
        self.run(MOMENT)

    @property
    def payload(self) -> Payload:
        """The content of the torrent."""
        return self.torrent.content

    def dispatch(self, dispatcher: EventDispatcher) -> None:
        """Give the events of the torrent to somebody else from now on."""
        vars(self.torrent.publisher)["_dispatcher"] = dispatcher

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.world.run(self.world.now + seconds)
        assert self.world.violations == []
        self.payload.downloads.check()

    def until(self, condition: Callable[[], bool], *, limit: float = 600.0) -> None:
        """Let virtual time pass until a condition holds."""
        self.world.run(condition, limit=limit)

    def claim(self, pieces: Iterable[int], **fields: Any) -> Resume:
        """Return resume data that claims these pieces for the files as they are."""
        return Resume(self.content.metainfo.infohash, packed(pieces), self.files.stats, **fields)

    def recorded(self, *names: str) -> List[str]:
        """Record from now on which of these methods of the storage are called."""
        calls: List[str] = []
        storage: Any = self.payload.storage

        def record(name: str) -> Any:
            call = getattr(storage, name)

            def noted(*arguments: Any, **options: Any) -> None:
                calls.append(name)
                call(*arguments, **options)

            return noted

        for name in names:
            setattr(storage, name, record(name))
        return calls

    # -- the peers -------------------------------------------------------------------------------------------------

    def host(self, name: str = "") -> SimNetwork:
        """Return a new host."""
        self._hosts += 1
        return self.internet.add(name or f"10.1.0.{self._hosts}")

    def stranger(self, host: Optional[SimNetwork] = None, torrent: Optional[SimTorrent] = None) -> Guest:
        """Return a connection to the engine, on which nothing was sent yet."""
        guest = Guest(self, torrent or self.content)
        guest.stream = (host or self.host()).connect(("10.0.0.1", PORT), guest, 15.0)
        self.run(MOMENT)
        return guest

    def guest(
        self,
        pieces: Optional[Iterable[int]] = None,
        *,
        fast: bool = True,
        extended: bool = False,
        peerid: bytes = b"",
        host: Optional[SimNetwork] = None,
        torrent: Optional[SimTorrent] = None,
    ) -> Guest:
        """Return a peer that connected and sent a handshake and a bitfield; None sends no bitfield."""
        guest = self.stranger(host, torrent)
        guest.greet(peerid=peerid or b"-GU0001-%012d" % self._hosts, fast=fast, extended=extended)
        if pieces is not None:
            guest.say(availability(pieces, fast=fast))
        return guest

    def seed(self, *, fast: bool = True) -> Guest:
        """Return a peer that has every piece and unchoked the engine."""
        guest = self.guest(range(COUNT), fast=fast)
        guest.say(message(UNCHOKE))
        return guest

    def leech(self, pieces: Iterable[int] = (), *, fast: bool = True) -> Guest:
        """Return a peer that is interested; the engine unchokes it if a slot is free."""
        guest = self.guest(pieces, fast=fast)
        guest.say(message(INTERESTED))
        return guest

    def open_house(
        self, guests: Optional[List[Guest]] = None, *, host: Optional[SimNetwork] = None, port: int = PORT
    ) -> Tuple[Address, List[Guest]]:
        """Return an address that accepts connections, and the list that each accepted peer is added to."""
        found: List[Guest] = [] if guests is None else guests
        host = host or self.host()

        def accept(stream: Any) -> None:
            guest = Guest(self, self.content)
            guest.stream = stream
            stream.handler = guest
            found.append(guest)

        host.listen("", port, accept)
        return (host.name, port), found

    # -- what the user sees ----------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """The current snapshot of the torrent."""
        self.torrent.refresh()
        return self.torrent.status

    def jobs(self, verb: str) -> List[Tuple[Any, ...]]:
        """Record the argument of each disk job from now on: pieces to ``save``, spans to ``load``, or indexes."""
        given: List[Tuple[Any, ...]] = []
        ask = getattr(self.payload.storage, verb)

        def record(what: Iterable[Any], deliver: Callable[[Any], None], **options: Any) -> None:
            given.append(tuple(what))
            ask(what, deliver, **options)

        setattr(self.payload.storage, verb, record)
        return given

    def seen(self, kind: type) -> List[Any]:
        """Return the events of one type so far."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def reasons(self) -> List[str]:
        """Return the reasons of closed connections."""
        return [closed.reason for closed in self.seen(events.PeerClosed)]


NARROW = 2000
"""Bytes a second: a block takes eight seconds."""


def narrow_bench() -> Bench:
    """A seed with a low limit on what it sends."""
    bench = Bench(have=range(COUNT))
    bench.network.upload.rate = NARROW
    bench.run(1)
    return bench


def extension(**said: object) -> bytes:
    """Return an extension handshake (BEP 10)."""
    return message(EXTENDED, payload=b"\0" + bencode.encode({"m": {}, **said}))


def availability(pieces: Iterable[int], *, fast: bool = True) -> bytes:
    """Return a bitfield message."""
    pieces = sorted(pieces)
    if fast and len(pieces) == COUNT:
        return message(HAVE_ALL)
    if fast and not pieces:
        return message(HAVE_NONE)
    return message(BITFIELD, payload=packed(pieces))


def ignored(check: Check) -> None:
    """Take the end of a hash check that the test does not look at."""

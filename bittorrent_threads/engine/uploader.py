"""The upload side of one peer: its accepted requests become few large reads, and each read one list of buffers.

Nothing is read for a peer while enough waits to be sent to it.  How much is enough grows with the peer's rate, so that
a hundred slow peers do not hold a hundred full send buffers, and a fast one always has something to send.
"""

from __future__ import annotations

import functools
import itertools
import operator
from typing import Callable, Container, Dict, List, Protocol, Sequence, Set

from ..disk.results import Loaded
from ..errors import StorageError
from ..metainfo.layout import Layout
from ..net.interfaces import Buffer
from ..protocol import messages
from ..settings import Settings
from ..swarm import message_quota
from ..swarm.bans import remember
from ..swarm.uploads import Request, Run, Uploads
from .interfaces.network import Network, Stream
from .interfaces.storage import Storage
from .phase import Lifecycle
from .rate_limits import RateLimits
from .upload_turns import UploadTurns

LEAST_WATER = 128 * 1024
"""Bytes kept ready for a peer of unknown rate."""

WATER_TIME = 1.0
"""Seconds of a peer's rate kept ready."""

LEAST_READ = 256 * 1024
"""Bytes that one disk job reads if so much is requested: short pieces share a hop between threads.

With a job for each of them, pieces of 16 KiB went to libtorrent at 204 MB/s for 4.9 s of processor a GiB, and so at 284
MB/s for 3.3 s.
"""

BUFFERS = 2
"""Buffers of a block in the stream: its header and its bytes."""

MAX_BEGUN = 16
"""Pieces remembered of which a peer was sent something."""

_index_of = operator.itemgetter(0)


class Peer(Protocol):
    """The peer that is uploaded to."""

    stream: Stream
    fast: bool
    """Both ends have the fast extension (BEP 6)."""
    choked: bool
    granted: Set[int]
    """Pieces that the peer may ask for even while it is choked (BEP 6)."""
    closed: str

    @property
    def upload_rate(self) -> float:
        """Bytes a second to the peer."""

    def send(self, message: bytes) -> None:
        """Queue messages."""


class Pieces(Protocol):
    """The pieces that peers may ask for."""

    def serves(self, index: int) -> bool:
        """Whether peers may request this piece."""

    def misled(self, index: int) -> bool:
        """Whether peers were told of this piece, though it is not sent now."""

    def load_failed(self, index: int, error: StorageError) -> None:
        """A piece could not be read."""


class Uploader:
    """The upload side of one peer.

    Args:
        peer: The peer.
        touch: Has the peer settled at the end of the pass.
        pieces: What may be sent.
        storage: Reads.
        layout: Of the pieces.
        lifecycle: Blocks are sent in the phase ACTIVE only.
        limits: The rate limits.
        turns: How they are shared among the peers.
        network: Is told that an answer of the disk is awaited.
        settings: The sizes.
    """

    def __init__(
        self,
        peer: Peer,
        touch: Callable[[], None],
        *,
        pieces: Pieces,
        storage: Storage,
        layout: Layout,
        lifecycle: Lifecycle,
        limits: RateLimits,
        turns: UploadTurns,
        network: Network,
        settings: Settings,
    ) -> None:
        self._peer = peer
        self._touch = touch
        self._pieces = pieces
        self._storage = storage
        self._lifecycle = lifecycle
        self._limits = limits
        self._turns = turns
        self._network = network
        self._most = settings.send_high_water
        self._uploads = Uploads(layout=layout, reqq=settings.reqq, fast=peer.fast)
        self._reading = 0
        """Bytes asked of the disk."""
        self._loading: Set[Request] = set()
        """The requests that the disk reads for, without those that were cancelled."""
        self._sending: Dict[Request, int] = {}
        """The requests whose blocks were given to the stream, and the numbers of their first buffers there; some of
        them have left."""
        self.served_at = 0.0
        """When the last block was read at a low limit."""
        self.begun: Dict[int, None] = {}
        """The last pieces of which the peer was sent a block at a low limit."""
        self._queued = 0
        """Payload bytes given to the stream so far."""
        self._mark = 0
        """Where the last of them ends, in bytes of the stream."""
        peer.stream.low_water = LEAST_WATER // 2

    def __len__(self) -> int:
        """Requests that wait."""
        return len(self._uploads)

    @property
    def ready(self) -> int:
        """Bytes that wait to be sent, or are being read for it."""
        return self._peer.stream.backlog + self._reading

    @property
    def failed(self) -> str:
        """Why the peer must be closed; empty when it need not."""
        return self._uploads.failed

    @property
    def uploaded(self) -> int:
        """Payload bytes that the system took."""
        return max(0, self._queued - max(0, self._mark - self._peer.stream.sent))

    def restrict(self, pieces: Pieces) -> None:
        """These are the pieces that the peer may ask for, from now on."""
        self._pieces = pieces

    def add(self, requests: Sequence[Request]) -> float:
        """The peer asks for blocks, in this order; returns the seconds that its quota is charged for them."""
        peer, pieces, active = self._peer, self._pieces, self._lifecycle.active
        if not peer.choked:
            taken = self._uploads.accept(requests, pieces.serves, peer.granted if active else ())
            if taken == len(requests):
                return 0.0
            requests = requests[taken:]
        waiting, small = len(self._uploads), self._uploads.small
        rejected: List[Request] = []
        # Looked up once for each piece, not for each block: a batch of one peer is mostly of one or two pieces.
        for index, group in itertools.groupby(requests, key=_index_of):
            available = pieces.serves(index)
            rejected += self._uploads.add(
                index,
                group,
                available=available,
                misled=not available and pieces.misled(index),
                choked=peer.choked,
                allowed_fast=index in peer.granted and active,
            )
            if self.failed:
                break
        if rejected and peer.fast and not self.failed:
            peer.send(messages.rejects(rejected))
        vain = len(requests) - (len(self._uploads) - waiting)
        return vain * message_quota.REFUSED_REQUEST + (self._uploads.small - small) * message_quota.SMALL_REQUEST

    def cancel(self, index: int, begin: int, length: int) -> None:
        """The peer cancels a request; with BEP 6 that is answered by a reject, or by a block that has left already."""
        request = (index, begin, length)
        if self._uploads.cancel(*request) or self._withdraw(request):
            if self._peer.fast:
                self._peer.send(messages.reject(*request))
            self._touch()

    def _withdraw(self, request: Request) -> bool:
        """Take a block back that is read from the disk, or from the stream if nothing of it was sent."""
        if request in self._loading:
            self._loading.remove(request)
            return True
        number = self._sending.pop(request, None)
        size = 0 if number is None else self._peer.stream.withdraw(number, BUFFERS)
        if size:
            self._queued -= request[2]
            self._mark -= size
        return bool(size)

    def choke(self) -> None:
        """The peer was choked: its requests are dropped, and rejected where BEP 6 wants that."""
        dropped = self._uploads.choke()
        if self._peer.fast and dropped:
            self._peer.send(messages.rejects(dropped))

    def drop(self, pieces: Container[int]) -> None:
        """These pieces were lost: their requests are dropped, and rejected where BEP 6 wants that (BEP 54)."""
        dropped = self._uploads.drop(pieces)
        if self._peer.fast and dropped:
            self._peer.send(messages.rejects(dropped))

    def pump(self) -> None:
        """Read for the peer as long as its send buffer has room."""
        if not len(self._uploads) or not self._lifecycle.active:
            return
        rate = self._peer.upload_rate
        water = int(min(self._most, max(LEAST_WATER, rate * WATER_TIME)))
        limits = self._limits
        if limits.upload:
            water = self._turns.ready(self, water)
        self._peer.stream.low_water = limits.most_ready if limits.narrow else water // 2
        room = water - self.ready
        # A read of less than half the water waits for the drain: reads stay large.
        while room > 0 and room >= water // 4:
            runs = self._take(room)
            if not runs:
                return
            size = sum([run.length for run in runs])
            room -= size
            self._reading += size
            self._network.skip_rest()
            for run in runs:
                self._loading.update(run.requests)
            spans = [(run.index, run.begin, run.length) for run in runs]
            self._storage.load(spans, functools.partial(self._loaded, runs))

    def _take(self, room: int) -> List[Run]:
        """The runs of one job: as many as make it worth a hop between threads."""
        if self._limits.narrow:
            return self._take_rare(self._turns.spread())
        return self._uploads.take(room, LEAST_READ)

    def _take_rare(self, spread: Callable[[int], int]) -> List[Run]:
        """One block, of the piece that fewest peers have."""
        run = self._uploads.take_one(spread)
        if run is None:
            return []
        self.served_at = self._network.now()
        self.begun.pop(run.index, None)
        remember(self.begun, run.index, None, limit=MAX_BEGUN)
        return [run]

    def _loaded(self, runs: List[Run], answers: List[Loaded]) -> None:
        """The disk answered: send the blocks, or reject those that it could not read."""
        self._reading -= sum([run.length for run in runs])
        peer = self._peer
        requests: List[Request] = []
        blocks: List[Buffer] = []
        for run, loaded in zip(runs, answers):
            if peer.closed:
                return
            wanted = self._uncancelled(run)
            if loaded.error is not None:
                if peer.fast and wanted:
                    peer.send(messages.rejects(wanted))
                self._pieces.load_failed(run.index, loaded.error)
                continue
            requests += wanted
            if len(run.requests) == 1:
                blocks += [loaded.data] * len(wanted)
            else:
                view, start = memoryview(loaded.data), run.begin
                blocks += [view[begin - start : begin - start + length] for _, begin, length in wanted]
        if blocks and not peer.closed:
            buffers: List[Buffer] = [b""] * (BUFFERS * len(blocks))
            buffers[::BUFFERS] = messages.piece_headers(requests)
            buffers[1::BUFFERS] = blocks
            self._queued += sum(map(len, blocks))
            self._note_sending(requests)
            peer.stream.send(buffers)
            self._mark = peer.stream.sent + peer.stream.backlog
        self._touch()

    def _uncancelled(self, run: Run) -> List[Request]:
        """The requests of a run that was read, without those that were cancelled meanwhile."""
        loading, wanted = self._loading, run.requests
        if not loading.issuperset(wanted):
            wanted = [request for request in wanted if request in loading]
        loading.difference_update(wanted)
        return wanted

    def _note_sending(self, requests: Sequence[Request]) -> None:
        """Remember the numbers of the buffers that these blocks are going to have in the stream."""
        stream, sending = self._peer.stream, self._sending
        if not stream.waiting:
            sending.clear()
        elif len(sending) > stream.waiting:
            self._sending = sending = {request: number for request, number in sending.items() if number >= stream.taken}
        first = stream.taken + stream.waiting
        sending.update(zip(requests, range(first, first + BUFFERS * len(requests), BUFFERS)))

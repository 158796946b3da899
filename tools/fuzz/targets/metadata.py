"""The metadata exchange of a torrent that has no metadata yet, with peers that send any messages.

No message raises; a close reason is printable; what is held is bounded; metadata that is taken has the right hash; and
one more peer that sends what it is asked for is enough for the metadata to come, and is never blamed.
"""

from __future__ import annotations

from typing import Dict, List

from bittorrent_threads.protocol import metadata_exchange as messages
from bittorrent_threads.protocol.metadata_exchange import DATA, PIECE_SIZE, REJECT, UNKNOWN
from bittorrent_threads.swarm.metadata_download import DEPTH, MetadataDownload

from ..choices import Choices
from ..target import Target, require, require_shown

INFO = bytes(range(251)) * 200
"""Four pieces."""
SECONDS = 400
"""Time in which one honest peer must be enough: some turns of other peers, and their rest."""
MAX_SIZE = 6 * PIECE_SIZE
SIZES = (len(INFO), len(INFO), len(INFO) + 1, MAX_SIZE, MAX_SIZE + 1, 1, PIECE_SIZE)


class Peer:
    """A peer of a fuzzed exchange."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: List[int] = []
        self.blamed = False

    def ask(self, piece: int) -> None:
        """Note a request."""
        require(0 <= piece < messages.piece_count(self.size), f"asked for piece {piece} of {self.size} bytes")
        self.asked.append(piece)

    def blame(self, reason: str) -> None:
        """Note the blame."""
        require_shown(reason, 300, "the reason to ban")
        self.blamed = True

    def block(self, piece: int, *, wrong: bool) -> bytes:
        """What a peer sends as a piece."""
        data = (INFO + bytes(MAX_SIZE))[: self.size][piece * PIECE_SIZE : (piece + 1) * PIECE_SIZE]
        return bytes(len(data)) if wrong else data


class Exchange:
    """The peers of one download."""

    def __init__(self) -> None:
        self.now = 0.0
        self.download = MetadataDownload(lambda info, deliver: deliver(info == INFO), max_size=MAX_SIZE)
        self.peers: Dict[int, Peer] = {}
        self.most = 0

    def act(self, choices: Choices) -> None:
        """One event."""
        number, what = choices.below(4), choices.below(8)
        peer = self.peers.get(number)
        if peer is None:
            peer = self.peers[number] = Peer(choices.pick(SIZES))
            self.most += 1
            self.download.offered(peer, peer.size, self.now)
        elif what < 4 and peer.asked:
            piece = peer.asked.pop(choices.below(len(peer.asked)))
            self._take(number, messages.data(piece, peer.size, peer.block(piece, wrong=what == 3)))
        elif what == 4 and peer.asked:
            self._take(number, messages.reject(peer.asked.pop()))
        elif what == 5:
            self._take(number, choices.take(choices.byte()))
        elif what == 6:
            self.now += choices.byte()
            for each in list(self.peers.values()):
                self.download.tick(each, self.now)
        else:
            self._leave(number)
        require(self.download.held <= MAX_SIZE + DEPTH * PIECE_SIZE * self.most, "more is held than may be")

    def _take(self, number: int, payload: bytes) -> None:
        peer = self.peers[number]
        said = messages.parse(payload)
        reason = said.failed
        if said.kind == DATA:
            reason = self.download.on_data(peer, said.piece, said.total_size, said.data, self.now)
        elif said.kind == REJECT:
            reason = self.download.on_reject(peer, said.piece, self.now)
        require_shown(reason, 300, "the reason to close")
        require(said.kind != UNKNOWN or not said.data, "an unknown message with data")
        if reason or peer.blamed:
            self._leave(number)

    def _leave(self, number: int) -> None:
        self.download.left(self.peers.pop(number), self.now)

    def finish(self) -> None:
        """Let one honest peer send what it is asked for."""
        honest = Peer(len(INFO))
        self.download.offered(honest, honest.size, self.now)
        for _ in range(SECONDS):
            while honest.asked:
                piece = honest.asked.pop(0)
                data = honest.block(piece, wrong=False)
                reason = self.download.on_data(honest, piece, len(INFO), data, self.now)
                require(not reason, f"an honest peer is closed: {reason}")
            self.now += 1.0
            for peer in [honest, *self.peers.values()]:
                self.download.tick(peer, self.now)
            if self.download.info is not None:
                break
        require(self.download.info == INFO, "one honest peer is not enough")
        require(not honest.blamed, "an honest peer is blamed")


def check(data: bytes) -> None:
    """Each event takes a few bytes."""
    choices = Choices(data)
    exchange = Exchange()
    while choices:
        exchange.act(choices)
    exchange.finish()


def seeds() -> List[bytes]:
    """Return peers that come, send, lie, reject and go."""
    return [
        bytes([0, 0, 0, *[0, 0, 0] * 8]),
        bytes([0, 0, 0, 1, 0, 1, *[0, 3, 0, 1, 0, 0] * 6]),
        bytes([0, 0, 2, 1, 0, 3, 2, 0, 4, *[0, 0, 0, 1, 0, 0, 2, 0, 0] * 4]),
        bytes([0, 0, 0, 0, 4, 0, 6, 60, 0, 7, 1, 0, 0]),
        bytes([0, 0, 0, 0, 5, 40]) + messages.request(0) + bytes([0, 5, 60]) + messages.data(0, len(INFO), b"x"),
    ]


TARGET = Target(check, seeds, (b"d8:msg_typei1e", b"5:piecei0e", b"10:total_sizei50200ee", b"8:msg_type"), longest=400)

"""The metadata of a torrent on its way from peers (BEP 9): which piece is asked of whom, and who is blamed.

Peers that claim the same size fill one *assembly*, each with a few pieces.  If its hash is wrong and one peer sent all
of it, that peer is blamed.  If several did, nobody is: from then on each peer fills an assembly of its own, so that the
next wrong hash has one sender, and the peer that has the right metadata is enough.

Memory is taken only for bytes that came: all assemblies together hold ``max_size`` bytes at most, besides the ``DEPTH``
pieces that each peer was asked for.  When that is full, the assembly of which most is there goes on at the cost of the
others, as long as it is on the way to be whole within ``TURN``; when it is whole it is right, or its sender is banned.
So peers that claim many sizes keep a torrent from its metadata only while they send all of that again and again.
"""

from __future__ import annotations

from typing import Callable, Dict, Optional, Protocol, Set, Tuple, Union

from ..protocol.metadata_exchange import PIECE_SIZE, piece_count, piece_size

DEPTH = 4
"""Pieces that are asked of one peer at once."""
REQUEST_TIMEOUT = 20.0
"""Seconds after which a piece is asked of others; it is still taken when it comes."""
REST = 60.0
"""Seconds without a request to a peer that rejected one or let one wait; libtorrent waits as long."""
TURN = 120.0
"""Seconds in which an assembly must become whole to go on at the cost of others."""
PATIENCE = 2.0
"""Seconds after which a peer with nothing else to do is asked for a piece that was asked of another."""

WRONG = "sent metadata with a wrong hash"


class Source(Protocol):
    """A connected peer that has the metadata."""

    def ask(self, piece: int) -> None:
        """Send a request for a piece."""

    def blame(self, reason: str) -> None:
        """The metadata that this peer alone sent is wrong; the peer may have left."""


Key = Union[int, Source]
"""Of an assembly: the claimed size, or the source once each peer is alone."""


class _Peer:
    """A source, and what was asked of it."""

    __slots__ = ("asked", "late", "resting_until", "size", "source")

    def __init__(self, source: Source, size: int) -> None:
        self.source = source
        self.size = size
        self.asked: Dict[int, float] = {}
        """When each piece was asked for that may still come in time."""
        self.late: Dict[int, int] = {}
        """How many answers may come for pieces that are not waited for any more; they may be asked for again."""
        self.resting_until = 0.0

    def give_up(self) -> None:
        """Wait for no answer any more."""
        for piece in self.asked:
            self.late[piece] = self.late.get(piece, 0) + 1
        self.asked.clear()


class _Assembly:
    """Metadata of one claimed size, on its way; it takes memory for pieces that came or are asked for only."""

    __slots__ = ("_next", "_released", "asked", "checking", "pieces", "size", "started_at")

    def __init__(self, size: int) -> None:
        self.size = size
        self.pieces: Dict[int, Tuple[bytes, Source]] = {}
        self.asked: Dict[int, int] = {}
        """How many peers are asked for each piece."""
        self.checking = False
        """It is whole, and is being hashed."""
        self.started_at: Optional[float] = None
        """When its first piece was asked for."""
        self._next = 0
        """The first piece that was never asked for."""
        self._released: Dict[int, None] = {}
        """Pieces before that one that are to be asked for again."""

    @property
    def share(self) -> float:
        """How much of it is here, 0 to 1."""
        return len(self.pieces) / piece_count(self.size)

    def punctual(self, now: float) -> bool:
        """Whether it is on the way to be whole within ``TURN``."""
        return self.started_at is None or REQUEST_TIMEOUT + self.share * TURN >= now - self.started_at

    def wait(self, now: float) -> None:
        """Others come first: the time does not count."""
        self.started_at = now - self.share * TURN

    def clear(self) -> None:
        """Drop the bytes, and begin anew."""
        self.pieces.clear()
        self.started_at = None
        self._next = 0
        self._released.clear()

    def free(self) -> Optional[int]:
        """A piece that is neither here nor asked for, at best one that is not on its way late; None if none is."""
        while self._next in self.asked or self._next in self.pieces:
            self._next += 1
        return self._next if self._next < piece_count(self.size) else next(iter(self._released), None)

    def ask(self, piece: int) -> None:
        """A peer is asked for a piece."""
        self._released.pop(piece, None)
        self.asked[piece] = self.asked.get(piece, 0) + 1
        self._next += piece == self._next

    def release(self, piece: int) -> None:
        """A peer is not waited for any more."""
        count = self.asked.pop(piece) - 1
        if count:
            self.asked[piece] = count
        elif piece < self._next and piece not in self.pieces:
            self._released[piece] = None

    def add(self, piece: int, data: bytes, source: Source) -> bool:
        """Take the bytes of a piece; returns whether they are new."""
        if piece in self.pieces:
            return False
        self.pieces[piece] = (data, source)
        self._released.pop(piece, None)
        return True


class MetadataDownload:
    """The download of the metadata of one torrent.

    Args:
        check: Gets bytes, and calls with whether they have the right hash, at once or later.
        max_size: Bytes of the largest metadata that is taken, and the most that is held, as above.
    """

    def __init__(self, check: Callable[[bytes, Callable[[bool], None]], None], *, max_size: int) -> None:
        self.info: Optional[bytes] = None
        """The metadata, once it is whole and right."""
        self.received = 0
        """Bytes that came and were new, also those that turned out to be wrong."""
        self.on_info: Callable[[bytes], None] = _ignore
        """Takes the metadata, once."""
        self._check = check
        self._max_size = max_size
        self._peers: Dict[Source, _Peer] = {}
        self._assemblies: Dict[Key, _Assembly] = {}
        self._alone = False
        """Each peer fills an assembly of its own."""
        self._too_large: Set[Source] = set()

    # -- what peers say ----------------------------------------------------------------------------------------------

    def offered(self, source: Source, size: int, now: float) -> None:
        """A peer says that it has metadata of so many bytes; what it says later is ignored."""
        if self.info is not None or source in self._peers:
            return
        if size > self._max_size:
            self._too_large.add(source)
            return
        self._too_large.discard(source)
        peer = self._peers[source] = _Peer(source, size)
        self._refill(peer, now)

    def on_data(self, source: Source, piece: int, total_size: int, data: bytes, now: float) -> str:
        """A peer sent a piece.

        Args:
            source: The peer.
            piece: Index of the piece.
            total_size: Bytes of the metadata, as the message says; 0 if it does not.
            data: The bytes.
            now: Monotonic seconds.

        Returns:
            The reason to close the connection; empty if there is none.
        """
        peer = self._peers.get(source)
        if peer is None or not self._answered(peer, piece):
            return "sent metadata that was not asked for"
        if self.info is not None:
            return ""
        if len(data) != piece_size(piece, peer.size) or total_size not in (0, peer.size):
            return f"sent {len(data)} bytes as piece {piece} of {total_size or peer.size} bytes of metadata"
        peer.resting_until = min(peer.resting_until, now)
        assembly = self._assembly(peer)
        if assembly.add(piece, data, source):
            self.received += len(data)
        if len(assembly.pieces) == piece_count(assembly.size):
            if not assembly.checking:
                self._finish(assembly, now)
        else:
            self._refill(peer, now)
        return ""

    def on_reject(self, source: Source, piece: int, now: float) -> str:
        """A peer does not send a piece; returns the reason to close the connection, empty if there is none."""
        peer = self._peers.get(source)
        if peer is None or not self._answered(peer, piece):
            return "rejected metadata that was not asked for"
        peer.resting_until = now + REST
        self._refill_others(peer, now)
        return ""

    def left(self, source: Source, now: float) -> None:
        """A peer is gone; harmless if it never had the metadata."""
        self._too_large.discard(source)
        peer = self._peers.pop(source, None)
        if peer is None:
            return
        self._release_all(peer)
        key = self._key(peer)
        assembly = self._assemblies.get(key)
        if assembly is not None and (self._alone or not (assembly.pieces or assembly.asked)):
            del self._assemblies[key]
        self._refill_others(peer, now)

    def tick(self, source: Source, now: float) -> None:
        """Once a second for each peer: ask others for what it lets wait, and ask again what it may be asked for."""
        peer = self._peers.get(source)
        if peer is None or self.info is not None:
            return
        if any(now - asked_at >= REQUEST_TIMEOUT for asked_at in peer.asked.values()):
            self._release_all(peer)
            peer.resting_until = now + REST
            self._refill_others(peer, now)
        self._refill(peer, now)

    # -- figures -----------------------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Bytes of pieces that are held, each counted as a whole one."""
        return sum(len(assembly.pieces) for assembly in self._assemblies.values()) * PIECE_SIZE

    def report(self, now: float) -> str:
        """What the metadata waits for, as a clause for the user."""
        willing = [peer for peer in self._peers.values() if peer.resting_until <= now]
        if willing:
            best = max(map(self._assembly, willing), key=_share)
            count = f"{len(best.pieces)} of {piece_count(best.size)} pieces"
            return f"{count} of the metadata have come, {len(willing)} of the peers have it"
        if self._peers:
            return f"{len(self._peers)} of them have the metadata, and do not send it"
        if self._too_large:
            limit = f"more than the {self._max_size} bytes of max_metadata_size"
            return f"{len(self._too_large)} of them say that the metadata has {limit}"
        return "none of them has the metadata"

    # -- the pieces --------------------------------------------------------------------------------------------------

    def _key(self, peer: _Peer) -> Key:
        return peer.source if self._alone else peer.size

    def _assembly(self, peer: _Peer) -> _Assembly:
        key = self._key(peer)
        found = self._assemblies.get(key)
        if found is None:
            found = self._assemblies[key] = _Assembly(peer.size)
        return found

    def _answered(self, peer: _Peer, piece: int) -> bool:
        """Take a piece out of those that the peer was asked for; False if it was not."""
        if piece in peer.asked:
            del peer.asked[piece]
            if self.info is None:
                self._assembly(peer).release(piece)
            return True
        count = peer.late.pop(piece, 0)
        if count > 1:
            peer.late[piece] = count - 1
        return count > 0

    def _release_all(self, peer: _Peer) -> None:
        assembly = self._assemblies.get(self._key(peer))
        for piece in peer.asked:
            if assembly is not None:
                assembly.release(piece)
        peer.give_up()

    def _refill(self, peer: _Peer, now: float) -> None:
        """Ask a peer for as many pieces as it may have outstanding."""
        assembly = self._assembly(peer)
        while len(peer.asked) < DEPTH and peer.resting_until <= now:
            piece = assembly.free()
            if piece is None and not peer.asked:
                piece = self._waited_for(peer, assembly, now)
            if piece is None or not self._room(assembly, now):
                return
            if assembly.started_at is None:
                assembly.started_at = now
            assembly.ask(piece)
            peer.asked[piece] = now
            peer.source.ask(piece)

    def _refill_others(self, peer: _Peer, now: float) -> None:
        if self.info is None:
            for other in list(self._peers.values()):
                if other is not peer:
                    self._refill(other, now)

    def _waited_for(self, peer: _Peer, assembly: _Assembly, now: float) -> Optional[int]:
        """A piece that another peer lets wait."""
        for other in self._peers.values():
            if other.size == peer.size and not self._alone:
                for piece, asked_at in other.asked.items():
                    late = assembly.asked.get(piece) == 1 and now - asked_at >= PATIENCE
                    if late and piece not in assembly.pieces:
                        return piece
        return None

    def _room(self, assembly: _Assembly, now: float) -> bool:
        """Whether one more piece may be asked for; makes room for the assembly that comes before all others."""
        if self.held < self._max_size:
            return True
        claimed = {self._key(peer) for peer in self._peers.values()}
        own = (True, assembly.punctual(now), assembly.share)
        others = {
            key: (key in claimed, each.punctual(now), each.share)
            for key, each in self._assemblies.items()
            if each is not assembly and each.pieces
        }
        if max(others.values()) > own:
            assembly.wait(now)
            return False
        last = min(others, key=lambda key: others[key])
        if last in claimed:
            self._assemblies[last].clear()
        else:
            del self._assemblies[last]
        return True

    def _finish(self, assembly: _Assembly, now: float) -> None:
        """An assembly is whole: it is right, or those who sent it are to blame."""
        info = b"".join(assembly.pieces[piece][0] for piece in range(piece_count(assembly.size)))
        senders = {sender for _, sender in assembly.pieces.values()}
        assembly.checking = True
        self._check(info, lambda right: self._checked(assembly, info, senders, now, right=right))

    def _checked(self, assembly: _Assembly, info: bytes, senders: Set[Source], now: float, *, right: bool) -> None:
        """An assembly was hashed; it may have been dropped meanwhile."""
        assembly.checking = False
        if self.info is not None:
            return
        if right:
            self.info = info
            self._assemblies.clear()
            self.on_info(info)
            return
        assembly.clear()
        if len(senders) == 1:
            senders.pop().blame(WRONG)
        elif not self._alone:
            self._separate()
        for peer in list(self._peers.values()):
            self._refill(peer, now)

    def _separate(self) -> None:
        """Let each peer fill an assembly of its own from now on."""
        self._alone = True
        self._assemblies.clear()
        for peer in self._peers.values():
            peer.give_up()


def _ignore(info: bytes) -> None:
    """Leave it in ``MetadataDownload.info``."""


def _share(assembly: _Assembly) -> float:
    return assembly.share

"""Seeders that misbehave: each is a ``PlainSeeder`` with one fault, to see what an application does about it."""

from __future__ import annotations

from typing import Collection, Optional

from .peer_messages import PIECE, message
from .plain_seeder import Connection, PlainSeeder
from .sample_torrent import SampleTorrent

STEPS_A_SECOND = 20
"""How often a slow seeder sends."""


class CorruptSeeder(PlainSeeder):
    """A seeder that sends blocks in which every byte is wrong: it is banned when a piece fails its hash.

    ::

        with CorruptSeeder(sample, host="127.0.0.2") as liar, seeder(sample) as honest:
            peers = [liar.address, ("127.0.0.1", honest.port)]
            bt.download(sample.metainfo(), folder, peers=peers)

    Args:
        sample: What it seeds.
        host: Address to listen on.
        pieces: Indexes of the pieces that it falsifies; all of them if None.
    """

    def __init__(
        self, sample: SampleTorrent, *, host: str = "127.0.0.1", pieces: Optional[Collection[int]] = None
    ) -> None:
        super().__init__(sample, host=host)
        self._pieces = pieces

    def block(self, index: int, begin: int, length: int) -> bytes:
        """Return the bytes to send for a block."""
        right = super().block(index, begin, length)
        if self._pieces is not None and index not in self._pieces:
            return right
        return right.translate(bytes(byte ^ 0xFF for byte in range(256)))


class ChokingSeeder(PlainSeeder):
    """A seeder that unchokes no peer: a download from it alone stalls, and says that all peers choke it.

    ::

        with ChokingSeeder(sample) as choking, bt.Client(sample.metainfo(), folder, peers=[choking.address]) as client:
            choking.wait_until(lambda: choking.interested == 1)
            with pytest.raises(bt.Stalled):
                client.wait(stall_timeout=1)
    """

    def on_interested(self, connection: Connection) -> None:
        """Do nothing."""


class SilentSeeder(PlainSeeder):
    """A seeder that unchokes its peers and answers none of their requests.

    ::

        with SilentSeeder(sample) as silent, bt.Client(sample.metainfo(), folder, peers=[silent.address]) as client:
            silent.wait_until(lambda: silent.requests > 0)
            assert client.downloaded == 0
    """

    def on_request(self, connection: Connection, index: int, begin: int, length: int) -> None:
        """Do nothing."""


class OneByteSeeder(PlainSeeder):
    """A seeder that begins its answer to the first request with one byte of the block, and sends no other.

    ::

        with OneByteSeeder(sample) as stuck, seeder(sample) as honest:
            peers = [stuck.address, ("127.0.0.1", honest.port)]
            bt.download(sample.metainfo(), folder, peers=peers)
    """

    def on_request(self, connection: Connection, index: int, begin: int, length: int) -> None:
        """Send the head of the message and one byte, once."""
        if self.requests == 1:
            whole = message(PIECE, index, begin, payload=self.block(index, begin, length))
            connection.send(whole[: len(whole) - length + 1])


class SlowSeeder(PlainSeeder):
    """A seeder that sends few bytes a second, which go out as they are due, not block by block.

    ::

        with SlowSeeder(sample, rate=1000) as slow, pytest.raises(bt.WaitTimeout):
            bt.download(sample.metainfo(), folder, peers=[slow.address], timeout=0.5)

    Args:
        sample: What it seeds.
        rate: Bytes a second to each peer.
        host: Address to listen on.
    """

    def __init__(self, sample: SampleTorrent, *, rate: float, host: str = "127.0.0.1") -> None:
        super().__init__(sample, host=host)
        self._rate = rate

    def on_request(self, connection: Connection, index: int, begin: int, length: int) -> None:
        """Send the block at the rate."""
        data = message(PIECE, index, begin, payload=self.block(index, begin, length))
        step = max(1, round(self._rate / STEPS_A_SECOND))
        for at in range(0, len(data), step):
            part = data[at : at + step]
            connection.send(part)
            if self.leaving.wait(len(part) / self._rate):
                raise EOFError

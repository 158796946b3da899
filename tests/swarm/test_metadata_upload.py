"""What one peer is sent of the metadata: bounded in all, and while it does not read."""

from __future__ import annotations

from bittorrent_threads.protocol.metadata_exchange import PIECE_SIZE
from bittorrent_threads.swarm.metadata_upload import MAX_WAITING, TURNS, MetadataUpload
from bittorrent_threads.swarm.uploads import MAX_REFUSED

SIZE = 3 * PIECE_SIZE - 1


def test_every_piece_is_sent_and_no_other() -> None:
    upload = MetadataUpload()
    assert [upload.grant(piece, SIZE, waiting=0) for piece in range(5)] == [True] * 3 + [False] * 2
    assert not upload.grant(0, 0, waiting=0), "the metadata is not known here"


def test_a_peer_gets_the_metadata_a_few_times_and_not_more() -> None:
    upload = MetadataUpload()
    assert sum(upload.grant(0, SIZE, waiting=0) for _ in range(100)) == TURNS * 3
    assert not upload.failed


def test_nothing_is_sent_while_much_waits() -> None:
    upload = MetadataUpload()
    assert not upload.grant(0, SIZE, waiting=MAX_WAITING + 1)
    assert upload.grant(0, SIZE, waiting=MAX_WAITING)


def test_asking_in_vain_ends_the_connection() -> None:
    upload = MetadataUpload()
    for _ in range(MAX_REFUSED):
        upload.grant(9, SIZE, waiting=0)
    assert not upload.failed
    upload.grant(9, SIZE, waiting=0)
    assert upload.failed == f"asked {MAX_REFUSED + 1} times for metadata in vain"

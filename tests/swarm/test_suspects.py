"""Blame of open pieces; a piece is a string of senders, an upper-case one sent a bad block."""

from __future__ import annotations

from typing import Optional

from bittorrent_threads.metainfo.layout import BLOCK
from bittorrent_threads.swarm.pieces import RESTORED, OpenPiece
from bittorrent_threads.swarm.stripes import StripedPiece
from bittorrent_threads.swarm.suspects import Suspects


class Sender:
    def __init__(self, key: str) -> None:
        self.key = key


def piece(senders: str, *, stripe: Optional[int] = None) -> OpenPiece:
    size = len(senders) * BLOCK
    made = StripedPiece(7, size, stripe) if stripe else OpenPiece(7, size, size)
    made.owners = [RESTORED if sender == "-" else Sender(sender.lower()) for sender in senders]
    data = b"".join((b"x" if sender.isupper() else b"o") * BLOCK for sender in senders)
    if not stripe:
        made.buffer = bytearray(data)
    return made


def failed(suspects: Suspects, senders: str, **options: int) -> list:
    made = piece(senders, **options)
    return list(suspects.failed(made, made.senders))


def test_the_sender_of_everything_is_guilty():
    suspects = Suspects()
    assert failed(suspects, "AAA") == ["a"] and not suspects.alone


def test_of_several_the_next_copy_tells():
    suspects = Suspects()
    assert failed(suspects, "aBc") == [] and suspects.alone == {7}
    assert list(suspects.passed(piece("ccc"))) == ["b"]
    assert not suspects.alone


def test_what_was_on_disk_accuses_nobody():
    suspects = Suspects()
    assert failed(suspects, "-aa") == [] and suspects.alone == {7}
    assert list(suspects.passed(piece("bbb"))) == []


def test_stripes_are_not_compared_but_a_sole_sender_is_guilty():
    suspects = Suspects()
    assert failed(suspects, "aB", stripe=BLOCK) == [] and suspects.alone == {7}
    assert failed(suspects, "BB", stripe=BLOCK) == ["b"]
    assert list(suspects.passed(piece("aa", stripe=BLOCK))) == []

"""A connection that is made by another transport than TCP, over loopback: a stand-in for encryption."""

from __future__ import annotations

import functools
from typing import Any, List

from support.loopback import PATIENCE, Plain, Recorder, free_port
from support.scrambled import TABLE, Scrambled, ScrambledStream

from bittorrent_threads.net.loop import Loop


class Keeper(Recorder):
    """Keeps a view of everything that it is allowed to keep, and a copy of the rest."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.kept: List[Any] = []
        self.refused = 0
        self._loop = loop

    def on_received(self, data: memoryview) -> None:
        if self._loop.receive_pool.borrow(data):
            self.kept.append(data)
        else:
            self.refused += 1
            self.kept.append(bytes(data))
        super().on_received(data)


def test_both_ends_of_a_transport_understand_each_other(loop: Loop) -> None:
    accepted: List[ScrambledStream] = []
    dialled, answered = Recorder(), Recorder()
    transport = Scrambled()

    def accept(stream: ScrambledStream) -> None:
        stream.handler = answered
        accepted.append(stream)

    listener = loop.call(lambda: loop.listen("127.0.0.1", 0, transport.accepting(accept)))
    address = ("127.0.0.1", listener.port)
    stream: ScrambledStream = loop.call(lambda: loop.connect(address, dialled, PATIENCE, transport))
    loop.call(lambda: stream.send([b"question", bytes(100_000)]))
    answered.wait_received(100_008)
    assert bytes(answered.received) == b"question" + bytes(100_000)
    loop.call(lambda: accepted[0].send([b"answer"]))
    dialled.wait_received(6)
    assert dialled.connected
    assert (stream.sent, stream.received, stream.address) == (100_008, 6, address)
    loop.call(accepted[0].close)
    dialled.wait(lambda: dialled.closes)
    assert dialled.reason == "closed by the other end"
    loop.call(listener.close)


def test_what_travels_is_what_the_transport_makes_of_it(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream = loop.call(lambda: loop.connect(plain.address, handler, PATIENCE, Scrambled()))
    with plain.accept() as sock:
        loop.call(lambda: stream.send([b"secret"]))
        assert sock.recv(100) == b"secret".translate(TABLE)
        loop.call(stream.close)


def test_a_failed_dial_is_told_the_same_way(loop: Loop) -> None:
    handler = Recorder()
    loop.call(lambda: loop.connect(("127.0.0.1", free_port()), handler, PATIENCE, Scrambled()))
    handler.wait(lambda: handler.closes)
    assert (handler.reason, handler.connected) == ("connection refused", False)


def test_a_stream_with_memory_of_its_own_has_nothing_overwritten(loop: Loop, plain: Plain) -> None:
    """Its memory is spoiled after each read; the memory of a TCP stream may be kept instead."""
    own, shared = Keeper(loop), Keeper(loop)
    words = [b"first", b"second", b"third"]
    for handler, transport in [(own, Scrambled()), (shared, None)]:
        stream = loop.call(functools.partial(loop.connect, plain.address, handler, PATIENCE, transport))
        with plain.accept() as sock:
            for number, word in enumerate(words):
                sock.sendall(word.translate(TABLE) if transport else word)
                handler.wait_received(sum(map(len, words[: number + 1])))
            assert [bytes(data) for data in handler.kept] == words
            loop.call(stream.close)
    assert (own.refused, shared.refused) == (3, 0)
    loop.call(lambda: loop.receive_pool.give_back(shared.kept))

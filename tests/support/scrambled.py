"""A transport over TCP that scrambles every byte: a stand-in for encryption, with receive memory of its own.

What it receives it unscrambles into one buffer, which it overwrites with the next read and spoils after each call.  So
a handler that keeps a view of it without leave sees other bytes later.
"""

from __future__ import annotations

from typing import Any, Callable, Sequence

from bittorrent_threads.net.interfaces import Address, Buffer

TABLE = bytes(byte ^ 0x5A for byte in range(256))
SPOIL = b"\xdb"


class ScrambledStream:
    """One end of a scrambled connection, around a plain stream of a real or a simulated network."""

    def __init__(self) -> None:
        self.handler: Any = None
        self.plain: Any = None
        self._memory = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("low_water", "read_limit", "reader"):
            setattr(self.plain, name, value)
        else:
            super().__setattr__(name, value)

    def send(self, buffers: Sequence[Buffer]) -> None:
        self.plain.send([bytes(buffer).translate(TABLE) for buffer in buffers])

    def on_connected(self) -> None:
        self.handler.on_connected()

    def on_received(self, data: memoryview) -> None:
        size = len(data)
        if len(self._memory) < size:
            self._memory = bytearray(size)
        self._memory[:size] = bytes(data).translate(TABLE)
        self.handler.on_received(memoryview(self._memory)[:size])
        self._memory[:size] = SPOIL * size

    def on_drained(self) -> None:
        self.handler.on_drained()

    def on_closed(self, reason: str) -> None:
        self.handler.on_closed(reason)


class Scrambled:
    """``net.transport.Transport``: dials over TCP and scrambles."""

    def dial(self, network: Any, address: Address, handler: Any, timeout: float) -> ScrambledStream:
        stream = ScrambledStream()
        stream.handler = handler
        stream.plain = network.connect(address, stream, timeout)
        return stream

    def accepting(self, accept: Callable[[Any], None]) -> Callable[[Any], None]:
        """What a listener calls, so that ``accept`` gets scrambled streams."""

        def wrap(plain: Any) -> None:
            stream = ScrambledStream()
            stream.plain = plain
            plain.handler = stream
            accept(stream)
            if stream.handler is None:
                plain.close()

        return wrap

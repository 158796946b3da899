"""The extensions of one connection, with two that a test can watch: one for any torrent, one that private ones lack."""

from __future__ import annotations

from typing import List, Tuple

import pytest

from bittorrent_threads.protocol import messages
from bittorrent_threads.protocol.extension import MAX_MESSAGES, ExtensionHandshake
from bittorrent_threads.protocol.extension_table import Extension, ExtensionHandler, ExtensionTable, Send
from bittorrent_threads.protocol.peer_extensions import PeerExtensions
from bittorrent_threads.protocol.wire import Wire


class Peer:
    def __init__(self) -> None:
        self.sent: List[bytes] = []
        self.told: List[Tuple[str, object]] = []

    def send(self, message: bytes) -> None:
        self.sent.append(message)


class DontHave(ExtensionHandler):
    """BEP 54: the peer has a piece no longer."""

    def __init__(self, peer: Peer, _: Send) -> None:
        self.peer = peer

    def receive(self, payload: bytes, now: float) -> str:
        if len(payload) != 4:
            return f"lt_donthave message of {len(payload)} bytes instead of 4"
        self.peer.told.append(("dont have", int.from_bytes(payload, "big")))
        return ""


class Exchange(ExtensionHandler):
    """Answers what it gets, and says each second that it is there."""

    def __init__(self, peer: Peer, send: Send) -> None:
        self.peer = peer
        self.send = send

    def on_handshake(self, said: ExtensionHandshake) -> None:
        self.peer.told.append(("handshake", dict(said.extra)))

    def receive(self, payload: bytes, now: float) -> str:
        self.peer.told.append(("sent", self.send(payload[::-1])))
        return ""

    def tick(self, now: float) -> None:
        self.peer.told.append(("tick", now))

    def closed(self, now: float) -> None:
        self.peer.told.append(("closed", now))


TABLE = ExtensionTable(
    [
        Extension("lt_donthave", 7, 4, True, DontHave),
        Extension("x_exchange", 2, 20, False, Exchange, lambda peer: {b"size": len(peer.sent)}),
    ]
)


def started(*, private: bool = False) -> Tuple[Peer, PeerExtensions[Peer]]:
    peer = Peer()
    return peer, PeerExtensions(TABLE, peer, private=private)


def test_our_handshake_has_the_ids_and_the_keys() -> None:
    _, extensions = started()
    said = extensions.offer(ExtensionHandshake(client="us", port=5))
    assert said == ExtensionHandshake({"lt_donthave": 7, "x_exchange": 2}, client="us", port=5, extra={b"size": 0})
    assert ExtensionHandshake.parse(said.encode()) == said


def test_a_message_reaches_its_handler() -> None:
    peer, extensions = started()
    assert extensions.receive(7, b"\0\0\1\0", 1.0) == ""
    assert peer.told == [("dont have", 256)]
    assert extensions.receive(7, b"abc", 1.0) == "lt_donthave message of 3 bytes instead of 4"


@pytest.mark.parametrize("sub_id", [1, 3, 255])
def test_ids_that_we_did_not_give_are_ignored(sub_id: int) -> None:
    peer, extensions = started()
    assert extensions.receive(sub_id, b"abc", 1.0) == ""
    assert (peer.told, peer.sent) == ([], [])


def test_messages_leave_under_the_ids_of_the_other_end() -> None:
    peer, extensions = started()
    assert not extensions.send("x_exchange", b"x"), "the other end has said nothing"
    extensions.on_handshake(ExtensionHandshake({"x_exchange": 99, "ut_other": 5}, extra={b"k": 1}))
    assert extensions.ids == {"x_exchange": 99, "ut_other": 5}
    assert extensions.receive(2, b"abc", 1.0) == ""
    assert peer.told == [("handshake", {b"k": 1}), ("sent", True)]
    assert Wire(1, fast=False).receive(b"".join(peer.sent)) == [(messages.EXTENDED, 99, b"cba", 0)]
    assert extensions.send("ut_other", b""), "an extension that a handler need not have"


def test_a_later_handshake_changes_what_it_names() -> None:
    peer, extensions = started()
    extensions.on_handshake(ExtensionHandshake({"x_exchange": 99, "lt_donthave": 3}))
    extensions.on_handshake(ExtensionHandshake({"x_exchange": 0, "unknown": 0}))
    assert extensions.ids == {"lt_donthave": 3}
    assert not extensions.send("x_exchange", b"x")
    extensions.on_handshake(ExtensionHandshake({"x_exchange": 5}))
    assert extensions.send("x_exchange", b"x")
    assert [kind for kind, _ in peer.told] == ["handshake", "handshake"], "only when it takes the extension"


def test_a_flood_of_names_is_bounded() -> None:
    _, extensions = started()
    for start in range(0, 640, 64):
        extensions.on_handshake(ExtensionHandshake({f"x_{start + number}": 1 for number in range(64)}))
    assert len(extensions.ids) == MAX_MESSAGES
    extensions.on_handshake(ExtensionHandshake({"x_1": 9, "x_2": 0, "y": 4}))
    assert (extensions.ids["x_1"], extensions.ids["y"], len(extensions.ids)) == (9, 4, MAX_MESSAGES)


def test_handlers_are_made_once_and_hear_the_time() -> None:
    peer, extensions = started()
    extensions.tick(1.0)
    extensions.receive(2, b"", 1.5)
    extensions.receive(2, b"", 1.5)
    extensions.receive(7, bytes(4), 1.5)
    extensions.tick(2.0)
    assert peer.told[3:] == [("tick", 2.0)]


def test_a_private_torrent_does_not_have_every_extension() -> None:
    peer, extensions = started(private=True)
    assert extensions.offer(ExtensionHandshake()) == ExtensionHandshake({"lt_donthave": 7})
    extensions.on_handshake(ExtensionHandshake({"x_exchange": 5}))
    assert extensions.receive(2, bytes(500), 1.0) == ""
    assert peer.told == []
    assert extensions.receive(7, bytes(4), 1.0) == ""
    assert peer.told == [("dont have", 0)]


def test_a_torrent_that_turns_out_to_be_private() -> None:
    peer, extensions = started()
    extensions.on_handshake(ExtensionHandshake({"x_exchange": 5}))
    extensions.receive(7, bytes(4), 1.0)
    extensions.forbid()
    extensions.tick(1.0)
    extensions.receive(2, b"x", 1.0)
    assert extensions.receive(7, bytes(4), 1.0) == ""
    assert [kind for kind, _ in peer.told] == ["handshake", "dont have", "dont have"]
    assert extensions.offer(ExtensionHandshake()).messages == {"lt_donthave": 7, "x_exchange": 0}


def test_each_handler_hears_of_the_end_of_the_connection() -> None:
    peer = Peer()
    extensions = PeerExtensions(TABLE, peer, private=False)
    extensions.close(1.0)
    assert peer.told == []
    extensions.receive(2, b"x", 2.0)
    extensions.receive(7, bytes(4), 2.0)
    extensions.close(3.0)
    assert peer.told[2:] == [("closed", 3.0)]


def test_only_what_is_decoded_of_a_message_counts() -> None:
    table = ExtensionTable([Extension("x_data", 3, 1000, False, Exchange, parsed=10)])
    extensions = PeerExtensions(table, Peer(), private=False)
    assert [extensions.parsed(3, 5), extensions.parsed(3, 500), extensions.parsed(99, 500)] == [5, 10, 500]

"""A row in the table of extensions is all that an extension message needs, before the metadata and after."""

from __future__ import annotations

from typing import List

import pytest
from support.bench import COUNT, MOMENT, Bench, extension, torrent_of
from support.magnet import Magnet

from bittorrent_threads.engine.connection import Connection
from bittorrent_threads.engine.extensions import extension_table
from bittorrent_threads.protocol.extension_table import Extension, ExtensionHandler, ExtensionTable, Send
from bittorrent_threads.settings import Settings
from bittorrent_threads.testing.peer_messages import EXTENDED, message

ECHO_ID = 5
THEIR_ID = 9
LONGEST = 100


class Echo(ExtensionHandler):
    """Answers each message with the same bytes, but for ``tick``, ``close`` and ``wrong``."""

    def __init__(self, connection: Connection, send: Send) -> None:
        self._connection = connection
        self._send = send
        self.ticks = 0

    def receive(self, payload: bytes, now: float) -> str:
        """Answer, or close."""
        if payload == b"close":
            self._connection.close("was asked to")
        elif payload == b"wrong":
            return "a wrong echo"
        else:
            self._send(b"ticked" if payload == b"tick" and self.ticks else payload)
        return ""

    def tick(self, now: float) -> None:
        """Count the seconds."""
        self.ticks += 1


ECHO: Extension[Connection] = Extension("zz_echo", ECHO_ID, LONGEST, private=False, handler=Echo)


def with_echo(bench: Bench) -> Bench:
    """The same bench, whose connections have the extension from now on."""
    bench.engine.extensions = ExtensionTable([ECHO])
    return bench


def told(payload: bytes, sub_id: int = ECHO_ID) -> bytes:
    """An extension message of a peer."""
    return message(EXTENDED, payload=bytes([sub_id]) + payload)


def heard(payload: bytes) -> List[object]:
    """What a peer hears of one."""
    return [(EXTENDED, bytes([THEIR_ID]) + payload)]


def test_the_table_of_the_engine_has_ids_that_differ() -> None:
    table = extension_table(Settings())
    assert len({row.local_id for row in table}) == len(list(table)) > 0
    assert all(table.row(row.local_id) is row for row in table)


@pytest.mark.parametrize("name", ["ut_pex"])
def test_a_setting_takes_a_row_out(name: str) -> None:
    changed = {"ut_pex": {"pex": False}}[name]
    assert name in extension_table(Settings()).ids(private=False)
    assert name not in extension_table(Settings().replace(**changed)).ids(private=False)


def test_a_message_is_handled_and_answered_under_the_id_of_the_peer() -> None:
    bench = with_echo(Bench())
    guest = bench.guest([], extended=True)
    assert guest.extension_handshake()[b"m"] == {b"zz_echo": ECHO_ID}
    guest.say(told(b"too early"))
    assert guest.heard(EXTENDED) == [], "the peer has not said that it takes it"
    guest.say(extension(m={b"zz_echo": THEIR_ID}), told(b"hello"))
    assert guest.heard(EXTENDED) == heard(b"hello")
    bench.run(2)
    guest.say(told(b"tick"), told(b"unknown", sub_id=77))
    assert guest.heard(EXTENDED) == heard(b"ticked")
    assert not guest.closed


def test_a_message_that_is_too_long_or_wrong_ends_the_connection() -> None:
    for payload, reason in (
        (bytes(LONGEST + 1), "zz_echo message of 101 bytes, more than 100"),
        (b"wrong", "a wrong echo"),
    ):
        bench = with_echo(Bench())
        guest = bench.guest([], extended=True)
        guest.say(told(payload))
        assert guest.closed
        assert bench.reasons == [reason]


def test_a_private_torrent_neither_offers_it_nor_takes_it() -> None:
    bench = with_echo(Bench(torrent_of(private=True)))
    guest = bench.guest([], extended=True)
    assert guest.extension_handshake()[b"m"] == {}
    guest.say(extension(m={b"zz_echo": THEIR_ID}), told(b"hello"))
    assert guest.heard(EXTENDED) == []
    assert not guest.closed


def test_a_handler_goes_on_when_the_metadata_comes() -> None:
    bench = Magnet()
    with_echo(bench)
    guest = bench.guest(range(COUNT), extended=True)
    guest.say(extension(m={b"zz_echo": THEIR_ID}), told(b"before"))
    bench.give_info()
    guest.say(told(b"after"))
    assert [each for each in guest.heard(EXTENDED) if each[1][0]] == [*heard(b"before"), *heard(b"after")]
    guest.say(told(b"close"))
    assert guest.closed
    assert bench.reasons == ["was asked to"]
    assert not len(bench.torrent.peers)


def test_a_torrent_that_turns_out_to_be_private_turns_it_off() -> None:
    bench = Magnet(torrent_of(private=True))
    with_echo(bench)
    guest = bench.guest(range(COUNT), extended=True)
    assert guest.extension_handshake()[b"m"] == {b"zz_echo": ECHO_ID}
    guest.say(extension(m={b"zz_echo": THEIR_ID}))
    bench.give_info()
    bench.run(MOMENT)
    assert guest.extension_handshake()[b"m"] == {b"zz_echo": 0}
    guest.say(told(b"hello"))
    assert guest.heard(EXTENDED) == []
    assert not guest.closed

"""The table of extension messages: what a row says, and what a table refuses."""

from __future__ import annotations

import dataclasses
from typing import List

import pytest

from bittorrent_threads.protocol.extension import ExtensionHandshake
from bittorrent_threads.protocol.extension_table import Connection, Extension, ExtensionHandler, ExtensionTable, Send


class Silent(ExtensionHandler):
    def __init__(self, connection: Connection, send: Send) -> None:
        self.connection = connection
        self.send = send


PEX: Extension[Connection] = Extension("ut_pex", 1, 500, False, Silent)
METADATA: Extension[Connection] = Extension("ut_metadata", 3, 17_000, True, Silent, lambda _: {b"metadata_size": 5})
TABLE: ExtensionTable[Connection] = ExtensionTable([PEX, METADATA])


def test_rows_by_id() -> None:
    assert [TABLE.row(number) for number in (0, 1, 2, 3, 256)] == [None, PEX, None, METADATA, None]
    assert list(TABLE) == [PEX, METADATA]


def test_the_longest_payload_of_each_row() -> None:
    assert [TABLE.objection(number, 500) for number in (0, 1, 2, 3)] == [""] * 4
    assert TABLE.objection(1, 501) == "ut_pex message of 501 bytes, more than 500"
    assert TABLE.objection(3, 17_001) == "ut_metadata message of 17001 bytes, more than 17000"
    assert TABLE.objection(2, 10**6) == ""


def test_a_private_torrent_names_only_what_it_may_have() -> None:
    assert TABLE.ids(private=False) == {"ut_pex": 1, "ut_metadata": 3}
    assert TABLE.ids(private=True) == {"ut_metadata": 3}
    assert ExtensionTable[Connection]([]).ids(private=False) == {}


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(METADATA, local_id=1),
        dataclasses.replace(METADATA, name="ut_pex"),
        dataclasses.replace(METADATA, local_id=0),
        dataclasses.replace(METADATA, local_id=256),
        dataclasses.replace(METADATA, name=""),
        dataclasses.replace(METADATA, name="x" * 65),
    ],
)
def test_rows_that_cannot_be(changed: Extension[Connection]) -> None:
    with pytest.raises(ValueError, match="extension"):
        ExtensionTable([PEX, changed])


def test_a_handler_needs_only_to_receive() -> None:
    sent: List[bytes] = []

    class Recorder:
        def send(self, message: bytes) -> None:
            sent.append(message)

    handler = PEX.handler(Recorder(), lambda payload: False)
    handler.on_handshake(ExtensionHandshake())
    handler.tick(1.0)
    with pytest.raises(NotImplementedError):
        handler.receive(b"", 1.0)
    assert (sent, dict(PEX.keys(Recorder()))) == ([], {})

"""A torrent of a command, and its result."""

from __future__ import annotations

import json
from pathlib import Path

import bittorrent_threads as bt
from bittorrent_threads.command_line.transfer import Transfer
from bittorrent_threads.plain_data import json_object
from bittorrent_threads.testing import SampleTorrent, quiet_settings

SAMPLE = SampleTorrent({"a": 5}, name="some")


def test_a_result_as_text_and_as_json(tmp_path: Path) -> None:
    with bt.Client(SAMPLE.metainfo(), tmp_path, state="stopped", settings=quiet_settings()) as client:
        transfer = Transfer(client)
        assert transfer.path == str(tmp_path / "some")
        assert transfer.text() == f"{tmp_path / 'some'}: sent 0 B"
        assert transfer.document()["rate"] is None
        transfer.seconds = 2.0
        assert transfer.text() == f"{tmp_path / 'some'}: complete, received 0 B in 2.0 s (0 B/s), sent 0 B"
        document = transfer.document()
        assert (document["path"], document["seconds"], document["rate"]) == (str(tmp_path / "some"), 2.0, 0.0)
        assert {**document, **json_object(client.status())} == document
        json.dumps(document)

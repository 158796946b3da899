"""What ``wait`` waits for, over real sockets: names, files, shares, functions, and what is none of them."""

from __future__ import annotations

import math
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent


def test_a_file_and_a_share(tmp_path: Path) -> None:
    with pair(tmp_path, priorities=[1, 0, 0], state="stopped") as (_, down):
        wanted, _unwanted, empty = down.files
        with pytest.raises(bt.WaitTimeout, match=r"was not complete in '.*a\.bin' after 0 s: the torrent is stopped"):
            down.wait(wanted, timeout=0)
        with pytest.raises(bt.WaitTimeout, match="was not 0.25 complete after 0 s"):
            down.wait(0.25, timeout=0)
        down.start()
        assert down.wait(0.25, timeout=PATIENCE).left <= 0.75 * down.status().wanted_size
        status = down.wait(1.0, timeout=PATIENCE)
        assert status.complete
        assert status.left == 0 < status.wanted_size < SMALL.size
        assert down.wait(wanted, timeout=PATIENCE).pieces_have == status.pieces_have
        assert wanted.complete
        empty.priority = 1
        down.wait(empty, timeout=PATIENCE)
        assert empty.complete


def test_a_file_by_its_path_also_before_the_metadata(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed") as seed:
        magnet = f"magnet:?xt=urn:btih:{SMALL.infohash.hex()}"
        options: Any = {"settings": LOCAL, "peers": [("127.0.0.1", seed.port)]}
        with bt.Client(magnet, tmp_path / "down", **options) as down:
            down.wait(PurePosixPath("sub/b.bin"), timeout=PATIENCE)
            assert down.files[1].complete
        with bt.Client(magnet, tmp_path / "other", **options) as down:
            with pytest.raises(FileNotFoundError, match="no such file, but 'small/"):
                down.wait(PurePosixPath("sub/c.bin"), timeout=PATIENCE)
            down.wait(timeout=PATIENCE)


@pytest.mark.parametrize(
    ("until", "kind", "words"),
    [
        ("forever", ValueError, "until 'forever' is none of complete, seed, checked, metadata; a file is client.files"),
        (0.0, ValueError, "above 0.0 and at most 1.0"),
        (1.5, ValueError, "above 0.0 and at most 1.0"),
        (-0.5, ValueError, "above 0.0 and at most 1.0"),
        (math.nan, ValueError, "until nan"),
        (1, TypeError, "until is 1, but must be one of complete"),
        (True, TypeError, "until is True"),
        (None, TypeError, "until is None"),
        (b"complete", TypeError, "until is b'complete'"),
        (Path("a.bim"), FileNotFoundError, "but 'small/a.bin'"),
    ],
)
def test_what_cannot_be_waited_for(tmp_path: Path, until: Any, kind: Any, words: str) -> None:
    options: Any = {"settings": LOCAL, "state": "stopped"}
    with bt.Client(SMALL.metainfo(), tmp_path, **options) as client, pytest.raises(kind) as caught:
        client.wait(until)
    assert words in str(caught.value)


def test_files_that_never_come(tmp_path: Path) -> None:
    padded = SampleTorrent({"a": 10 * KIB, ".pad/1": 6 * KIB, "b": 1 * KIB}, piece_length=16 * KIB, name="padded")
    options: Any = {"settings": LOCAL, "state": "stopped"}
    with (
        bt.Client(SMALL.metainfo(), tmp_path, **options) as client,
        bt.Client(padded.metainfo(), tmp_path, **options) as other,
    ):
        with pytest.raises(ValueError, match="is a file of another client: take it from client.files"):
            client.wait(other.files[0])
        client.files[0].priority = 0
        with pytest.raises(bt.StateError, match=r"wait: '.*a\.bin' is not wanted: set the priority of the file"):
            client.wait(client.files[0])

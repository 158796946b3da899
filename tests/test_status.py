"""The status as plain data and as rows: for json, pickle and pandas."""

from __future__ import annotations

import dataclasses
import importlib
import json
import pickle
from pathlib import Path
from typing import Any, Callable, Iterator, Set, Tuple

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt

DEAD = "http://127.0.0.1:9/announce"
"""A tracker that does not answer; nothing listens at the port of the discard protocol."""


@pytest.fixture
def clients(tmp_path: Path) -> Iterator[Tuple[bt.Client, bt.Client]]:
    """A paused seeder, and a downloader that is connected to it."""
    with seeder(tmp_path / "seed") as seed:
        seed.pause()
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(SMALL.metainfo(), tmp_path / "down", peers=peers, trackers=[DEAD], settings=LOCAL) as down:
            seed.wait(lambda status: len(status.peers) == 1, timeout=PATIENCE)
            yield seed, down


def names(kind: Any) -> Set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def test_a_status_is_plain_data(clients: Tuple[bt.Client, bt.Client]) -> None:
    seed, _ = clients
    status = seed.status()
    plain = status.as_dict()
    assert set(plain) >= names(bt.Status) | {"progress"}
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert pickle.loads(pickle.dumps(plain)) == plain
    assert plain["infohash"] == SMALL.infohash.hex()
    assert plain["bitfield"] == "fff8"
    assert plain["progress"] == 1.0
    assert plain["peers"] == status.peer_rows()


def test_the_status_of_a_magnet_link_is_plain_data(tmp_path: Path) -> None:
    link = "magnet:?xt=urn:btih:" + "ab" * 20
    with bt.Client(link, tmp_path, state="stopped", settings=LOCAL) as client:
        assert client.status().as_dict()["metadata"] is False
        assert client.file_rows() == []
        assert "without metadata" in repr(client.status())
    assert client.status().as_dict()["closed"] is True


def test_rows_have_every_field(clients: Tuple[bt.Client, bt.Client]) -> None:
    seed, down = clients
    (peer,) = seed.status().peers
    assert set(peer.as_row()) == names(bt.PeerStatus) - {"address"} | {"host", "port"}
    assert peer.as_row()["peerid"] == down.peerid.hex()
    assert (peer.as_row()["host"], peer.as_row()["port"]) == peer.address
    (tracker,) = down.status().tracker_rows()
    assert set(tracker) == names(bt.TrackerStatus)
    assert tracker["url"] == DEAD
    seed.start()
    down.wait(timeout=PATIENCE)
    rows = down.file_rows()
    assert [row["name"] for row in rows] == ["small/a.bin", "small/sub/b.bin", "small/empty"]
    assert [row["downloaded"] for row in rows] == [300_001, 120_000, 0]
    assert {row["progress"] for row in rows} == {1.0}
    assert [row["path"] for row in rows] == [file.path for file in down.files]


@pytest.mark.interop
def test_pandas_takes_the_rows_as_they_are(
    clients: Tuple[bt.Client, bt.Client], require_peer: Callable[[str], str]
) -> None:
    require_peer("pandas")
    pandas = importlib.import_module("pandas")
    seed, down = clients
    peers = pandas.DataFrame(seed.status().peer_rows())
    assert list(peers["host"]) == ["127.0.0.1"]
    assert peers["incoming"].dtype == bool
    seed.start()
    down.wait(timeout=PATIENCE)
    files = pandas.DataFrame(down.file_rows())
    assert files["length"].sum() == SMALL.size
    assert files.set_index("name").loc["small/sub/b.bin", "downloaded"] == 120_000
    assert files["length"].dtype.kind == "i"
    assert files["progress"].dtype.kind == "f"
    trackers = pandas.DataFrame(down.status().tracker_rows())
    assert trackers.loc[0, "tier"] == 0
    flat = pandas.json_normalize(down.status().as_dict())
    assert flat.loc[0, "dht.state"] == "unused"


def test_the_text_of_a_status_is_one_short_line(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL) as client:
        expected = "<Status 'small' stopped, 0.0% of 410.2 KiB, down 0 B/s, up 0 B/s, 0 peers>"
        assert repr(client.status()) == expected
    assert repr(client.status()).endswith("0 peers, closed>")

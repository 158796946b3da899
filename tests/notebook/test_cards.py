"""Cards: bounded, escaped, and there in every condition of a client."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, List

import pytest
from support.markup import Reader
from support.pairs import LOCAL, PATIENCE, SMALL, seeder
from support.torrents import torrent

import bittorrent_threads as bt
from bittorrent_threads.metainfo.magnet import Magnet
from bittorrent_threads.notebook import cards
from bittorrent_threads.status import Row, Status

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>\u202e'


@pytest.fixture
def status(tmp_path: Path) -> Status:
    """A status of a stopped client."""
    with bt.Client(SMALL.metainfo(), tmp_path, state="stopped", settings=LOCAL) as client:
        return client.status()


def peer(**fields: Any) -> bt.PeerStatus:
    values: List[Any] = [
        {"str": "", "int": 0, "bool": False, "float": 0.0, "bytes": bytes(20)}.get(str(field.type), ("192.0.2.1", 1))
        for field in dataclasses.fields(bt.PeerStatus)
    ]
    return dataclasses.replace(bt.PeerStatus(*values), **fields)


def tracker(**fields: Any) -> bt.TrackerStatus:
    return dataclasses.replace(bt.TrackerStatus("http://192.0.2.9/", 0, "working", True, "", "", 5.0, 3, -1), **fields)


def check(card: str, most: int = 20_000) -> None:
    """A card is small, runs nothing and loads nothing."""
    assert len(card) < most
    read = Reader(card)
    allowed = "div style span details summary table tr th td svg title path code"
    assert set(read.tags) <= set(allowed.split())
    assert not re.search(r"<[^>]*\son\w+=|<[^>]*\b(src|href)=|url\(|@import", card)
    assert "\u202e" not in card


def test_a_client_shows_its_files_and_peers(tmp_path: Path) -> None:
    with seeder(tmp_path) as client:
        card = client._repr_html_()
        check(card)
        for said in ("small", "seeding", "100.0% of 410.2 KiB", "13 of 13 pieces", "small/sub/b.bin", "3 files"):
            assert said in card
    closed = client._repr_html_()
    assert ">closed<" in closed
    assert "small/sub/b.bin" in closed


def test_a_magnet_link_without_metadata_has_a_card(tmp_path: Path) -> None:
    link = Magnet.parse("magnet:?xt=urn:btih:" + "ab" * 20 + "&dn=%3Cb%3Ename")
    with bt.Client(link, tmp_path, settings=LOCAL) as client:
        client.wait(lambda status: bool(status.port), timeout=PATIENCE)
        card = client._repr_html_()
    check(card)
    assert "fetching metadata" in card
    assert "<b>" not in card
    assert "no peer is known" in card


def test_what_comes_from_outside_is_escaped(status: Status) -> None:
    evil = dataclasses.replace(
        status,
        name=EVIL,
        error=EVIL,
        peers=(peer(client=EVIL, address=(EVIL, 5)),),
        trackers=(tracker(url=EVIL, error=EVIL, state=EVIL),),
    )
    row: Row = {"name": EVIL, "length": 5, "progress": 0.5, "priority": 1}
    for card in (evil._repr_html_(), cards.client_card(evil, [row], 1, EVIL)):
        check(card)
        assert "&lt;script&gt;" in card
    session = cards.session_card([evil], 5, (0, 0), closed=False)
    check(session)
    assert "&lt;script&gt;" in session


def test_tables_are_bounded(status: Status) -> None:
    crowd = dataclasses.replace(status, peers=(peer(),) * 500, trackers=(tracker(),) * 300)
    rows: List[Row] = [{"name": "x" * 3000, "length": 5, "progress": 0.5, "priority": 0}] * 100
    card = cards.client_card(crowd, rows, 1_000_000)
    check(card)
    assert "and 999,992 more" in card
    assert f"and {500 - cards.MAX_PEERS} more" in card
    assert f"and {300 - cards.MAX_TRACKERS} more" in card
    many = cards.session_card([crowd] * 1000, 0, (5, 0), closed=False)
    check(many, most=40_000)
    assert f"and {1000 - cards.MAX_TORRENTS} more" in many


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "stopped"),
        ({"state": "active"}, "downloading"),
        ({"state": "active", "checking": 3}, "checking"),
        ({"state": "active", "complete": True}, "complete"),
        ({"state": "active", "complete": True, "seed": True}, "seeding"),
        ({"state": "active", "metadata": False}, "fetching metadata"),
        ({"state": "paused"}, "paused"),
        ({"error": "disk full"}, "disk error"),
        ({"closed": True, "error": "x"}, "closed"),
    ],
)
def test_the_condition_of_a_torrent(status: Status, changes: Any, word: str) -> None:
    changed = dataclasses.replace(status, **changes)
    assert cards.condition(changed)[0] == word
    assert f">{word}</span>" in cards.status_card(changed)


def test_the_notes_of_peers_and_the_time_left(status: Status) -> None:
    peers = (peer(snubbed=True), peer(interested=True, choked=True), peer(seed=True, address=("2001:db8::1", 7)))
    moving = dataclasses.replace(
        status, state="active", peers=peers, downloaded=5, uploaded=7, download_rate=100_000.0, left=420_001
    )
    card = cards.status_card(moving)
    for said in ("lets requests wait", "chokes this client", ">seed<", "[2001:db8::1]:7", "4.2 s left", "received 5 B"):
        assert said in card


def test_a_session_shows_its_torrents(tmp_path: Path) -> None:
    with bt.Session(LOCAL) as session:
        session.upload_limit = 5 * 2**20
        session.add(SMALL.metainfo(), tmp_path, state="stopped")
        card = session._repr_html_()
        check(card)
        for said in ("small", "stopped", "1 torrents", "sends at most 5.0 MiB/s", "not listening"):
            assert said in card
    assert ">closed<" in session._repr_html_()


def test_a_torrent_shows_its_files_and_sources(tmp_path: Path) -> None:
    made = torrent([*((f"f{number}", 9) for number in range(20)), (".pad/5", 5), ("last", 1)], 16).metainfo
    key = "0123456789abcdef0123456789abcdef"
    given = bt.Metainfo.from_info(
        made.info_bytes(),
        trackers=[[f"https://tracker.example.org/{key}/announce"]],
        web_seeds=["https://example.org/t/"],
        comment=EVIL,
        creation_date=86400,
    )
    card = given._repr_html_()
    check(card)
    assert key not in card
    assert "and 13 more" in card
    for said in ("21 files", "made on: 1970-01-02", "web seed", "&lt;script&gt;", given.infohash.hex()):
        assert said in card

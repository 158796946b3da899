"""``Session.ip_filter``: what is blocked, blocklist files, several threads, and connections that exist."""

from __future__ import annotations

import gzip
import ipaddress
import threading
from pathlib import Path

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL, seeder

import bittorrent_threads as bt


def test_blocked_and_allowed_addresses() -> None:
    with bt.Session(LOCAL) as session:
        blocked = session.ip_filter
        assert len(blocked) == 0
        blocked.block("10.0.0.0/8", ipaddress.ip_network("2001:db8::/32"), "192.168.0.1 - 192.168.0.9")
        blocked.allow("10.1.2.3", ipaddress.ip_address("192.168.0.5"))
        assert "10.1.2.4" in blocked
        assert "10.1.2.3" not in blocked
        assert list(session.ip_filter) == [
            *("10.0.0.0-10.1.2.2", "10.1.2.4-10.255.255.255", "192.168.0.1-192.168.0.4", "192.168.0.6-192.168.0.9"),
            "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        ]
        assert repr(blocked) == "<bittorrent_threads.IpFilter 5 ranges>"
        blocked.clear()
        assert len(blocked) == 0
    with pytest.raises(bt.SessionClosed):
        blocked.block("10.0.0.1")


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.0/33", "localhost", "10.0.0.9-10.0.0.1"])
def test_one_wrong_range_changes_nothing(text: str) -> None:
    with bt.Session(LOCAL) as session:
        for change in (session.ip_filter.block, session.ip_filter.allow):
            with pytest.raises(ValueError, match="is no|has no prefix|is not an address"):
                change("10.0.0.1", text)
        assert len(session.ip_filter) == 0


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_blocklist_files(compressed: bool, tmp_path: Path) -> None:
    texts = {
        "ipfilter.dat": "# DAT\r\n001.002.003.000 - 001.002.003.255 , 000 , x\r\n9.9.9.9 - 9.9.9.9 , 200 , allowed\r\n",
        "level1.p2p": "Some organisation:5.6.7.0-5.6.7.255\nnonsense\n",
        "drop.txt": "8.8.0.0/16 ; SBL1\n2001:db8::/32",
    }
    with bt.Session(LOCAL) as session:
        read = []
        for name, text in texts.items():
            data = text.encode()
            (tmp_path / name).write_bytes(gzip.compress(data) if compressed else data)
            read.append(session.ip_filter.load(tmp_path / name))
        assert read == [
            bt.Blocklist(ranges=1, allowed=1, bad_lines=0, examples=()),
            bt.Blocklist(ranges=1, allowed=0, bad_lines=1, examples=("line 2: 'nonsense'",)),
            bt.Blocklist(ranges=2, allowed=0, bad_lines=0, examples=()),
        ]
        assert all(host in session.ip_filter for host in ("1.2.3.4", "5.6.7.8", "8.8.4.4", "2001:db8::1"))
        assert "9.9.9.9" not in session.ip_filter


def test_files_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list"
    with bt.Session(LOCAL) as session:
        with pytest.raises(bt.StorageError, match="No such file") as missing:
            session.ip_filter.load(path)
        assert missing.value.path == str(path)
        path.write_bytes(b"<html>\n")
        with pytest.raises(bt.SettingsError, match=f"^ip_filter: {path} has no range of addresses .line 1: '<html>'.$"):
            session.ip_filter.load(path)
        path.write_bytes(gzip.compress(b"1.2.3.4\n" * 1000)[:-9])
        with pytest.raises(bt.StorageError, match="ended before"):
            session.ip_filter.load(path)
        path.write_bytes(gzip.compress(bytes(100_000_000)))
        monkeypatch.setattr("bittorrent_threads.swarm.blocklist.MAX_SIZE", 10_000_000)
        with pytest.raises(bt.SettingsError, match="has more than 10000000 bytes"):
            session.ip_filter.load(path)
        assert len(session.ip_filter) == 0


def test_threads_that_change_it_at_once_lose_nothing() -> None:
    with bt.Session(LOCAL) as session:
        gate = threading.Barrier(4)

        def change(number: int) -> None:
            gate.wait()
            for host in range(25):
                session.ip_filter.block(f"10.{number}.{host}.1")

        threads = [threading.Thread(target=change, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(session.ip_filter) == 100


def test_a_blocked_seeder_is_cut_off_and_comes_back(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed", SMALL) as seed, bt.Session(LOCAL) as session:
        client = session.add(SMALL.metainfo(), tmp_path / "down", download_limit=SMALL.size // 4)
        client.add_peer("127.0.0.1", seed.port)
        client.wait(lambda status: status.downloaded > 0, timeout=PATIENCE)
        session.ip_filter.block("127.0.0.0/8")
        client.wait(lambda status: not status.connected, timeout=PATIENCE)
        client.add_peer("127.0.0.1", seed.port)
        status = client.wait(lambda status: status.refused > 0, timeout=PATIENCE)
        assert not status.known
        assert "the IP filter refused" in client.wait(lambda status: bool(status.stall), timeout=PATIENCE).stall
        session.ip_filter.allow("127.0.0.1")
        client.download_limit = 0
        client.add_peer("127.0.0.1", seed.port)
        client.wait(timeout=PATIENCE)
    assert SMALL.differences(tmp_path / "down") == []

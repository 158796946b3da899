"""What trackers, peers and torrents say reaches the user printable and short, and no password is shown."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import socket
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.pairs import LOCAL, PATIENCE, SMALL
from support.webserver import WebServer, ok

import bittorrent_threads as bt
from bittorrent_threads import cli
from bittorrent_threads.metainfo import bencode
from bittorrent_threads.testing.lying_peer import SocketWire
from bittorrent_threads.testing.peer_messages import EXTENDED, handshake, message
from bittorrent_threads.testing.sample_torrent import SampleTorrent
from bittorrent_threads.text import escaped

EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n\u202egnp.exe\u2066\u200b\ufeff\u3164\ufe0f\U000e0041\x00"
LONG = EVIL.encode() + b"A" * 100_000 + EVIL.encode()
LONGEST = 700
"""Characters of any text: the largest are a sentence around a URL and a reason."""
SECRET = "hunter2"
ANSWERS = {
    "status line": LONG + b"\r\n\r\n",
    "status": b"HTTP/1.1 " + LONG[:60_000] + b"\r\n\r\n",
    "encoding": ok(b"x", "Content-Encoding: " + LONG[:60_000].decode("latin-1").replace("\r\n", "")),
    "redirect": ok(b"", "Location: " + LONG[:60_000].decode("latin-1").replace("\r\n", ""), status="302 Found"),
    "body": ok(LONG),
    "failure": ok(bencode.encode({"failure reason": LONG})),
    "failure and status": ok(bencode.encode({"failure reason": LONG}), status="500 " + EVIL[:4]),
    "type": ok(bencode.encode({"peers": {LONG: LONG}})),
    "warning": ok(bencode.encode({"peers": b"", "warning message": LONG, "tracker id": LONG})),
}


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of the public API."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))
    elif isinstance(value, (list, tuple, dict)):
        for each in value:
            yield from texts(each)


def assert_fit(value: Any) -> None:
    """Each text can be shown."""
    for text in texts(value):
        assert text.isprintable()
        assert escaped(text) == text, ascii(text)[:200]
        assert len(text) <= LONGEST, ascii(text)[:200]
        assert SECRET not in text


def drained(client: bt.Client) -> List[bt.events.Event]:
    return [client.events.get_nowait() for _ in range(client.events.qsize())]


@pytest.mark.parametrize("what", ANSWERS)
def test_trackers(tmp_path: Path, what: str) -> None:
    with WebServer(ANSWERS[what]) as server:
        url = server.url(f"/announce?passkey={SECRET}").replace("//", f"//me:{SECRET}@")
        with bt.Client(SMALL.metainfo([url]), tmp_path, settings=LOCAL) as client:
            client.wait(lambda status: any(row.error or row.working for row in status.trackers), timeout=PATIENCE)
            (row,) = client.trackers
            assert row.warning if what == "warning" else row.error
            status, happened = client.status(), drained(client)
            assert any(isinstance(event, (bt.events.TrackerFailed, bt.events.TrackerAnnounced)) for event in happened)
            assert row.error in status.stall
        assert_fit([status, *happened])
        assert f"passkey={SECRET}".encode() in server.requests[0]
        assert b"Authorization: Basic" in server.requests[0]


def test_peers(tmp_path: Path) -> None:
    with bt.Client(SMALL.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("checked", timeout=PATIENCE)
        with socket.create_connection(("127.0.0.1", client.port), PATIENCE) as sock:
            wire = SocketWire(sock)
            said = bencode.encode({"v": LONG, "m": {LONG: 1}})
            wire.send(handshake(client.infohash, peerid=LONG[:20], extended=True))
            wire.send(message(EXTENDED, payload=b"\0" + said))
            client.wait(lambda status: any(peer.client for peer in status.peers), timeout=PATIENCE)
            status = client.status()
            wire.send(message(EXTENDED, payload=b"\0d" + LONG))
            client.wait(lambda status: not status.connected, timeout=PATIENCE)
        happened = drained(client)
    assert any(isinstance(event, bt.events.PeerClosed) for event in happened)
    assert_fit([status, *happened])


def test_a_torrent_at_the_command_line(tmp_path: Path) -> None:
    content = SampleTorrent({"a.bin": 20_000, f"b{EVIL.replace(chr(0), '')}.bin": 10}, piece_length=16384, name="small")
    with WebServer(ANSWERS["failure"]) as server:
        url = server.url(f"/announce?passkey={SECRET}").replace("//", f"//me:{SECRET}@")
        torrent = {
            "announce": url,
            "comment": LONG,
            "created by": LONG,
            "info": {**content.info(), "name": LONG[:2000]},
            "url-list": [f"http://me:{SECRET}@example.com/x?token={SECRET}"],
        }
        path = tmp_path / "evil.torrent"
        path.write_bytes(bencode.encode(torrent))
        for command in (["info"], ["verify"], ["download", "--timeout", "0.5"], ["seed"]):
            for options in ([], ["--json"]):
                out, err = io.StringIO(), io.StringIO()
                folder = [] if command == ["info"] else ["-d", str(tmp_path)]
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    cli.main([*command, *options, *folder, str(path)])
                assert out.getvalue() or err.getvalue()
                for line in (out.getvalue() + err.getvalue()).split("\n"):
                    assert line.isprintable()
                    assert SECRET not in line, (command, ascii(line)[:200])
                    assert len(line) <= 2000, (command, ascii(line)[:200])


def test_a_url_that_create_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for url in (f"ftp://me:{SECRET}@example.com/{EVIL}", f"me:{SECRET}@example.com/announce", LONG.decode()):
        with pytest.raises(bt.SettingsError) as caught:
            bt.create(tmp_path / "file", trackers=url)
        assert_fit(str(caught.value))
        with pytest.raises(bt.SettingsError) as caught:
            bt.Client(SMALL.metainfo(), tmp_path, trackers=[[url]])
        assert_fit(str(caught.value))

"""The HTTP server with curl, and with a real browser that plays a film which is still downloaded."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from support.pairs import LOCAL, PATIENCE, pair, seeder

import bittorrent_threads as bt
from bittorrent_threads.serving.file_server import FileServer
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = pytest.mark.interop
SAMPLE = SampleTorrent({"film.mp4": 700_001, "sub/a b#%.txt": 5_000, "empty": 0}, piece_length=32 * KIB, name="served")
FILM = SAMPLE.data("film.mp4")
BROWSER_TIMEOUT = 60.0

Require = Callable[[str], str]
Curl = Callable[..., Tuple[int, Dict[str, str], bytes]]


@pytest.fixture
def curl(require_peer: Require, tmp_path: Path) -> Curl:
    """Return ``curl(*arguments)``: it returns the last status, the header fields and the body."""
    program = require_peer("curl")

    def run(*arguments: str) -> Tuple[int, Dict[str, str], bytes]:
        head, body = tmp_path / "head", tmp_path / "body"
        body.write_bytes(b"")
        command = [program, "-sS", "--noproxy", "*", "--max-time", "30", "-D", str(head), "-o", str(body)]
        subprocess.run([*command, *arguments], check=True, timeout=60)
        status, *fields = head.read_bytes().decode("latin-1").strip().split("\r\n\r\n")[-1].split("\r\n")
        named = {name.lower(): text for name, _, text in (field.partition(": ") for field in fields)}
        return int(status.split()[1]), named, body.read_bytes()

    return run


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    with seeder(tmp_path / "seed", SAMPLE) as client, client.serve() as server:
        yield server


def test_curl_fetches_files_and_ranges(server: FileServer, curl: Curl) -> None:
    film = server.urls[0]
    status, fields, body = curl(film)
    assert (status, body) == (200, FILM)
    assert fields["content-type"] == "video/mp4"
    assert curl(server.urls[1])[2] == SAMPLE.data("sub/a b#%.txt")
    assert curl(server.urls[2])[2] == b""
    for text, expected in (("0-0", FILM[:1]), ("699990-", FILM[-11:]), ("-5", FILM[-5:]), ("5-999999999", FILM[5:])):
        status, fields, body = curl("-r", text, film)
        assert (status, body) == (206, expected)
        assert fields["content-length"] == str(len(expected))
    status, fields, body = curl("-r", "0-9,1000-1009", film)
    assert status == 206
    assert FILM[:10] in body
    assert FILM[1000:1010] in body
    assert curl("-r", "700001-", film)[:2][0] == 416


def test_curl_asks_for_the_head_and_with_conditions(server: FileServer, curl: Curl) -> None:
    film = server.urls[0]
    status, fields, _ = curl("-I", film)
    assert (status, fields["content-length"]) == (200, "700001")
    tag = fields["etag"]
    assert curl("-r", "0-9", "-H", f"If-Range: {tag}", film)[0] == 206
    assert curl("-r", "0-9", "-H", 'If-Range: "other"', film)[2] == FILM
    assert curl("-H", f"If-None-Match: {tag}", film)[0] == 304
    assert curl("-X", "DELETE", film)[0] == 405
    assert curl("-d", "x=y", film)[0] == 405
    assert curl("-H", "Host: evil.example", film)[0] == 403
    assert curl("--path-as-is", f"{server.url}../../etc/passwd")[0] == 404
    assert curl("--http1.0", "-r", "0-9", film)[2] == FILM[:10]


def test_curl_resumes_a_file(server: FileServer, require_peer: Require, tmp_path: Path) -> None:
    target = tmp_path / "film"
    target.write_bytes(FILM[:300_000])
    command = [require_peer("curl"), "-sS", "--noproxy", "*", "-C", "-", "-o", str(target), server.urls[0]]
    subprocess.run(command, check=True, timeout=60)
    assert target.read_bytes() == FILM


def test_curl_fetches_many_at_once_while_the_torrent_is_downloaded(tmp_path: Path, require_peer: Require) -> None:
    program = require_peer("curl")
    with pair(tmp_path, SAMPLE) as (_, down), down.serve() as server:
        each = 'url = "{}"\nrange = "{}-"\noutput = "{}"\nnoproxy = "*"\nsilent\nshow-error\n'
        text = "next\n".join(
            [each.format(server.urls[0], number * 17_000, tmp_path / f"part{number}") for number in range(40)]
        )
        options = ["-sS", "--no-progress-meter", "-Z", "--parallel-max", "24", "-K", "-"]
        subprocess.run([program, *options], input=text, text=True, check=True, timeout=90)
        assert down.seed
    for number in range(40):
        assert (tmp_path / f"part{number}").read_bytes() == FILM[number * 17_000 :]


# -- a browser ---------------------------------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html><video id="v" muted autoplay src="%s"></video><script>
const video = document.getElementById("v");
const tell = (what) => fetch("/tell", {method: "POST", body: JSON.stringify({what, at: video.currentTime,
    duration: video.duration, width: video.videoWidth, error: video.error && video.error.message})});
let sought = false;
video.addEventListener("error", () => tell("error"));
video.addEventListener("timeupdate", () => {
    if (!sought && video.currentTime > 0.5) {
        sought = true;
        tell("playing").then(() => { video.currentTime = 20; });
    } else if (sought && video.currentTime > 20.5) {
        video.pause();
        tell("sought");
    }
});
</script>"""


class Site:
    """A page on another port of this machine, and what its script tells."""

    def __init__(self, page: str) -> None:
        self.told: queue.Queue[Dict[str, object]] = queue.Queue()
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(page.encode())

            def do_POST(self) -> None:
                told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self) -> Site:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@contextlib.contextmanager
def browser(program: str, folder: Path, url: str) -> Iterator[None]:
    """Run Chromium with a page."""
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += "--disable-component-update --disable-sync --disable-dev-shm-usage --mute-audio --no-proxy-server "
    flags += "--disable-crash-reporter --disable-breakpad --autoplay-policy=no-user-gesture-required"
    folder.mkdir()
    command: List[str] = [program, *flags.split(), f"--user-data-dir={folder}", "--remote-debugging-port=0", url]
    with (
        open(folder / "log", "wb") as log,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as running,
    ):
        try:
            yield
        finally:
            running.terminate()
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                running.kill()


def film(program: str, path: Path) -> None:
    """Make a film of 30 seconds and some 1.5 MB, whose frames are noise."""
    source = ["-f", "lavfi", "-i", "testsrc=size=128x96:rate=15:duration=30", "-vf", "noise=alls=60:allf=t"]
    codec = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "400k", "-g", "15"]
    subprocess.run([program, "-v", "error", *source, *codec, str(path)], check=True, timeout=60)


def test_a_browser_plays_a_film_and_seeks_in_it_before_it_is_complete(tmp_path: Path, require_peer: Require) -> None:
    program = require_peer("chromium")
    (tmp_path / "seed").mkdir()
    film(require_peer("ffmpeg"), tmp_path / "seed" / "film.webm")
    torrent = bt.create(tmp_path / "seed" / "film.webm", piece_length=16 * KIB)
    with contextlib.ExitStack() as stack:
        settings = LOCAL.replace(upload_limit=200_000)
        seed = stack.enter_context(bt.Client(torrent, tmp_path / "seed", settings=settings))
        seed.wait("seed", timeout=PATIENCE)
        peers = [("127.0.0.1", seed.port)]
        # Of an unwanted file only what is read is downloaded: nothing before the browser has started.
        options: Any = {"settings": LOCAL, "peers": peers, "priorities": [0]}
        down = stack.enter_context(bt.Client(torrent, tmp_path / "down", **options))
        server = stack.enter_context(down.serve())
        site = stack.enter_context(Site(PAGE % server.urls[0]))
        stack.enter_context(browser(program, tmp_path / "profile", site.url))
        playing = site.told.get(timeout=BROWSER_TIMEOUT)
        assert playing["what"] == "playing", playing
        assert playing["width"] == 128
        assert not down.seed, "the film was there before it was played"
        sought = site.told.get(timeout=BROWSER_TIMEOUT)
        assert sought["what"] == "sought", sought
        at = sought["at"]
        assert isinstance(at, float)
        assert 20.5 < at < 25
        have = down.status().pieces_have
        assert have < down.piece_count, "the seek waited for the whole film"
        print(f"played from the begin and from second 20 on with {have} of {down.piece_count} pieces")


def test_a_media_player_seeks_in_a_film_that_is_downloaded(tmp_path: Path, require_peer: Require) -> None:
    program = require_peer("ffmpeg")
    (tmp_path / "seed").mkdir()
    film(program, tmp_path / "seed" / "film.webm")
    torrent = bt.create(tmp_path / "seed" / "film.webm", piece_length=16 * KIB)
    with contextlib.ExitStack() as stack:
        seed = stack.enter_context(bt.Client(torrent, tmp_path / "seed", settings=LOCAL))
        seed.wait("seed", timeout=PATIENCE)
        # Of an unwanted file only what the player reads is downloaded, and little beyond that; but the system may keep
        # the rest of the film on its way to a player that asks for all behind a place, unless it comes slowly.
        peers = [("127.0.0.1", seed.port)]
        options: Any = {"settings": LOCAL, "peers": peers, "priorities": [0], "download_limit": 150_000}
        down = stack.enter_context(bt.Client(torrent, tmp_path / "down", **options))
        url = stack.enter_context(down.serve()).urls[0]

        def play(source: object, *where: str) -> str:
            command = [program, "-v", "error", "-nostdin", *where, "-i", str(source), "-f", "framemd5", "-"]
            environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
            played = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
            assert not played.stderr
            return "\n".join(line for line in played.stdout.splitlines() if not line.startswith("#"))

        frames = play(url, "-ss", "20", "-t", "1")
        assert frames.count("\n") + 1 == 15
        assert 0 < down.status().pieces_have < down.piece_count, "the seek read the whole film"
        assert play(tmp_path / "seed" / "film.webm", "-ss", "20", "-t", "1") == frames
        down.download_limit = 0
        assert play(url).count("\n") + 1 == 450
        assert down.seed

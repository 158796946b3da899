from __future__ import annotations

from typing import Dict, Optional, Tuple

import pytest

from bittorrent_threads.metainfo.file_list import TorrentFile
from bittorrent_threads.serving.answer import Answer, Site, answer_to, message, refusal
from bittorrent_threads.serving.byte_ranges import Span
from bittorrent_threads.serving.catalogue import Catalogue
from bittorrent_threads.serving.request import BadRequest, Request

FILES = (TorrentFile(("t", "film.mp4"), 1000), TorrentFile(("t", "page.html"), 10), TorrentFile(("t", "empty"), 0))
CATALOGUE = Catalogue(bytes(20), FILES)
SITE = Site("t", CATALOGUE, 0.5, "127.0.0.1", frozenset())
FILM = "/t/film.mp4"
TAG = CATALOGUE.entries[0].tag


def ask(path: str = FILM, method: str = "GET", site: Site = SITE, host: str = "localhost", **fields: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in fields.items()}
    return answer_to(Request(method, path, host, given, True), site)


def length(answer: Answer) -> int:
    return sum(len(data) + (span.end - span.begin if span else 0) for data, span in answer.parts)


def test_a_whole_file() -> None:
    answer = ask()
    assert answer.status == "200 OK"
    assert answer.parts == [(b"", Span(0, 1000))]
    assert answer.file_index == 0
    fields = {"Accept-Ranges": "bytes", "ETag": TAG, "Content-Type": "video/mp4", "Content-Length": "1000"}
    assert fields.items() <= answer.fields.items()
    head = answer.head(date="now", keep=True).decode()
    assert head.startswith("HTTP/1.1 200 OK\r\nDate: now\r\n")
    assert head.endswith("\r\nConnection: keep-alive\r\n\r\n")
    assert "nosniff" in head
    assert "Connection: close" in answer.head(date="now", keep=False).decode()


def test_an_empty_file() -> None:
    assert ask("/t/empty").fields["Content-Length"] == "0"
    assert ask("/t/empty", range="bytes=0-").status.startswith("416")


def test_a_range() -> None:
    answer = ask(range="bytes=10-19")
    assert answer.status == "206 Partial Content"
    assert answer.parts == [(b"", Span(10, 20))]
    assert answer.fields["Content-Range"] == "bytes 10-19/1000"
    assert answer.fields["Content-Length"] == "10"
    assert answer.fields["Content-Type"] == "video/mp4"


def test_several_ranges() -> None:
    answer = ask(range="bytes=0-9,500-599,-1")
    assert answer.status == "206 Partial Content"
    assert [span for _, span in answer.parts] == [Span(0, 10), Span(500, 600), Span(999, 1000), None]
    assert answer.fields["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert answer.fields["Content-Length"] == str(length(answer))
    assert answer.parts[1][0].startswith(b"\r\n--")
    assert b"Content-Range: bytes 500-599/1000\r\n\r\n" in answer.parts[1][0]
    assert answer.parts[3][0].endswith(b"--\r\n")


def test_a_range_outside_the_file() -> None:
    answer = ask(range="bytes=1000-")
    assert answer.status == "416 Range Not Satisfiable"
    assert answer.fields["Content-Range"] == "bytes */1000"
    assert answer.file_index == -1


def test_a_range_that_is_none_gives_the_whole_file() -> None:
    assert ask(range="lines=1-2").parts == [(b"", Span(0, 1000))]


@pytest.mark.parametrize(
    ("field", "status"),
    [(TAG, "206"), (f"W/{TAG}", "200"), ('"other"', "200"), ("Tue, 15 Nov 1994 12:45:26 GMT", "200")],
)
def test_if_range(field: str, status: str) -> None:
    assert ask(range="bytes=0-0", if_range=field).status[:3] == status


def test_if_none_match() -> None:
    answer = ask(if_none_match=f'"x", W/{TAG}', range="bytes=0-0")
    assert answer.status == "304 Not Modified"
    assert answer.fields["ETag"] == TAG
    assert not answer.parts
    assert "Content-Length" not in answer.fields
    assert ask(if_none_match='"x"').status == "200 OK"
    assert ask(method="HEAD", if_none_match="*").status == "304 Not Modified"


def test_if_match() -> None:
    assert ask(if_match=TAG).status == "200 OK"
    assert ask(if_match="*").status == "200 OK"
    assert ask(if_match=f"W/{TAG}", if_none_match=TAG).status == "412 Precondition Failed"


def test_dates_change_nothing() -> None:
    assert ask(if_modified_since="Tue, 15 Nov 2094 12:45:26 GMT").status == "200 OK"
    assert "Last-Modified" not in ask().fields


@pytest.mark.parametrize("path", [FILM, "/", "/none"])
def test_head_is_get_without_the_body(path: str) -> None:
    whole, head = ask(path), ask(path, method="HEAD", range="bytes=0-1")
    assert head.status == whole.status
    assert head.fields == whole.fields
    assert length(head) == 0
    assert str(length(whole)) == whole.fields["Content-Length"]


def test_the_page_has_no_script_and_those_of_the_torrent_are_confined() -> None:
    assert "script-src" not in ask("/").fields["Content-Security-Policy"]
    assert "default-src 'none'" in ask("/").fields["Content-Security-Policy"]
    assert ask("/t/page.html").fields["Content-Security-Policy"] == "sandbox"
    assert "Content-Security-Policy" not in ask().fields


def test_what_is_not_there() -> None:
    assert ask("/t/none").status == "404 Not Found"
    assert ask("/..%2f..%2fetc/passwd").status == "404 Not Found"
    early = ask(site=SITE._replace(catalogue=None))
    assert early.status == "503 Service Unavailable"
    assert early.fields["Retry-After"] == "2"


@pytest.mark.parametrize("path", ["/", FILM, "/none"])
def test_other_hosts_and_other_pages_are_refused_alike_whether_the_file_is_there_or_not(path: str) -> None:
    refusals = [ask(path, host="evil.example"), ask(path, sec_fetch_site="cross-site", referer="https://evil.example/")]
    for answer in refusals:
        assert answer.status == "403 Forbidden"
        assert answer.file_index == -1
        assert "ETag" not in answer.fields
        assert "Access-Control-Allow-Origin" not in answer.fields


@pytest.mark.parametrize(
    ("origin", "origins", "status"),
    [
        ("http://localhost:8888", (), "200"),
        ("https://example.org", ("https://example.org",), "200"),
        ("https://example.org", ("*",), "200"),
        ("null", (), "403"),
        ("https://example.org", (), "403"),
    ],
)
def test_origins(origin: str, origins: Tuple[str, ...], status: str) -> None:
    answer = ask(site=SITE._replace(origins=origins), origin=origin)
    assert answer.status[:3] == status
    expected: Optional[str] = origin if status == "200" else None
    assert answer.fields.get("Access-Control-Allow-Origin") == expected
    if expected:
        assert answer.fields["Vary"] == "Origin"


def test_messages() -> None:
    answer = message("503 Service Unavailable", "<later>", Retry_After="1")
    assert answer.parts == [(b"Service Unavailable: <later>\n", None)]
    fields: Dict[str, str] = answer.fields
    assert fields["Content-Type"] == "text/plain; charset=utf-8"
    assert fields["Retry-After"] == "1"
    assert refusal(BadRequest("405 Method Not Allowed", "x")).fields["Allow"] == "GET, HEAD"
    assert "Allow" not in refusal(BadRequest("400 Bad Request", "x")).fields

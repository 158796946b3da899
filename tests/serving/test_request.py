from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.serving.request import MAX_FIELDS, BadRequest, parse_request


def head(line: str = "GET /a HTTP/1.1", *fields: str, host: str = "Host: x") -> bytes:
    return "\r\n".join([line, *filter(None, [host]), *fields]).encode("latin-1")


def refused(data: bytes) -> str:
    with pytest.raises(BadRequest) as caught:
        parse_request(data)
    return caught.value.status


def test_a_request() -> None:
    request = parse_request(
        head("GET /a%20b?c=d HTTP/1.1", "Range:  bytes=0- ", "X-Y: 1", "x-y: 2", host="HOST: LocalHost:80")
    )
    assert request.method == "GET"
    assert request.path == "/a%20b"
    assert request.host == "localhost:80"
    assert request.fields == {"host": "LocalHost:80", "range": "bytes=0-", "x-y": "1, 2"}
    assert request.keep


def test_the_target_may_be_a_url_whose_host_counts() -> None:
    request = parse_request(head("HEAD http://Other:1/p?q#f HTTP/1.1"))
    assert (request.method, request.path, request.host) == ("HEAD", "/p", "other:1")
    assert parse_request(head("GET http://other HTTP/1.1")).path == "/"


@pytest.mark.parametrize("target", ["*", "a", "ftp://x/", "http://", "http://u@x/", "http://[/", "x:80"])
def test_other_targets_are_refused(target: str) -> None:
    assert refused(head(f"GET {target} HTTP/1.1")) == "400 Bad Request"


@pytest.mark.parametrize(
    ("line", "field", "keep"),
    [
        ("GET / HTTP/1.1", "X: y", True),
        ("GET / HTTP/1.1", "Connection: x, CLOSE", False),
        ("GET / HTTP/1.0", "X: y", False),
        ("GET / HTTP/1.0", "Connection: keep-alive", True),
        ("GET / HTTP/1.2", "X: y", True),
    ],
)
def test_whether_the_connection_is_kept(line: str, field: str, keep: bool) -> None:
    assert parse_request(head(line, field)).keep is keep


def test_a_host_is_needed_from_http_1_1_on() -> None:
    assert refused(head(host="")) == "400 Bad Request"
    assert parse_request(head("GET / HTTP/1.0", host="")).host == ""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "PROPFIND"])
def test_other_methods_are_not_allowed(method: str) -> None:
    assert refused(head(f"{method} / HTTP/1.1", "Content-Length: 5")) == "405 Method Not Allowed"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01",
        b"GET /",
        b"GET / HTTP/2.0\r\nHost: x",
        b"GET  / HTTP/1.1\r\nHost: x",
        b"GET /\x00 HTTP/1.1\r\nHost: x",
        b"GET /a b HTTP/1.1\r\nHost: x",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x",
        b"GET / HTTP/1.1 \r\nHost: x",
        b"G\xc3T / HTTP/1.1\r\nHost: x",
        head("GET / HTTP/1.1", "no field"),
        head("GET / HTTP/1.1", "Space : x"),
        head("GET / HTTP/1.1", " folded"),
        head("GET / HTTP/1.1", "A: b\nC: d"),
        head("GET / HTTP/1.1", "A: b\rC: d"),
        head("GET / HTTP/1.1", "A: \x00"),
        head("GET / HTTP/1.1", ": x"),
        head("GET / HTTP/1.1", "Host: y"),
        head("GET / HTTP/1.1", "Range: bytes=0-", "Range: bytes=1-"),
        head("GET / HTTP/1.1", "Content-Length: 5"),
        head("GET / HTTP/1.1", "Content-Length: +0"),
        head("GET / HTTP/1.1", "Transfer-Encoding: chunked"),
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    assert refused(data) == "400 Bad Request"


def test_a_head_of_many_fields_is_refused() -> None:
    assert len(parse_request(head("GET / HTTP/1.1", *["a: b"] * (MAX_FIELDS - 1))).fields) == 2
    assert refused(head("GET / HTTP/1.1", *["a: b"] * MAX_FIELDS)).startswith("431")


@given(st.binary(max_size=200) | st.text(alphabet="GETHAD /:*.1\r\nost%", max_size=80).map(str.encode))
def test_any_bytes_are_a_request_or_are_refused(data: bytes) -> None:
    try:
        request = parse_request(data)
    except BadRequest as error:
        assert error.status[:3].isdigit()
    else:
        assert request.path.startswith("/")
        assert not {"\r", "\n", "\0"} & set("".join(request.fields.values()) + request.path)

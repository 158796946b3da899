"""``Request``: the head of an HTTP request, parsed strictly (RFC 9112).

The rule: what two programs could read in two ways is refused: spaces before a colon, folded lines, control characters,
two hosts, a body.
"""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Tuple
from urllib.parse import urlsplit

MAX_HEAD = 16 * 1024
"""Most bytes of a head."""
MAX_FIELDS = 100
"""Most fields of a head; browsers send some twenty."""
METHODS = "GET, HEAD"
"""The methods that the server has."""
NOT_ALLOWED = "405 Method Not Allowed"
END = b"\r\n\r\n"
"""The end of a head."""

_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/1\.([0-9])")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_SINGLE = frozenset({"host", "range", "if-range", "origin", "content-length", "sec-fetch-site"})
"""Fields that may be there once only."""


class BadRequest(Exception):
    """A request that is refused, and after which the connection is closed.

    Attributes:
        status (str): Status code and its phrase.
        reason (str): Why, for a person.
    """

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class Request(NamedTuple):
    """The head of a request."""

    method: str
    """``GET`` or ``HEAD``."""
    path: str
    """The path of its URL, percent-encoded as it came."""
    host: str
    """The host that it names, with its port, in lower case; empty if it names none."""
    fields: Dict[str, str]
    """The fields by their name in lower case."""
    keep: bool
    """The connection may be used for a further request."""


def parse_request(head: bytes) -> Request:
    """Return the request of a head.

    Args:
        head: The bytes up to ``END``.

    Raises:
        BadRequest: If it is not one of HTTP/1, has another method, or has a body.
    """
    first, *lines = head.decode("latin-1").split("\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        raise BadRequest("400 Bad Request", "the first line is not that of a request of HTTP/1.1")
    if len(lines) > MAX_FIELDS:
        raise BadRequest("431 Request Header Fields Too Large", f"more than {MAX_FIELDS} header fields")
    if line[1] not in METHODS.split(", "):
        raise BadRequest(NOT_ALLOWED, "files can be read only")
    fields: Dict[str, str] = {}
    for text in lines:
        match = _FIELD.fullmatch(text)
        if match is None:
            raise BadRequest("400 Bad Request", "a line of the head is no header field")
        name, value = match[1].lower(), match[2].strip(" \t")
        if name in fields and name in _SINGLE:
            raise BadRequest("400 Bad Request", f"two header fields {name}")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    if fields.get("content-length", "0") != "0" or "transfer-encoding" in fields:
        raise BadRequest("400 Bad Request", "the request has a body")
    path, host = _target(line[2], fields.get("host", ""))
    if not host and line[3] != "0":
        raise BadRequest("400 Bad Request", "the request has no header field Host")
    options = {option.strip().lower() for option in fields.get("connection", "").split(",")}
    keep = "keep-alive" in options if line[3] == "0" else "close" not in options
    return Request(line[1], path, host.lower(), fields, keep)


def _target(target: str, host: str) -> Tuple[str, str]:
    if not target.startswith("/"):
        try:
            url = urlsplit(target)
        except ValueError:
            url = urlsplit("")
        if url.scheme.lower() != "http" or not url.netloc or "@" in url.netloc:
            raise BadRequest("400 Bad Request", "the target of the request is not a path")
        target, host = url.path or "/", url.netloc  # RFC 9112, section 3.2.2
    return re.split("[?#]", target, maxsplit=1)[0], host

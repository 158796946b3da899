"""``Answer``: what a request is answered with; ``answer_to`` decides it (RFC 9110)."""

from __future__ import annotations

from typing import Container, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .access import host_objection, page_objection
from .byte_ranges import Span, parse_ranges
from .catalogue import Catalogue, Entry
from .listing import POLICY, listing
from .preconditions import matches, range_applies
from .request import METHODS, NOT_ALLOWED, BadRequest, Request

ACTIVE_TYPES = ("text/html", "application/xhtml+xml", "image/svg+xml", "application/xml")
"""Types whose documents have scripts.  The files of a torrent are not trusted: their scripts must not run as pages of
this server, which may read the other files."""
BOUNDARY = "bittorrent-threads-part"
"""Between the parts of several ranges.  It may be in the data: each part has its length, and readers go by that."""


class Answer(NamedTuple):
    """The status, the header fields and the body of an answer."""

    status: str
    """Status code and its phrase."""
    fields: Dict[str, str]
    """Header fields, ``Content-Length`` included unless the status forbids it."""
    parts: Sequence[Tuple[bytes, Optional[Span]]] = ()
    """The body: bytes, and after them a span of the file."""
    file_index: int = -1
    """Index of the file; -1 if the body has no data of a file."""

    def head(self, *, date: str, keep: bool) -> bytes:
        """Return the head of the answer.

        Args:
            date: The current date, as HTTP writes it.
            keep: The connection is kept.
        """
        fields = {"Date": date, **self.fields, "X-Content-Type-Options": "nosniff"}
        fields["Connection"] = "keep-alive" if keep else "close"
        lines = [f"HTTP/1.1 {self.status}", *[f"{name}: {value}" for name, value in fields.items()], "", ""]
        return "\r\n".join(lines).encode("latin-1")


class Site(NamedTuple):
    """What the server offers, and to which pages."""

    name: str
    """Name of the torrent."""
    catalogue: Optional[Catalogue]
    """Its files; None before its metadata is known."""
    progress: float
    """Share of the torrent that is downloaded, 0 to 1."""
    bound: str
    """Host that the server listens on, as it was given."""
    origins: Container[str]
    """Origins whose pages may use it."""


def answer_to(request: Request, site: Site) -> Answer:
    """Return the answer to a request."""
    objection = host_objection(request.host, site.bound) or page_objection(request.fields, site.origins)
    if objection:
        return message("403 Forbidden", objection)
    answer = _found(request, site)
    origin = request.fields.get("origin")
    if origin is not None:  # it was found to be allowed
        exposed = "Accept-Ranges, Content-Length, Content-Range, ETag"
        own = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": exposed, "Vary": "Origin"}
        answer = answer._replace(fields={**answer.fields, **own})
    return answer._replace(parts=()) if request.method == "HEAD" else answer


def refusal(error: BadRequest) -> Answer:
    """Return the answer to a request that could not be parsed."""
    allow = {"Allow": METHODS} if error.status == NOT_ALLOWED else {}
    return message(error.status, error.reason, **allow)


def message(status: str, text: str, **fields: str) -> Answer:
    """Return an answer that says something to a person.

    Args:
        status: Status code and its phrase.
        text: What it says.
        **fields: Further header fields, with ``_`` for ``-``.
    """
    body = f"{status[4:]}: {text}\n".encode("utf-8", "replace")
    own = {name.replace("_", "-"): value for name, value in fields.items()}
    return _page(status, body, "text/plain; charset=utf-8", own)


def _page(status: str, body: bytes, kind: str, fields: Dict[str, str]) -> Answer:
    own = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store", **fields}
    return Answer(status, own, [(body, None)])


def _found(request: Request, site: Site) -> Answer:
    if site.catalogue is None:
        return message("503 Service Unavailable", "the metadata of the torrent is not known yet", Retry_After="2")
    if request.path == "/":
        page = listing(site.name, site.catalogue.entries, site.progress).encode()
        return _page("200 OK", page, "text/html; charset=utf-8", {"Content-Security-Policy": POLICY})
    entry = site.catalogue.find(request.path)
    if entry is None:
        return message("404 Not Found", "the torrent has no file of this path")
    return _file(request, entry)


def _file(request: Request, entry: Entry) -> Answer:
    """The answer with a file: the preconditions in the order of RFC 9110, section 13.2.2, then the ranges."""
    given = request.fields
    common = {"Accept-Ranges": "bytes", "ETag": entry.tag, "Cache-Control": "no-cache"}
    if entry.type.partition(";")[0] in ACTIVE_TYPES:
        common["Content-Security-Policy"] = "sandbox"
    if "if-match" in given and not matches(given["if-match"], entry.tag, weak=False):
        return message("412 Precondition Failed", "the file has another entity tag")
    if "if-none-match" in given and matches(given["if-none-match"], entry.tag, weak=True):
        return Answer("304 Not Modified", common)
    spans: Optional[List[Span]] = None
    if request.method == "GET" and "range" in given and range_applies(given.get("if-range", entry.tag), entry.tag):
        spans = parse_ranges(given["range"], entry.length)
    if spans is None:
        fields = {**common, "Content-Type": entry.type, "Content-Length": str(entry.length)}
        return Answer("200 OK", fields, [(b"", Span(0, entry.length))], entry.file_index)
    if not spans:
        failure = message("416 Range Not Satisfiable", f"the file has {entry.length} bytes")
        return failure._replace(fields={**failure.fields, "Content-Range": f"bytes */{entry.length}"})
    if len(spans) == 1:
        fields = {**common, "Content-Type": entry.type, "Content-Range": _content_range(spans[0], entry)}
        fields["Content-Length"] = str(spans[0].end - spans[0].begin)
        return Answer("206 Partial Content", fields, [(b"", spans[0])], entry.file_index)
    parts: List[Tuple[bytes, Optional[Span]]] = []
    for span in spans:
        lines = [
            f"--{BOUNDARY}",
            f"Content-Type: {entry.type}",
            f"Content-Range: {_content_range(span, entry)}",
            "",
            "",
        ]
        parts.append((("\r\n" if parts else "").encode() + "\r\n".join(lines).encode("latin-1"), span))
    parts.append((f"\r\n--{BOUNDARY}--\r\n".encode(), None))
    size = sum(len(data) + (span.end - span.begin if span else 0) for data, span in parts)
    fields = {**common, "Content-Type": f"multipart/byteranges; boundary={BOUNDARY}", "Content-Length": str(size)}
    return Answer("206 Partial Content", fields, parts, entry.file_index)


def _content_range(span: Span, entry: Entry) -> str:
    return f"bytes {span.begin}-{span.end - 1}/{entry.length}"

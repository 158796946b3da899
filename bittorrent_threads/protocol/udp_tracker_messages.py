"""The datagrams of UDP trackers: requests are encoded, answers are parsed (BEP 15, and BEP 41 for the path of the URL).

Every answer begins with its action and the transaction id of the request.  Answers may be longer than their fields, as
an extension may add some.

The rule: what is kept of an answer is bounded by it and by ``announce.MAX_PEERS``.  An answer that is shorter than its
fields is None.  opentracker answers so, with the header alone, when a torrent is not in its list.
"""

from __future__ import annotations

import struct
from typing import Iterator, Optional, Tuple, Union
from urllib.parse import urlsplit

from ..text import printable
from . import addresses
from .announce import COMPLETED, MAX_PEERS, STARTED, STOPPED, AnnounceReply, AnnounceRequest
from .scrape import SwarmCounts
from .tracker_reply import MAX_TEXT

CONNECT, ANNOUNCE, SCRAPE, ERROR = range(4)
"""Actions."""
MAX_URL_DATA = 1024
"""Bytes of path and query in an announce: with them it still fits into the least packet of IPv6, 1,280 bytes."""

Datagram = Union[bytes, memoryview]

_MAGIC = 0x41727101980
_EVENTS = {COMPLETED: 1, STARTED: 2, STOPPED: 3}
"""Every other event, such as ``paused`` (BEP 21), is a regular announce here."""
_URL_DATA = 2
"""Option of BEP 41."""
_MAX_OPTION = 255
_MAX_COUNT = 2**63 - 1
_MAX_NUMWANT = 2**31 - 1

_CONNECT_REQUEST = struct.Struct(">QII")
_ANNOUNCE_REQUEST = struct.Struct(">8sII20s20sQQQI4sIiH")
_SCRAPE_REQUEST = struct.Struct(">8sII20s")
_HEADER = struct.Struct(">II")
HEADER_SIZE = _HEADER.size
"""Bytes of action and transaction id."""
_CONNECT_ANSWER = struct.Struct(">II8s")
_ANNOUNCE_ANSWER = struct.Struct(">IIiii")
_SCRAPE_ANSWER = struct.Struct(">IIiii")


def is_answer(datagram: Datagram) -> bool:
    """Return whether a datagram may be the answer of a tracker, by its first bytes; no other protocol begins so."""
    return len(datagram) >= HEADER_SIZE and datagram[:3] == b"\0\0\0" and datagram[3] <= ERROR


def connect_request(transaction: int) -> bytes:
    """Return the request for a connection id."""
    return _CONNECT_REQUEST.pack(_MAGIC, CONNECT, transaction)


def announce_request(request: AnnounceRequest, url_data: bytes, connection: bytes, transaction: int) -> bytes:
    """Return an announce.

    Args:
        request: What to tell the tracker; its ``key`` has hexadecimal digits.
        url_data: Path and query of the tracker's URL (BEP 41), see :func:`url_data_of`.
        connection: The connection id, 8 bytes.
        transaction: The transaction id.
    """
    ip = addresses.pack_host(request.ip) if request.ip else bytes(4)
    fixed = _ANNOUNCE_REQUEST.pack(
        connection,
        ANNOUNCE,
        transaction,
        request.infohash,
        request.peerid,
        min(request.downloaded, _MAX_COUNT),
        min(request.left, _MAX_COUNT),
        min(request.uploaded, _MAX_COUNT),
        _EVENTS.get(request.event, 0),
        ip if len(ip) == 4 else bytes(4),  # the field has no room for an IPv6 address
        int(request.key or "0", 16) & 0xFFFFFFFF,
        min(request.numwant, _MAX_NUMWANT),
        request.port,
    )
    return fixed + b"".join(_options(url_data))


def scrape_request(infohash: bytes, connection: bytes, transaction: int) -> bytes:
    """Return a scrape of one swarm."""
    return _SCRAPE_REQUEST.pack(connection, SCRAPE, transaction, infohash)


def url_data_of(url: str) -> bytes:
    """Return the path and the query of a URL in ASCII, as BEP 41 sends them; empty if it has neither."""
    parts = urlsplit(url)
    return (f"{parts.path}?{parts.query}" if parts.query else parts.path).encode("ascii")


def _options(url_data: bytes) -> Iterator[bytes]:
    for start in range(0, len(url_data), _MAX_OPTION):
        chunk = url_data[start : start + _MAX_OPTION]
        yield bytes((_URL_DATA, len(chunk))) + chunk


def parse_header(datagram: Datagram) -> Optional[Tuple[int, int]]:
    """Return action and transaction id of an answer; None if it is too short."""
    return _HEADER.unpack_from(datagram) if len(datagram) >= HEADER_SIZE else None


def parse_connect(datagram: Datagram) -> Optional[bytes]:
    """Return the connection id, 8 bytes; None if the answer is too short."""
    if len(datagram) < _CONNECT_ANSWER.size:
        return None
    connection: bytes = _CONNECT_ANSWER.unpack_from(datagram)[2]
    return connection


def parse_announce(datagram: Datagram, host: str) -> Optional[AnnounceReply]:
    """Return the reply to an announce; None if it is too short.

    Args:
        datagram: The answer.
        host: Numeric address of the tracker, whose family is that of the peers in the answer.
    """
    if len(datagram) < _ANNOUNCE_ANSWER.size:
        return None
    _, _, interval, leechers, seeds = _ANNOUNCE_ANSWER.unpack_from(datagram)
    size, unpack = addresses.IPV4_SIZE, addresses.unpack_ipv4
    if ":" in host:
        size, unpack = addresses.IPV6_SIZE, addresses.unpack_ipv6
    count = min((len(datagram) - _ANNOUNCE_ANSWER.size) // size, MAX_PEERS)
    packed = bytes(datagram[_ANNOUNCE_ANSWER.size : _ANNOUNCE_ANSWER.size + count * size])
    return AnnounceReply(
        peers=tuple(dict.fromkeys(unpack(packed))),
        interval=_count(interval),
        complete=_count(seeds),
        incomplete=_count(leechers),
        host=host,
    )


def parse_scrape(datagram: Datagram) -> Optional[SwarmCounts]:
    """Return the size of the one swarm that was asked for, unknown if the answer has none; None if it is too short."""
    if len(datagram) < _SCRAPE_ANSWER.size:
        return SwarmCounts() if len(datagram) == HEADER_SIZE else None
    _, _, seeds, downloaded, leechers = _SCRAPE_ANSWER.unpack_from(datagram)
    return SwarmCounts(complete=_count(seeds), incomplete=_count(leechers), downloaded=_count(downloaded))


def parse_error(datagram: Datagram) -> str:
    """Return the reason in an error, at most ``tracker_reply.MAX_TEXT`` printable characters."""
    text = bytes(datagram[HEADER_SIZE : HEADER_SIZE + 4 * MAX_TEXT])
    return printable(text, MAX_TEXT) or "failed without a reason"


def _count(number: int) -> Optional[int]:
    """Return a count; None for a negative one, which some trackers send for what they do not know."""
    return number if number >= 0 else None

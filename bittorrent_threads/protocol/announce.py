"""The values of an announce (BEP 3), and how HTTP carries them: the query of the request, the body of the reply.

``AnnounceRequest`` and ``AnnounceReply`` are the same for every kind of tracker; ``AnnounceRequest.url`` and
``AnnounceReply.parse`` are their form on HTTP.

The rule: the peers of a reply may be a string of compact addresses (BEP 23, and BEP 7 for IPv6), a list of dictionaries
or a list of such strings, whatever form was asked for.  Host names among them are dropped, because a tracker could
otherwise make this machine resolve any name.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple
from urllib.parse import parse_qsl, quote_from_bytes, urlsplit

from . import addresses
from .addresses import Address
from .tracker_reply import TrackerFailure, decode_reply, optional_count, optional_text

STARTED = "started"
STOPPED = "stopped"
COMPLETED = "completed"
PAUSED = "paused"
"""Event of a regular announce of a partial seed (BEP 21)."""
REGULAR = ""
"""No event: a regular announce."""

MAX_PEERS = 2000
"""Addresses kept of one reply: ten times ``Settings.numwant``, so that a large reply cannot fill the peer list."""
MAX_TRACKERID = 1024
"""Bytes of the longest tracker id that is sent back."""

_OUR_FIELDS = frozenset({"info_hash", "peer_id", "port", "uploaded", "downloaded", "left", "event"})


class AnnounceRequest(NamedTuple):
    """One announce, whatever protocol carries it; sizes are bytes of payload."""

    infohash: bytes
    peerid: bytes
    port: int
    uploaded: int
    downloaded: int
    left: int
    event: str = REGULAR
    numwant: int = 50
    key: str = ""
    """Up to eight hexadecimal digits that identify this client after its address changed (BEP 7)."""
    trackerid: bytes = b""
    ip: str = ""
    """Numeric address at which peers can reach us; empty for the one that the tracker sees."""

    def url(self, base: str) -> str:
        """Return the URL that makes this announce by an HTTP GET.

        Args:
            base: URL of the tracker; its own query is kept.
        """
        query = [
            ("info_hash", quote_from_bytes(self.infohash, safe="")),
            ("peer_id", quote_from_bytes(self.peerid, safe="")),
            ("port", self.port),
            ("uploaded", self.uploaded),
            ("downloaded", self.downloaded),
            ("left", self.left),
            ("compact", 1),
            ("numwant", self.numwant),
            ("key", self.key),
            ("event", self.event),
            ("ip", self.ip),
            ("trackerid", quote_from_bytes(self.trackerid, safe="")),
        ]
        return with_query(base, [(name, str(value)) for name, value in query if value != ""])


def url_objection(url: str) -> str:
    """Return why no announce may be sent to the URL of an HTTP tracker; empty if it may.

    A URL that has a field of ours already is an attempt to make us send a request of another meaning, to another kind
    of server or in the name of another client.
    """
    names = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    doubled = sorted(_OUR_FIELDS & names)
    return f"the URL has {', '.join(doubled)} already" if doubled else ""


def with_query(base: str, query: Iterable[Tuple[str, str]]) -> str:
    """Return a URL with fields added to its query, and without its fragment.

    Args:
        base: The URL.
        query: Names and values, quoted already.
    """
    parts = urlsplit(base)
    added = "&".join(f"{name}={value}" for name, value in query)
    query_string = f"{parts.query}&{added}" if parts.query else added
    return parts._replace(path=parts.path or "/", query=query_string, fragment="").geturl()


@dataclasses.dataclass(frozen=True)
class AnnounceReply:
    """The reply to an accepted announce, whatever protocol carried it; None stands for a field that was not sent."""

    peers: Tuple[Address, ...] = ()
    """Addresses of peers, without duplicates; at most ``MAX_PEERS``."""
    interval: Optional[int] = None
    """Seconds until the next regular announce."""
    min_interval: Optional[int] = None
    """Seconds until the next announce without an event is allowed."""
    trackerid: bytes = b""
    """Bytes to send back in later announces; empty if there are none."""
    complete: Optional[int] = None
    """Number of seeds."""
    incomplete: Optional[int] = None
    """Number of leechers."""
    downloaded: Optional[int] = None
    """Number of completed downloads."""
    warning: str = ""
    """Message for the user; empty if there is none."""
    external_ip: str = ""
    """Our numeric address as the tracker sees it (BEP 24); empty if it was not sent."""
    host: str = ""
    """Numeric address of the tracker itself; empty if it is not known."""

    @property
    def named(self) -> int:
        """Number of peers in the reply, without ourselves: many trackers name the peer that asks, too."""
        counted = (self.complete or 0) + (self.incomplete or 0)
        return 0 if len(self.peers) == 1 and counted == 1 else len(self.peers)

    @classmethod
    def parse(cls, body: bytes, *, host: str = "") -> AnnounceReply:
        """Return the reply in the body of an HTTP response.

        Args:
            body: The body, decompressed.
            host: Numeric address that sent it.

        Raises:
            TrackerFailure: The body is no reply, or has a failure reason.
        """
        reply = decode_reply(body)
        trackerid = reply.get(b"tracker id")
        external_ip = reply.get(b"external ip")
        return cls(
            peers=_peers(reply),
            interval=optional_count(reply, b"interval"),
            min_interval=optional_count(reply, b"min interval"),
            trackerid=trackerid if isinstance(trackerid, bytes) and len(trackerid) <= MAX_TRACKERID else b"",
            complete=optional_count(reply, b"complete"),
            incomplete=optional_count(reply, b"incomplete"),
            downloaded=optional_count(reply, b"downloaded"),
            warning=optional_text(reply, b"warning message"),
            external_ip=addresses.unpack_host(external_ip) if isinstance(external_ip, bytes) else "",
            host=host,
        )


def _peers(reply: Dict[bytes, Any]) -> Tuple[Address, ...]:
    peers = reply.get(b"peers", b"")
    if not isinstance(peers, (bytes, list)) and b"peers6" not in reply:
        raise TrackerFailure(f"peers is neither a string nor a list, but {type(peers).__name__}")
    found = [*_addresses(peers, addresses.IPV4_SIZE), *_addresses(reply.get(b"peers6"), addresses.IPV6_SIZE)]
    return tuple(dict.fromkeys(found))[:MAX_PEERS]


def _addresses(peers: object, size: int) -> List[Address]:
    """Return the addresses that can be dialled among peers in any form; ``size`` is bytes of a compact entry."""
    if isinstance(peers, bytes):
        return _unpacked(peers[: min(len(peers) // size, MAX_PEERS) * size], size)
    found: List[Address] = []
    for peer in peers[:MAX_PEERS] if isinstance(peers, list) else ():
        if isinstance(peer, dict):
            found += _address(peer)
        elif isinstance(peer, bytes) and len(peer) in (addresses.IPV4_SIZE, addresses.IPV6_SIZE):
            found += _unpacked(peer, len(peer))
    return found


def _unpacked(packed: bytes, size: int) -> List[Address]:
    return addresses.unpack_ipv4(packed) if size == addresses.IPV4_SIZE else addresses.unpack_ipv6(packed)


def _address(peer: Dict[bytes, Any]) -> List[Address]:
    """Return the address of a peer in the form of a dictionary, in a list; an empty list if it cannot be dialled."""
    host, port = peer.get(b"ip"), optional_count(peer, b"port")
    if not isinstance(host, bytes) or port is None or not 0 < port < 65536:
        return []
    numeric = addresses.numeric_host(host.decode("latin-1"))
    return [(numeric, port)] if numeric else []

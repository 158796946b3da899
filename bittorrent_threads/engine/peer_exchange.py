"""Peer exchange on one connection (BEP 11): tells the peer of our other peers, and lists those that it tells of.

What a peer can cost: a message of at most 16 KiB is decoded every 45 seconds (``swarm.pex_limit``), its addresses enter
by the gate with the share of their source, and what is sent does not depend on what comes.  Private torrents have no
row of this extension, so nothing is told or taken there (BEP 27).
"""

from __future__ import annotations

from typing import Dict, Optional, Sequence

from .. import address_scope
from ..net.interfaces import Address
from ..protocol import pex
from ..protocol.extension_table import Extension, ExtensionHandler, Send
from ..swarm import pex_news
from ..swarm.pex_limit import PexLimit
from ..swarm.pex_news import PexNews
from ..swarm.source_shares import Source
from .connection import Connection

LOCAL_ID = 1
HOLEPUNCH = "ut_holepunch"
"""An extension that this library does not have, but tells of."""


class PeerExchange(ExtensionHandler):
    """The handler of ``ut_pex``.

    Args:
        connection: The connection with the peer.
        send: Sends it a payload.
    """

    def __init__(self, connection: Connection, send: Send) -> None:
        self._connection = connection
        self._send = send
        self._news = PexNews(connection.host.network.now())
        self._limit = PexLimit(connection.address[0])
        self._seen = 0
        """The changes of our peers up to which this one was told everything."""

    def receive(self, payload: bytes, now: float) -> str:
        """List the contacts of the peer; what it dropped stays listed, as we may reach it all the same."""
        torrent, teller = self._connection.host, self._connection.address[0]
        found, objection = self._limit.take(payload, now, seeds=not torrent.full)
        if found:
            torrent.learn(found, Source.PEX, teller=teller)
        return objection

    def tick(self, now: float) -> None:
        """Tell the peer what is new, at most once a minute."""
        host = self._connection.host
        peers = host.peers
        if peers.changes == self._seen or not self._news.due(now, pex_news.interval(len(peers), host.limits.upload)):
            return
        # Another connection may have taken over the stream of this one when the metadata came.
        stream = self._connection.stream
        seed = any(peer.stream is stream and flags(peer) & pex.SEED for peer in peers)
        contacts = self._contacts([peer for peer in peers if peer.stream is not stream])
        message = self._news.message(contacts, now, seeds=not seed)
        if message is None:
            self._seen = peers.changes
        else:
            self._send(message.encode())

    def _contacts(self, others: Sequence[Connection]) -> Dict[Address, int]:
        """The other peers that this one may know, by the address at which each listens, and their flags."""
        viewer = self._connection.address[0]
        found: Dict[Address, int] = {}
        for other in others:
            address = _listening(other)
            if address is not None and address_scope.reachable_from(address[0], viewer):
                found[address] = found.get(address, 0) | flags(other)
        return found


def _listening(connection: Connection) -> Optional[Address]:
    """Where a peer listens; None if that is not known, or depends on an interface of ours (IPv6 zone)."""
    host, port = connection.address[0], connection.listening if connection.incoming else connection.address[1]
    return (host, port) if port and "%" not in host else None


def flags(connection: Connection) -> int:
    """Return what BEP 11 tells of a contact; no connection is over uTP yet."""
    _, seed, *_ = connection.exchanged()
    return (
        (pex.PREFERS_ENCRYPTION if connection.prefers_encryption else 0)
        | (pex.SEED if seed or connection.upload_only else 0)
        | (pex.HOLEPUNCH if HOLEPUNCH in connection.extensions.ids else 0)
        | (0 if connection.incoming else pex.OUTGOING)
    )


PEER_EXCHANGE: Extension[Connection] = Extension(
    pex.NAME, LOCAL_ID, pex.MAX_PAYLOAD, private=False, handler=PeerExchange
)

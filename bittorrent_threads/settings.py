"""Settings of a session: every limit, budget and time that a user may change.

A ``Settings`` is immutable; ``settings.replace(port=6881)`` returns a changed copy.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any, Tuple, Union

from .errors import SettingsError

MIB = 1024 * 1024
NAMES = ("portable", "native")
"""Values of ``names``."""
MOST = 2**62
"""Largest value of a setting; twice as much fits into the 64-bit integers of system calls."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Limits, budgets and times of a session.

    Sizes are bytes, times seconds, rates bytes a second.  0 is "no limit" for the two rate limits, "any port" for
    ``port`` and "the listening port" for ``announce_port``; other numbers must be above 0.

    Raises:
        SettingsError: If a value has the wrong type or is out of its range.
    """

    # -- listening and dialling ------------------------------------------------------------------------------------
    port: int = 0
    """Listening port; 0 lets the system choose one."""
    host: str = ""
    """Address to listen on, and from which connections and datagrams of its family leave; empty for all addresses, IPv4
    and IPv6 if the machine has them.  From a loopback address only connections to this machine leave."""
    port_strict: bool = False
    """Raise ListenError if ``port`` is in use; if false, try the next ten ports, then any."""
    max_connections: int = 200
    """Connections of the whole session, also before the end of the handshake; lowered to what RLIMIT_NOFILE allows."""
    max_connections_per_torrent: int = 100
    """Connections of one torrent."""
    max_connections_per_host: int = 4
    """Connections of one torrent to one host, or to one /64 network of IPv6, that are kept when the limits above are
    reached and other peers wait.  Below those limits a host may have more.  This machine may always have more."""
    max_half_open: int = 25
    """Connections of the session that are being made at once."""
    connect_rate: float = 30.0
    """New outgoing connections of the session a second."""
    connect_timeout: float = 15.0
    """Seconds to establish a connection."""
    handshake_timeout: float = 10.0
    """Seconds from the established connection to the end of the peer's handshake."""
    idle_timeout: float = 120.0
    """Seconds of silence after which a connection is closed; two minutes in BEP 3."""
    keepalive_interval: float = 100.0
    """Seconds without a message to a peer after which a keep-alive is sent; less than the two minutes of BEP 3."""
    progress_timeout: float = 60.0
    """Seconds in which a message must be complete after its first byte, or in which 4 KiB of it must arrive.  Time in
    which a rate limit of this session delays it does not count."""

    # -- rates -----------------------------------------------------------------------------------------------------
    download_limit: int = 0
    """Bytes a second received from all peers; 0 for no limit."""
    upload_limit: int = 0
    """Bytes a second sent to all peers; 0 for no limit."""

    # -- requests --------------------------------------------------------------------------------------------------
    min_requests: int = 64
    """Blocks requested from a peer at the start.  Fewer are requested from a peer that turns out to be slow, and at a
    low rate limit."""
    max_requests: int = 2000
    """Most blocks requested from a peer at once; never more than the ``reqq`` of the peer (BEP 10)."""
    request_queue_time: float = 3.0
    """Seconds that the requests sent to a peer should last at its rate."""
    request_timeout: float = 20.0
    """Seconds that a peer may have requests without sending a block; then it is snubbed, and its blocks are requested
    from others."""
    reqq: int = 2000
    """Requests of a peer that are queued (``reqq`` of BEP 10); more are rejected, or the peer is closed."""

    # -- choking ---------------------------------------------------------------------------------------------------
    upload_slots: int = 8
    """Peers of one torrent that are unchoked at once, the optimistic unchoke included.  Fewer, but at least two, if
    ``upload_limit`` gives each of them less than a block in 5 s."""
    choke_interval: float = 10.0
    """Seconds between two choices of the unchoked peers (BEP 3)."""
    optimistic_interval: float = 30.0
    """Seconds of an optimistic unchoke (BEP 3)."""

    # -- memory ----------------------------------------------------------------------------------------------------
    piece_memory: int = 64 * MIB
    """Bytes of pieces that are being received or wait for the disk; above it no further piece is begun."""
    receive_buffer: int = 4 * MIB
    """Bytes read from a socket by one system call, into memory that all sockets share."""
    send_high_water: int = 1 * MIB
    """Bytes that wait to be sent to a peer, above which no block is read from disk for it."""
    event_queue_size: int = 2000
    """Events kept for a client whose events are not taken."""
    max_metainfo_size: int = 32 * MIB
    """Bytes of the largest ``.torrent`` file that is read; the largest public ones have 15 MB."""
    max_metadata_size: int = 8 * MIB
    """Bytes of the largest metadata that is taken from peers for a magnet link, and the most that is held of it before
    its hash is known to be right; the largest public ones have 4.3 MB.  ``max_metainfo_size`` limits it too."""

    # -- disk ------------------------------------------------------------------------------------------------------
    disk_threads: int = 2
    """Threads that read, write and hash; one more is reserved for blocks that peers request."""
    max_open_files: int = 64
    """Files kept open, for the session; lowered to a quarter of RLIMIT_NOFILE."""
    sync_interval: float = 30.0
    """Longest time in seconds until a finished piece is synced and recorded in the resume data."""
    sync_at_close: bool = False
    """Stop and close only when all data is on the disk.  If false, data that cannot be written in 0.1 s is left to the
    page cache of the system, if that is known to outlive the process (Linux 5.15, local disks): the resume data names
    it, and it is hashed at the next start if the system was started anew since."""
    overwrite: bool = False
    """Overwrite a file that has the name of a file of the torrent and other content; if false, it stops the torrent."""
    disk_retry_interval: float = 10.0
    """Seconds of the first pause after a write failed; each further pause is twice as long."""
    disk_retry_max: float = 600.0
    """Seconds of the longest such pause."""
    names: str = "portable"
    """What a new file is called whose name in the torrent is not valid on every system.  ``portable`` replaces the name
    by a valid one, ``native`` keeps it if the file system allows.  Existing files are used under either name."""

    # -- trackers --------------------------------------------------------------------------------------------------
    numwant: int = 200
    """Peers requested from a tracker (BEP 3)."""
    announce_to_all: bool = False
    """Announce to every tracker of every tier; if false, while peers are wanted to each tier until a tracker of it
    returns peers, and otherwise to one tracker in all (BEP 12)."""
    announce_port: int = 0
    """Port told to trackers and peers, if a router forwards it to the listening port; 0 for the listening port."""
    announce_ip: str = ""
    """Numeric address told to trackers as ``ip`` (BEP 3), which many ignore; empty for none."""
    announce_min_interval: float = 60.0
    """Least seconds between two regular announces, whatever the tracker says."""
    announce_max_interval: float = 7200.0
    """Most seconds between two regular announces."""
    announce_timeout: float = 30.0
    """Seconds of one announce in all, from the name lookup through redirects to the end of the answer.  A request to a
    UDP tracker that is not answered is sent again after 15 s, 45 s and so on until then (BEP 15)."""
    stop_announce_timeout: float = 3.0
    """Seconds that closing waits for the answers to the ``stopped`` announces."""
    lookup_threads: int = 4
    """Most threads for name lookups and requests to trackers.  Threads that wait for longer than a second do not
    count, up to eight times as many."""
    allow_private_trackers: bool = True
    """Announce to trackers at loopback, link-local and private addresses.  A redirect from a public address to such an
    address is always refused, as a torrent could make the client send requests into its own network (SSRF)."""
    check_tracker_paths: bool = True
    """Request only paths that begin with ``/announce`` or ``/scrape`` from trackers at such addresses (SSRF), and send
    nothing to a UDP tracker there whose port is below 1024, unless the program itself names the tracker:
    ``Client(..., trackers=...)``, ``add_trackers``, ``create``."""
    user_agent: str = ""
    """User-Agent of HTTP requests, and ``v`` of BEP 10; empty for the name and version of the library."""

    # -- DHT -------------------------------------------------------------------------------------------------------
    dht: bool = True
    """Look for peers in the DHT, and announce there (BEP 5), for torrents that are not private."""
    dht_routers: Tuple[Tuple[str, int], ...] = (
        ("dht.libtorrent.org", 25401),
        ("dht.transmissionbt.com", 6881),
        ("router.bittorrent.com", 6881),
        ("router.utorrent.com", 6881),
    )
    """Nodes that are asked while no other is known, as host and UDP port; a session that listens on a loopback address
    resolves no names of nodes."""
    dht_read_only: bool = False
    """Ask other nodes, and answer none (BEP 43): for a machine with little time or traffic to spare."""
    dht_state: str = ""
    """File in which the nodes of the DHT are kept from one session to the next, and which is made if it does not exist;
    empty for none.  It is written every 15 minutes and at the end."""

    # -- peers -----------------------------------------------------------------------------------------------------
    max_peer_list: int = 3000
    """Addresses remembered for one torrent."""
    pex: bool = True
    """Exchange addresses with connected peers (BEP 11); never for private torrents."""
    local_discovery: bool = True
    """Announce torrents in the local network by multicast, and find their peers there (BEP 14); never private ones."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value: Any = getattr(self, field.name)
            kind: Any = type(field.default)
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                object.__setattr__(self, field.name, float(value))
                value = float(value)
            if type(value) is not kind:
                raise SettingsError(field.name, f"must be {kind.__name__}, not {type(value).__name__}")
            if kind in (int, float):
                least: float = 0 if field.name in _ZERO_ALLOWED else 1 if kind is int else 1e-3
                most: float = 65535 if field.name in ("port", "announce_port") else MOST
                if not least <= value <= most:
                    raise SettingsError(field.name, f"must be {least} to {most}, not {value}")
        if self.names not in NAMES:
            raise SettingsError("names", f"must be {' or '.join(NAMES)}, not {self.names!r}")
        for router in self.dht_routers:
            if not _is_node(router):
                raise SettingsError("dht_routers", f"must be pairs of a host and a port, not {router!r}")
        if self.announce_ip:
            try:
                ipaddress.ip_address(self.announce_ip.replace("%", "/"))  # no zone: it means nothing elsewhere
            except ValueError:
                raise SettingsError("announce_ip", f"must be a numeric address, not {self.announce_ip!r}") from None

    def replace(self, **changes: Union[int, float, str, Tuple[Tuple[str, int], ...]]) -> Settings:
        """Return a copy with some settings changed.

        Args:
            **changes: New values by the name of the setting.

        Raises:
            SettingsError: If there is no such setting, or as the constructor.
        """
        known = {field.name for field in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise SettingsError(name, "is not a setting")
        return Settings(**{**dataclasses.asdict(self), **changes})


def _is_node(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    host, port = value
    return isinstance(host, str) and bool(host) and isinstance(port, int) and 0 < port < 65536


_ZERO_ALLOWED = frozenset({"port", "announce_port", "download_limit", "upload_limit"})

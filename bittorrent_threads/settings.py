"""Settings of a session: every limit, budget and time that a user may change, with its unit and its source.

A ``Settings`` is immutable; ``Settings(...).replace(port=6881)`` gives another.  0 means "no limit" for the rate
limits and nowhere else.  "limits" below is the table of attacks and limits the defaults were chosen from.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from .errors import SettingsError

KIB = 1024
MIB = 1024 * 1024
NAMES = ("portable", "native")
"""Values of ``names``."""
MOST = 2**62
"""Largest value of a setting: far above any sense, and small enough for every computation."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Limits, budgets and times of a session.

    Sizes are bytes, times seconds, rates bytes a second.  Raises :class:`SettingsError` for a value out of range.
    """

    # -- listening and dialling --------------------------------------------------------------------------------
    port: int = 0
    """Listening port; 0 lets the system choose one."""
    host: str = ""
    """Address to listen on; empty means every interface, IPv4 and IPv6 where the machine has them."""
    port_strict: bool = False
    """True: a taken ``port`` raises ListenError.  False: the next ten ports are tried, then any."""
    max_connections: int = 200
    """Peers of the whole session, handshakes included; lowered to what RLIMIT_NOFILE allows."""
    max_connections_per_torrent: int = 100
    """Peers of one torrent."""
    max_connections_per_host: int = 4
    """Peers of one torrent at one host, or in one /64 network of IPv6, that stay when others find no room.

    While there is room, a host may have more; this machine always may.
    """
    max_half_open: int = 25
    """Dials of one session under way at once."""
    connect_rate: float = 30.0
    """New dials a second, for the session."""
    connect_timeout: float = 15.0
    """From the dial to the established connection."""
    handshake_timeout: float = 10.0
    """From the established connection to the end of the peer's handshake; absolute, a dripping peer gains nothing."""
    idle_timeout: float = 120.0
    """Silence after which a peer is closed (BEP 3: two minutes)."""
    keepalive_interval: float = 100.0
    """Our own silence after which a keep-alive is sent; below the two minutes peers allow."""
    progress_timeout: float = 60.0
    """A message that has begun must be complete after this long, or 4 KiB of it have come.

    Time in which a limit of ours keeps it from being read does not count.
    """

    # -- rates ---------------------------------------------------------------------------------------------------
    download_limit: int = 0
    """Bytes a second received by all peers; 0 for no limit."""
    upload_limit: int = 0
    """Bytes a second sent to all peers; 0 for no limit."""

    # -- requests ------------------------------------------------------------------------------------------------
    min_requests: int = 64
    """Blocks asked of a peer at the start; of one that turns out slow, and under a low limit, fewer."""
    max_requests: int = 2000
    """Most blocks asked of a peer at once, below the peer's own ``reqq`` (BEP 10)."""
    request_queue_time: float = 3.0
    """Seconds of a peer's rate that its pipeline is filled to."""
    request_timeout: float = 20.0
    """Longest a peer may hold requests without sending any block; then it is snubbed and others are asked."""
    reqq: int = 2000
    """Requests of a peer we queue (BEP 10 ``reqq``); more are rejected, or the peer is closed."""

    # -- choking -------------------------------------------------------------------------------------------------
    upload_slots: int = 8
    """Peers of one torrent unchoked at once, the optimistic one included.

    Fewer, and two at least, where ``upload_limit`` gives each less than a block in 5 s.
    """
    choke_interval: float = 10.0
    """Time between two choices (BEP 3)."""
    optimistic_interval: float = 30.0
    """How long the optimistic unchoke stays on one peer (BEP 3)."""

    # -- memory --------------------------------------------------------------------------------------------------
    piece_memory: int = 64 * MIB
    """Bytes of pieces being received or waiting for the disk; over it no other piece is begun."""
    receive_buffer: int = 4 * MIB
    """Bytes taken from a socket by one system call, into memory that all sockets share."""
    send_high_water: int = 1 * MIB
    """Bytes waiting to be sent to a peer above which nothing is read from disk for it."""
    event_queue_size: int = 2000
    """Events kept for a consumer that does not take them."""
    max_metainfo_size: int = 32 * MIB
    """Largest .torrent file read; the largest public ones have 15 MB."""

    # -- disk ----------------------------------------------------------------------------------------------------
    disk_threads: int = 2
    """Worker threads for files and hashes."""
    max_open_files: int = 64
    """File handles kept open, for the session; lowered to a quarter of RLIMIT_NOFILE."""
    sync_interval: float = 30.0
    """Longest time that a finished piece is not synced and remembered (limits: kill -9, power loss)."""
    overwrite: bool = False
    """True: a file that has the name of a torrent's and nothing of it is overwritten.  False: it stops the torrent."""
    disk_retry_interval: float = 10.0
    """First pause after a write failed; doubled up to ``disk_retry_max``."""
    disk_retry_max: float = 600.0
    """Longest pause between two tries to write."""

    names: str = "portable"
    """What a file is called whose name in the torrent is not valid on every system.

    ``portable``: by a name that is; ``native``: by its own, if the file system stores that.  A file that is there
    already is used under either name.
    """

    # -- trackers ------------------------------------------------------------------------------------------------
    numwant: int = 200
    """Peers asked of a tracker (BEP 3)."""
    announce_to_all: bool = False
    """True announces to every tracker of every tier at its interval; False while peers are wanted to each tier, and in
    it to the first tracker that names any, and otherwise to one in all (BEP 12)."""
    announce_port: int = 0
    """Port told to trackers and peers, where a router forwards it to ours; 0 for the listening port."""
    announce_ip: str = ""
    """Numeric address told to trackers as ``ip`` (BEP 3), which many ignore; empty for that of the connection."""
    announce_min_interval: float = 60.0
    """Least time between two regular announces, whatever the tracker says."""
    announce_max_interval: float = 7200.0
    """Most time between two regular announces."""
    announce_timeout: float = 30.0
    """One announce in all: name, connection, redirects and body."""
    stop_announce_timeout: float = 3.0
    """How long closing waits for the ``stopped`` announces."""
    lookup_threads: int = 4
    """Most threads for names and HTTP requests, on demand; slow ones do not count, up to eight times as many."""
    allow_private_trackers: bool = True
    """False refuses trackers that resolve to loopback, link-local or private addresses (SSRF).

    A redirect from a public address to such a one is refused in any case.
    """
    check_tracker_paths: bool = True
    """True asks a tracker at such an address only for paths that begin with ``/announce`` or ``/scrape`` (SSRF).

    Trackers that the program itself names (``Client(..., trackers=...)``, ``create``) are asked for any path.
    """
    user_agent: str = ""
    """User-Agent of HTTP requests and ``v`` of BEP 10; empty for the library's own."""

    # -- peers ---------------------------------------------------------------------------------------------------
    max_peer_list: int = 3000
    """Addresses remembered for one torrent."""

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
        if self.announce_ip:
            try:
                ipaddress.ip_address(self.announce_ip.replace("%", "/"))  # no zone: it means nothing elsewhere
            except ValueError:
                raise SettingsError("announce_ip", f"must be a numeric address, not {self.announce_ip!r}") from None

    def replace(self, **changes: Any) -> Settings:
        """These settings with some changed; raises :class:`SettingsError` as the constructor does."""
        known = {field.name for field in dataclasses.fields(self)}
        for name in changes:
            if name not in known:
                raise SettingsError(name, "is not a setting")
        return dataclasses.replace(self, **changes)


_ZERO_ALLOWED = frozenset({"port", "announce_port", "download_limit", "upload_limit"})

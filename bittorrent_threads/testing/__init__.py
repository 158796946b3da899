"""A test kit for applications that embed the library: trackers, seeders, bad peers, links and whole swarms.

Everything runs on loopback or in virtual time, and needs no network.  The library's own tests use the same parts.  As
context managers:

    >>> from bittorrent_threads import testing
    >>> with testing.swarm(4, testing.SampleTorrent({"a.bin": 300_000}, piece_length=32_768)) as swarm:
    ...     swarm.wait()

and as fixtures of pytest, which finds ``pytest_plugin`` by itself: ``bt_settings``, ``bt_quiet``, ``bt_sample``,
``bt_torrent``, ``bt_tracker``, ``bt_seeder``, ``bt_swarm``, ``bt_world`` and ``bt_no_leaks``.

    sample_torrent          SampleTorrent: generated files of given sizes, and their .torrent
    temporary_torrents      temporary_torrent: a sample on the disk
    tracker                 Tracker: HTTP and UDP; loses, delays, repeats, garbles and refuses on demand
    tracker_faults          what it does wrong, request by request
    seeders                 seeder: a client with all data
    swarms                  swarm: N clients and a tracker
    plain_seeder            PlainSeeder: a seeder on plain sockets, which a subclass makes misbehave
    bad_seeders             CorruptSeeder ChokingSeeder SilentSeeder OneByteSeeder SlowSeeder
    lying_peer              LyingPeer: a peer that sends any bytes
    peer_messages           message and handshake: bytes for it to send
    relay                   Relay: a link with a round-trip delay and a rate
    quiet                   quiet_settings and quiet_defaults: sessions that speak to no stranger
    leaks                   no_leaks: threads, sockets and files are closed
    simulated_world         SimulatedWorld: a whole swarm in virtual time, by the classes in ``simulation``
    pytest_plugin           the fixtures
    bencode loopback_server what several of these need

The rules:

- What runs, runs inside a ``with`` block, and ends with the block in bounded time, whatever the other end does.
- Every wait has a time limit, and says at its end what it waited for.
- It is the top layer but the command line: it may use every other one, and none imports it.  Names are imported when
  they are first used, and only ``pytest_plugin`` imports pytest.
- The names above are stable.  ``testing.simulation`` implements the ports of the engine, and changes with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

from ..lazy_names import lazy_names

if TYPE_CHECKING:
    __all__: List[str]
    from .bad_seeders import ChokingSeeder as ChokingSeeder
    from .bad_seeders import CorruptSeeder as CorruptSeeder
    from .bad_seeders import OneByteSeeder as OneByteSeeder
    from .bad_seeders import SilentSeeder as SilentSeeder
    from .bad_seeders import SlowSeeder as SlowSeeder
    from .leaks import no_leaks as no_leaks
    from .lying_peer import HungUp as HungUp
    from .lying_peer import LyingPeer as LyingPeer
    from .peer_messages import handshake as handshake
    from .peer_messages import message as message
    from .plain_seeder import PlainSeeder as PlainSeeder
    from .quiet import quiet_defaults as quiet_defaults
    from .quiet import quiet_settings as quiet_settings
    from .relay import Relay as Relay
    from .sample_torrent import SampleTorrent as SampleTorrent
    from .seeders import seeder as seeder
    from .simulated_world import SimulatedClient as SimulatedClient
    from .simulated_world import SimulatedWorld as SimulatedWorld
    from .simulation.world import Stuck as Stuck
    from .swarms import Swarm as Swarm
    from .swarms import swarm as swarm
    from .temporary_torrents import TemporaryTorrent as TemporaryTorrent
    from .temporary_torrents import temporary_torrent as temporary_torrent
    from .tracker import Tracker as Tracker
else:
    __all__, __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "bad_seeders": ("ChokingSeeder", "CorruptSeeder", "OneByteSeeder", "SilentSeeder", "SlowSeeder"),
            "leaks": ("no_leaks",),
            "lying_peer": ("HungUp", "LyingPeer"),
            "peer_messages": ("handshake", "message"),
            "plain_seeder": ("PlainSeeder",),
            "quiet": ("quiet_defaults", "quiet_settings"),
            "relay": ("Relay",),
            "sample_torrent": ("SampleTorrent",),
            "seeders": ("seeder",),
            "simulated_world": ("SimulatedClient", "SimulatedWorld"),
            "simulation.world": ("Stuck",),
            "swarms": ("Swarm", "swarm"),
            "temporary_torrents": ("TemporaryTorrent", "temporary_torrent"),
            "tracker": ("Tracker",),
        },
    )

"""A test kit for applications that embed the library: trackers, seeders, bad peers, links and whole swarms.

Everything runs on loopback or in virtual time, and needs no network.  The library's own tests use the same parts.  As
context managers::

    from bittorrent_threads import testing

    with testing.swarm(4, testing.SampleTorrent({"a.bin": 300_000}, piece_length=32_768)) as swarm:
        swarm.wait()

and as fixtures of pytest, which finds ``pytest_plugin`` by itself: ``bt_settings``, ``bt_quiet``, ``bt_sample``,
``bt_torrent``, ``bt_tracker``, ``bt_seeder``, ``bt_swarm``, ``bt_world`` and ``bt_no_leaks``.

===========================  =========================================================================================
``SampleTorrent``            generated files of given sizes and their .torrent; ``temporary_torrent``: on the disk
``Tracker``                  a tracker for HTTP and UDP that loses, delays, repeats, garbles and refuses on demand
``seeder``, ``swarm``        clients of the library with all data; N clients and a tracker
``PlainSeeder``              a seeder on plain sockets; the base of ``CorruptSeeder``, ``ChokingSeeder``,
                             ``SilentSeeder``, ``OneByteSeeder`` and ``SlowSeeder``
``LyingPeer``                a peer that sends any bytes, with the functions ``message`` and ``handshake``
``Relay``                    a link with a round-trip delay and a rate
``quiet_settings``           settings of a session that speaks to no stranger; ``quiet_defaults`` for a whole program
``no_leaks``                 a check that threads, sockets and files are closed
``SimulatedWorld``           a whole swarm in virtual time
===========================  =========================================================================================

The rules:

- What runs, runs inside a ``with`` block, and ends with the block in bounded time, whatever the other end does.
- Every wait has a time limit, and says at its end what it waited for.
- It is the top layer: it may use every other one, and none imports it.  Names are imported when they are first used,
  and only ``pytest_plugin`` imports pytest.
- The names above are stable.  ``testing.simulation`` behind ``SimulatedWorld`` implements the ports of the engine, and
  changes with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, List

if TYPE_CHECKING:
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

_WHERE = {
    "ChokingSeeder": "bad_seeders",
    "CorruptSeeder": "bad_seeders",
    "HungUp": "lying_peer",
    "LyingPeer": "lying_peer",
    "OneByteSeeder": "bad_seeders",
    "PlainSeeder": "plain_seeder",
    "Relay": "relay",
    "SampleTorrent": "sample_torrent",
    "SilentSeeder": "bad_seeders",
    "SimulatedClient": "simulated_world",
    "SimulatedWorld": "simulated_world",
    "SlowSeeder": "bad_seeders",
    "Stuck": "simulation.world",
    "Swarm": "swarms",
    "TemporaryTorrent": "temporary_torrents",
    "Tracker": "tracker",
    "handshake": "peer_messages",
    "message": "peer_messages",
    "no_leaks": "leaks",
    "quiet_defaults": "quiet",
    "quiet_settings": "quiet",
    "seeder": "seeders",
    "swarm": "swarms",
    "temporary_torrent": "temporary_torrents",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> object:
    import importlib

    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f".{where}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> List[str]:
    return sorted({*globals(), *__all__})

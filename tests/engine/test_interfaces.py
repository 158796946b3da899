"""What comes from outside has the methods of the interfaces, real and simulated alike, with the same parameters."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, List, Tuple

import pytest
from support.scrambled import Scrambled

from bittorrent_threads.disk.disk import Disk
from bittorrent_threads.disk.metadata_file import StoredMetadata
from bittorrent_threads.disk.storage import Storage
from bittorrent_threads.engine import interfaces
from bittorrent_threads.engine.early_peer import EarlyPeer
from bittorrent_threads.engine.handshaker import Handshaker
from bittorrent_threads.engine.http_tracker import HttpTracker
from bittorrent_threads.engine.interfaces import disk, event_dispatcher, lookups, network, storage, tracker_client
from bittorrent_threads.engine.peer import Peer
from bittorrent_threads.engine.tracker_clients import TrackerClients
from bittorrent_threads.engine.udp_tracker import UdpTrackerClient
from bittorrent_threads.event_dispatcher import EventDispatcher
from bittorrent_threads.net.datagram import UdpSocket
from bittorrent_threads.net.interfaces import DatagramSocket, StreamHandler
from bittorrent_threads.net.interfaces import MulticastSocket as MulticastPort
from bittorrent_threads.net.listener import TcpListener
from bittorrent_threads.net.lookups import Lookups
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.multicast import MulticastSocket
from bittorrent_threads.net.receive_pool import ReceivePool
from bittorrent_threads.net.stream import TcpStream
from bittorrent_threads.net.timers import Timer
from bittorrent_threads.net.transport import Transport
from bittorrent_threads.swarm.buffer_pool import Lender
from bittorrent_threads.testing.simulation.datagram import SimUdpSocket
from bittorrent_threads.testing.simulation.disk import SimDisk
from bittorrent_threads.testing.simulation.lookups import SimLookups
from bittorrent_threads.testing.simulation.metadata import SimMetadataStore
from bittorrent_threads.testing.simulation.multicast import SimMulticastSocket
from bittorrent_threads.testing.simulation.network import SimListener, SimNetwork
from bittorrent_threads.testing.simulation.recorder import Recorder
from bittorrent_threads.testing.simulation.storage import SimStorage
from bittorrent_threads.testing.simulation.stream import SimStream
from bittorrent_threads.testing.simulation.world import Event

MODULES = (disk, event_dispatcher, lookups, network, storage, tracker_client)
PAIRS: List[Tuple[type, type]] = [
    (network.Network, Loop),
    (network.Network, SimNetwork),
    (Lender, ReceivePool),
    (network.Stream, TcpStream),
    (network.Stream, SimStream),
    (DatagramSocket, UdpSocket),
    (DatagramSocket, SimUdpSocket),
    (MulticastPort, MulticastSocket),
    (MulticastPort, SimMulticastSocket),
    (Transport, Scrambled),
    (network.Listener, TcpListener),
    (network.Listener, SimListener),
    (network.Timer, Timer),
    (network.Timer, Event),
    (disk.Disk, Disk),
    (disk.Disk, SimDisk),
    (disk.MetadataStore, StoredMetadata),
    (disk.MetadataStore, SimMetadataStore),
    (storage.Storage, Storage),
    (storage.Storage, SimStorage),
    (lookups.Lookups, Lookups),
    (lookups.Lookups, SimLookups),
    (event_dispatcher.EventDispatcher, EventDispatcher),
    (event_dispatcher.EventDispatcher, Recorder),
    (tracker_client.TrackerClient, HttpTracker),
    (tracker_client.TrackerClient, TrackerClients),
    (tracker_client.TrackerClient, UdpTrackerClient),
    (StreamHandler, Handshaker),
    (StreamHandler, EarlyPeer),
    (StreamHandler, Peer),
]


def methods(interface: type) -> List[str]:
    """The names of the methods that an interface declares."""
    return [name for name, value in vars(interface).items() if inspect.isfunction(value) and not name.startswith("_")]


def shape(function: Any) -> List[Tuple[str, Any, bool]]:
    """Name, kind and whether there is a default, of each parameter."""
    parameters = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default is not each.empty) for each in parameters]


def objections(interface: type, kind: type) -> List[str]:
    """What a class lacks to be what the interface says."""
    found = []
    for name in methods(interface):
        method = getattr(kind, name, None)
        if method is None:
            found.append(f"{kind.__name__} has no {name}")
        elif shape(method) != shape(getattr(interface, name)):
            signatures = (inspect.signature(method), inspect.signature(getattr(interface, name)))
            found.append(f"{kind.__name__}.{name}{signatures[0]} where the interface says {signatures[1]}")
    return found


@pytest.mark.parametrize(
    ("interface", "kind"), PAIRS, ids=lambda each: f"{each.__module__.rpartition('.')[2]}.{each.__name__}"
)
def test_every_method_of_the_interface_is_there(interface: type, kind: type) -> None:
    assert methods(interface)
    assert objections(interface, kind) == []


def test_a_missing_method_and_another_parameter_are_found() -> None:
    class Wrong:
        def now(self, zone: str) -> float:
            return 0.0

    found = objections(network.Network, Wrong)
    assert "Wrong has no call_later" in found
    assert any(each.startswith("Wrong.now(self, zone") for each in found)


@pytest.mark.parametrize("kind", [TcpStream, SimStream])
def test_streams_have_the_fields_of_the_interface(kind: type) -> None:
    source = inspect.getsource(kind.__init__)  # type: ignore[misc]
    assert {name for name in network.Stream.__annotations__ if f"self.{name}" not in source} == set()
    assert "self.backlog" in source or isinstance(vars(kind).get("backlog"), property)


def test_every_interface_is_tested() -> None:
    declared = {
        value
        for module in MODULES
        for value in vars(module).values()
        if getattr(value, "_is_protocol", False) and value.__module__ == module.__name__
    }
    assert {interface for interface, _ in PAIRS} >= declared
    assert {path.stem for path in Path(interfaces.__path__[0]).glob("*.py")} == {"__init__"} | {
        module.__name__.rpartition(".")[2] for module in MODULES
    }

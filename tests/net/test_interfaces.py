from __future__ import annotations

from typing import Type

import pytest

from bittorrent_threads.engine import interfaces as engine_interfaces
from bittorrent_threads.net import interfaces, lookups, selection
from bittorrent_threads.net.datagram import UdpSocket
from bittorrent_threads.net.listener import ListeningSocket, TcpListener
from bittorrent_threads.net.lookups import Lookups
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.stream import TcpStream
from bittorrent_threads.net.timers import Timer
from bittorrent_threads.net.wakeup import Wakeup
from bittorrent_threads.settings import Settings


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [
        *(
            (interfaces.EventLoop, Loop),
            (selection.Selectable, ListeningSocket),
            (selection.Selectable, Wakeup),
            (interfaces.Flushable, TcpStream),
            (interfaces.Flushable, UdpSocket),
        ),
        *(
            (engine_interfaces.Network, Loop),
            (engine_interfaces.Stream, TcpStream),
            (engine_interfaces.Listener, TcpListener),
            (engine_interfaces.Timer, Timer),
        ),
        (engine_interfaces.Lookups, Lookups),
    ],
)
def test_everything_asked_for_is_there(protocol: Type[object], kind: Type[object]) -> None:
    methods = {name for name in vars(protocol) if not name.startswith("_")}
    assert methods
    assert {name for name in methods if not callable(getattr(kind, name, None))} <= {
        name for name in methods if isinstance(getattr(kind, name, None), property)
    }


def test_a_handler_is_the_handler_of_the_ports() -> None:
    def names(protocol: Type[object]) -> set[str]:
        return {name for name in vars(protocol) if name.startswith("on_")}

    assert names(interfaces.StreamHandler) == names(engine_interfaces.StreamHandler)


def test_a_loop_has_what_a_host_has() -> None:
    loop = Loop(Settings())
    assert all(hasattr(loop, name) for name in interfaces.EventLoop.__annotations__)
    loop.stop()


def test_answers_have_the_fields_of_the_ports() -> None:
    assert lookups.Fetched._fields == engine_interfaces.Fetched._fields
    assert lookups.Resolved._fields == engine_interfaces.Resolved._fields

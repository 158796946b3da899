"""What the loop and its sockets ask of each other is there."""

from __future__ import annotations

from typing import Type

import pytest

from bittorrent_threads.net import interfaces, selection
from bittorrent_threads.net.datagram import UdpSocket
from bittorrent_threads.net.listener import ListeningSocket
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.net.stream import TcpStream
from bittorrent_threads.net.wakeup import Wakeup
from bittorrent_threads.settings import Settings


@pytest.mark.parametrize(
    ("protocol", "kind"),
    [
        (interfaces.EventLoop, Loop),
        (selection.Selectable, ListeningSocket),
        (selection.Selectable, Wakeup),
        (interfaces.Flushable, TcpStream),
        (interfaces.Flushable, UdpSocket),
    ],
)
def test_everything_asked_for_is_there(protocol: Type[object], kind: Type[object]) -> None:
    methods = {name for name in vars(protocol) if not name.startswith("_")}
    assert methods
    assert {name for name in methods if not callable(getattr(kind, name, None))} <= {
        name for name in methods if isinstance(getattr(kind, name, None), property)
    }


def test_a_loop_has_what_a_host_has() -> None:
    loop = Loop(Settings())
    assert all(hasattr(loop, name) for name in interfaces.EventLoop.__annotations__)
    loop.stop()

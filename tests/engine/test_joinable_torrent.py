"""The narrow view of a torrent for dialer and handshakes: torrents have it."""

from __future__ import annotations

import inspect

import pytest

from bittorrent_threads.engine.joinable_torrent import Admission, JoinableTorrent
from bittorrent_threads.engine.peers import Peers
from bittorrent_threads.engine.torrent import Torrent


@pytest.mark.parametrize(("view", "kind"), [(JoinableTorrent, Torrent), (Admission, Peers)])
def test_every_method_is_there_with_the_same_parameters(view: type, kind: type) -> None:
    methods = {name: value for name, value in vars(view).items() if inspect.isfunction(value) and name[0] != "_"}
    assert methods
    for name, method in methods.items():
        assert list(inspect.signature(getattr(kind, name)).parameters) == list(inspect.signature(method).parameters)


def test_every_field_is_there() -> None:
    source = inspect.getsource(Torrent.__init__)
    assert {name for name in JoinableTorrent.__annotations__ if f"self.{name}" not in source} == set()

"""What a torrent uses of its session: the engine has it, and it is narrow."""

from __future__ import annotations

import inspect

from bittorrent_threads.engine.engine import Engine
from bittorrent_threads.engine.torrent_session import TorrentSession

OWN = {name: value for name, value in vars(TorrentSession).items() if not name.startswith("_")}


def test_the_engine_has_every_method_with_the_same_parameters() -> None:
    methods = {name: value for name, value in OWN.items() if inspect.isfunction(value)}
    assert methods
    for name, method in methods.items():
        assert list(inspect.signature(getattr(Engine, name)).parameters) == list(inspect.signature(method).parameters)


def test_the_engine_has_every_field() -> None:
    source = inspect.getsource(Engine.__init__)
    fields = {name for kind in TorrentSession.__mro__ for name in vars(kind).get("__annotations__", {})}
    assert {name for name in fields if f"self.{name}" not in source} == set()


def test_it_is_narrow() -> None:
    assert len(OWN) <= 10

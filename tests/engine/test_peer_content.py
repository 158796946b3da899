"""What a peer uses of the content: the payload and its exchange have it."""

from __future__ import annotations

import inspect

import pytest

from bittorrent_threads.engine.exchange import Exchange
from bittorrent_threads.engine.payload import Payload
from bittorrent_threads.engine.peer_content import PeerContent, PeerExchange


@pytest.mark.parametrize(("view", "kind"), [(PeerContent, Payload), (PeerExchange, Exchange)])
def test_every_method_is_there_with_the_same_parameters(view: type, kind: type) -> None:
    methods = {name: value for name, value in vars(view).items() if inspect.isfunction(value) and name[0] != "_"}
    assert methods
    for name, method in methods.items():
        assert list(inspect.signature(getattr(kind, name)).parameters) == list(inspect.signature(method).parameters)


@pytest.mark.parametrize(("view", "kind"), [(PeerContent, Payload), (PeerExchange, Exchange)])
def test_every_field_is_there(view: type, kind: type) -> None:
    source = inspect.getsource(kind.__init__)  # type: ignore[misc]
    assert {name for name in view.__annotations__ if f"self.{name}" not in source} == set()

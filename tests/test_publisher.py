"""Events on their way from the network thread to a user who changes his mind meanwhile."""

from __future__ import annotations

from typing import Any, List

import pytest

from bittorrent_threads.publisher import Publisher


def test_a_callback_that_is_taken_away_meanwhile_is_called_or_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher(bytes(20), 100, lambda call: call())
    called: List[Any] = []

    def call(name: str, function: Any, *arguments: Any) -> None:
        called.append((name, function, *arguments))
        publisher.set_callbacks(None, None)  # as another thread may do now

    monkeypatch.setattr(publisher._callbacks, "call", call)
    publisher.on_hash_pass = print
    publisher.publish_passed(bytes(20), 0.0, [3, 5])
    publisher.publish_passed(bytes(20), 0.0, [7])
    assert called == [("on_hash_pass", print, 3), ("on_hash_pass", print, 5)]

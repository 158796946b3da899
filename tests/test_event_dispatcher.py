"""Events that are queued on the network thread while callbacks are set and unset."""

from __future__ import annotations

from typing import Any, List

import pytest

from bittorrent_threads.event_dispatcher import EventDispatcher


def test_a_callback_that_is_taken_away_meanwhile_is_called_or_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    event_dispatcher = EventDispatcher(bytes(20), 100, lambda call: call())
    called: List[Any] = []

    def call(name: str, function: Any, *arguments: Any) -> None:
        called.append((name, function, *arguments))
        event_dispatcher.set_callbacks(None, None)  # as another thread may do now

    monkeypatch.setattr(event_dispatcher._callbacks, "call", call)
    event_dispatcher.on_hash_pass = print
    event_dispatcher.publish_passed(bytes(20), 0.0, [3, 5])
    event_dispatcher.publish_passed(bytes(20), 0.0, [7])
    assert called == [("on_hash_pass", print, 3), ("on_hash_pass", print, 5)]

"""Answers of trackers, and of what is no tracker."""

from __future__ import annotations

import math
import pickle
from typing import Any, Optional

import pytest

from bittorrent_threads.errors import TrackerError
from bittorrent_threads.protocol.tracker_reply import TrackerFailure, decode_reply, optional_count, optional_text
from bittorrent_threads.testing.bencode import bencode


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>\r\n<h1>It works!</h1>", "'<html> <h1>It works!</h1>'"),
        (b"", "not a tracker's answer"),
        (b"\x1b[2J\xff", "'[2J\ufffd'"),
        (b"le", "not a tracker's answer: 'le'"),
        (b"i1e", "not a tracker's answer: 'i1e'"),
        (b"d8:intervali1800e5:peers600:abc", "not a tracker's answer"),
        (b"d8:intervali99999999999999999999999999ee", "not a tracker's answer"),
        (b"d5:peersl" + b"le" * 100_000 + b"ee", "not a tracker's answer"),
        (b"l" * 5000, "not a tracker's answer"),
        (bencode({"failure reason": "not today"}), "not today"),
        (bencode({"failure reason": b"a\r\nb\x00" + b"c" * 1000}), "a b " + "c" * 196),
        (bencode({"failure reason": 5}), "failed without a reason"),
        (bencode({"failure reason": ""}), "failed without a reason"),
    ],
)
def test_a_failure_is_one_error_with_a_clear_reason(body: bytes, reason: str) -> None:
    with pytest.raises(TrackerError) as caught:
        decode_reply(body)
    assert reason in caught.value.reason
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) <= 200


def test_white_space_behind_the_answer_is_taken() -> None:
    assert decode_reply(b"d1:ai1ee\r\n") == {b"a": 1}


def test_keys_in_any_order_are_taken() -> None:
    assert decode_reply(b"d5:peers0:8:intervali5ee") == {b"peers": b"", b"interval": 5}


@pytest.mark.parametrize(
    ("retry_in", "seconds"),
    [
        (5, 300.0),
        ("5", 300.0),
        ("never", math.inf),
        (10**9, 24 * 3600.0),
        ("9" * 5000, None),
        (0, None),
        (-1, None),
        ("soon", None),
        ([], None),
    ],
)
def test_retry_in(retry_in: Any, seconds: Optional[float]) -> None:
    with pytest.raises(TrackerFailure, match="busy") as caught:
        decode_reply(bencode({"failure reason": "busy", "retry in": retry_in}))
    assert caught.value.retry_in == seconds


@pytest.mark.parametrize(
    ("interval", "min_interval", "seconds"),
    [(3600, None, 3600.0), (None, 3600, 3600.0), (60, "3600", 3600.0), (10**12, 5, 24 * 3600.0), (-1, "x", 0.0)],
)
def test_a_failure_may_name_an_interval(interval: Any, min_interval: Any, seconds: float) -> None:
    said = {"failure reason": "busy", "interval": interval, "min interval": min_interval}
    with pytest.raises(TrackerFailure, match="busy") as caught:
        decode_reply(bencode({key: value for key, value in said.items() if value is not None}))
    assert (caught.value.interval, caught.value.retry_in) == (seconds, None)


def test_a_failure_can_be_pickled() -> None:
    failure = pickle.loads(pickle.dumps(TrackerFailure("busy", "http://t/", 60.0, 5.0)))
    assert (failure.reason, failure.url, failure.retry_in, failure.interval) == ("busy", "http://t/", 60.0, 5.0)


def test_optional_fields() -> None:
    reply = decode_reply(bencode({"a": 5, "b": -5, "c": "text\n", "d": [], "e": 0}))
    assert [optional_count(reply, key) for key in (b"a", b"e")] == [5, 0]
    assert [optional_count(reply, key) for key in (b"b", b"c", b"d", b"f")] == [None] * 4
    assert [optional_text(reply, key) for key in (b"a", b"c", b"d", b"f")] == ["", "text", "", ""]

"""Tokens: bound to a host and an infohash, and valid for five to ten minutes."""

from __future__ import annotations

import random

import pytest

from bittorrent_threads.dht.tokens import LIFE, SIZE, Tokens

NOW = 1000.0
HOST, OTHER = b"\1\2\3\4", b"\1\2\3\5"
HASH = b"i" * 20


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(random.Random(1), NOW)


def test_a_token_is_for_its_host_and_its_infohash(tokens: Tokens) -> None:
    token = tokens.make(HOST, HASH, NOW)
    assert len(token) == SIZE
    assert tokens.valid(token, HOST, HASH, NOW)
    assert not tokens.valid(token, OTHER, HASH, NOW)
    assert not tokens.valid(token, HOST, b"j" * 20, NOW)
    assert not tokens.valid(b"", HOST, HASH, NOW)
    assert not tokens.valid(token[:-1], HOST, HASH, NOW)
    assert not tokens.valid(token + b"\0" * 1000, HOST, HASH, NOW)


@pytest.mark.parametrize(
    ("made", "used", "valid"), [(0, 299, True), (299, 599, True), (0, 599, True), (299, 600, False)]
)
def test_its_life(tokens: Tokens, made: float, used: float, valid: bool) -> None:
    token = tokens.make(HOST, HASH, NOW + made)
    assert tokens.valid(token, HOST, HASH, NOW + used) is valid


def test_no_secret_outlives_a_silence(tokens: Tokens) -> None:
    token = tokens.make(HOST, HASH, NOW)
    assert not tokens.valid(token, HOST, HASH, NOW + 2 * LIFE)
    assert not tokens.valid(token, HOST, HASH, NOW + 50 * LIFE)


def test_two_nodes_have_different_secrets() -> None:
    one, other = (Tokens(random.Random(seed), NOW).make(HOST, HASH, NOW) for seed in (1, 2))
    assert one != other

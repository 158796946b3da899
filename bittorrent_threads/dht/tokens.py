"""``Tokens``: what ``get_peers`` gives a host, and ``announce_peer`` must present (BEP 5).

A token proves that its host received our answer, so nobody can announce the address of another host.  It is a keyed
hash of the host and the infohash: nothing is stored for a host that asks.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import List

from .node_id import Random

LIFE = 300.0
"""Seconds after which a new secret is used; tokens of the one before it are valid too (BEP 5)."""
SIZE = 8
"""Bytes of a token."""

_SECRET_BITS = 256


class Tokens:
    """Makes and checks tokens.

    Args:
        random: Source of the secrets.
        now: Monotonic seconds.
    """

    def __init__(self, random: Random, now: float) -> None:
        self._random = random
        self._secrets: List[bytes] = [self._secret(), self._secret()]
        """The present one, and the one before it."""
        self._until = now + LIFE

    def make(self, host: bytes, infohash: bytes, now: float) -> bytes:
        """Return the token of a host.

        Args:
            host: The 4 or 16 bytes of the host.
            infohash: The infohash that it asked for.
            now: Monotonic seconds.
        """
        self._rotate(now)
        return _token(self._secrets[0], host, infohash)

    def valid(self, token: bytes, host: bytes, infohash: bytes, now: float) -> bool:
        """Return whether :meth:`make` made a token for this host and infohash in the last five to ten minutes."""
        self._rotate(now)
        return any(hmac.compare_digest(token, _token(secret, host, infohash)) for secret in self._secrets)

    def _rotate(self, now: float) -> None:
        if now >= self._until:
            before = self._secrets[0] if now < self._until + LIFE else self._secret()
            self._secrets = [self._secret(), before]
            self._until = now + LIFE

    def _secret(self) -> bytes:
        return self._random.getrandbits(_SECRET_BITS).to_bytes(_SECRET_BITS // 8, "big")


def _token(secret: bytes, host: bytes, infohash: bytes) -> bytes:
    return hashlib.blake2b(host + infohash, key=secret, digest_size=SIZE).digest()

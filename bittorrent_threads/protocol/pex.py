"""Peer exchange (BEP 11): the payload of a ``ut_pex`` message, which tells with whom its sender became connected.

A payload is from an untrusted peer.  Entries that no peer can have as its address are left out, and so are repeated
ones; only a payload that is not a dictionary fails.  The rule: no more entries are decoded than the caller will use.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, Tuple

from ..address_scope import is_unicast
from ..errors import BencodeError
from ..metainfo import bencode
from . import addresses
from .addresses import IPV4_SIZE, IPV6_SIZE, Address

NAME = "ut_pex"
"""The name of the message in ``m`` of the extension handshake."""

MAX_PAYLOAD = 16384
"""Bytes of the longest payload taken: 800 IPv6 contacts, more than a client has connections to one swarm."""
MAX_CONTACTS = 50
"""Contacts of both families that a message may add, and as many that it may drop (BEP 11); the first may add more."""

MAX_DEPTH = 4
MAX_TOKENS = 100
"""Limits of the decoder; a message has two levels and at most thirteen tokens."""

PREFERS_ENCRYPTION = 0x01
"""The contact sent ``e`` in its extension handshake."""
SEED = 0x02
"""The contact has everything, or wants nothing (``upload_only``, BEP 21)."""
UTP = 0x04
"""The contact supports uTP."""
HOLEPUNCH = 0x08
"""The contact takes ``ut_holepunch``, to connect peers behind routers."""
OUTGOING = 0x10
"""The sender dialled the contact, so it can be reached."""


@dataclasses.dataclass(frozen=True)
class PexMessage:
    """One message; no address occurs twice in a field."""

    added: Mapping[Address, int] = dataclasses.field(default_factory=dict)
    """The contacts that the sender became connected to, each with its flags."""
    dropped: Tuple[Address, ...] = ()
    """The contacts that it is not connected to any more."""
    failed: str = ""
    """Why the payload could not be decoded; then no other field is set."""

    @classmethod
    def parse(cls, payload: bytes, *, limit: int = MAX_CONTACTS) -> PexMessage:
        """Decode a payload; sets ``failed`` instead of raising.

        Args:
            payload: At most ``MAX_PAYLOAD`` bytes.
            limit: How many entries of a field are looked at, in each address family.
        """
        try:
            said, _ = bencode.decode_prefix(payload, max_depth=MAX_DEPTH, max_tokens=MAX_TOKENS, sorted_keys=False)
        except BencodeError as error:
            return cls(failed=f"peer exchange: {error}")
        if not isinstance(said, dict):
            return cls(failed="peer exchange: not a dictionary")
        added: Dict[Address, int] = {}
        for address, flags in _entries(said, b"added", limit):
            added.setdefault(address, flags)
        dropped = dict(_entries(said, b"dropped", limit))
        return cls(added, tuple(dropped))

    def encode(self) -> bytes:
        """The payload.

        Raises:
            ValueError: A host is not numeric.
        """
        said: Dict[bytes, bytes] = {}
        said[b"added"], said[b"added6"] = addresses.pack(self.added)
        said[b"dropped"], said[b"dropped6"] = addresses.pack(self.dropped)
        said[b"added.f"] = bytes([flags for (host, _), flags in self.added.items() if ":" not in host])
        said[b"added6.f"] = bytes([flags for (host, _), flags in self.added.items() if ":" in host])
        return bencode.encode({key: value for key, value in said.items() if value})


def _entries(said: Dict[bytes, Any], name: bytes, limit: int) -> List[Tuple[Address, int]]:
    """The valid ones of the first ``limit`` entries of a field, in both families, with their flags."""
    found: List[Tuple[Address, int]] = []
    for suffix, size in ((b"", IPV4_SIZE), (b"6", IPV6_SIZE)):
        packed, flags = said.get(name + suffix), said.get(name + suffix + b".f")
        if not isinstance(packed, bytes):
            continue
        count = min(len(packed) // size, limit)
        padded = (flags if isinstance(flags, bytes) else b"")[:count].ljust(count, b"\0")
        for at in range(count):
            entry = packed[at * size : (at + 1) * size]
            host, port = addresses.unpack_host(entry[:-2]), int.from_bytes(entry[-2:], "big")
            if port and is_unicast(host):
                found.append(((host, port), padded[at]))
    return found

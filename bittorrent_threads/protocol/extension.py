"""The extension handshake (BEP 10, BEP 21): what a peer tells about itself, and the extension messages it takes.

No key is needed, so a value of the wrong type or out of range counts as absent; only a payload that is not a dictionary
fails.  A peer may send another handshake at any time, with the keys that changed.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Optional

from ..errors import BencodeError
from ..metainfo import bencode
from ..text import printable
from . import addresses

HANDSHAKE_ID = 0
"""The sub id of the extension handshake itself."""

MAX_DEPTH = 10
MAX_TOKENS = 5000
"""Limits of the decoder; a usual handshake has three levels and about thirty tokens."""
MAX_MESSAGES = 64
"""Extension names of a peer that are kept."""
MAX_NAME = 64
"""Characters of the name of a client or an extension."""
MAX_REQQ = 2**31
"""Greatest ``reqq`` taken."""

_KEYS = frozenset([b"m", b"v", b"p", b"reqq", b"yourip", b"ipv4", b"ipv6", b"upload_only"])


@dataclasses.dataclass(frozen=True)
class ExtensionHandshake:
    """One extension handshake; a field that is empty, 0 or None was not sent."""

    messages: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Id under which the sender takes each extension message; 0 turns the extension off."""
    client: str = ""
    """Name and version of the client; from a peer, printable and at most 64 characters."""
    port: int = 0
    """TCP port at which the sender listens."""
    reqq: int = 0
    """Outstanding requests that the sender keeps without dropping any."""
    yourip: str = ""
    """Numeric address of the receiver, as the sender sees it."""
    ipv4: str = ""
    ipv6: str = ""
    """Other addresses of the sender."""
    upload_only: Optional[bool] = None
    """The sender wants no piece: a seed or a partial seed (BEP 21)."""
    extra: Mapping[bytes, Any] = dataclasses.field(default_factory=dict)
    """Other keys with decoded values of any type, for the extensions that define them."""
    failed: str = ""
    """Why the payload could not be decoded; then no other field is set."""

    @classmethod
    def parse(cls, payload: bytes) -> ExtensionHandshake:
        """Decode the payload of an EXTENDED message with sub id 0; sets ``failed`` instead of raising."""
        try:
            said, _ = bencode.decode_prefix(payload, max_depth=MAX_DEPTH, max_tokens=MAX_TOKENS, sorted_keys=False)
        except BencodeError as error:
            return cls(failed=f"extension handshake: {error}")
        if not isinstance(said, dict):
            return cls(failed="extension handshake: not a dictionary")
        upload_only = said.get(b"upload_only")
        return cls(
            messages=_messages(said.get(b"m")),
            client=_name(said.get(b"v")),
            port=_number(said.get(b"p"), 65535),
            reqq=_number(said.get(b"reqq"), MAX_REQQ),
            yourip=_host(said.get(b"yourip"), 4, 16),
            ipv4=_host(said.get(b"ipv4"), 4),
            ipv6=_host(said.get(b"ipv6"), 16),
            upload_only=bool(upload_only) if isinstance(upload_only, int) else None,
            extra={key: value for key, value in said.items() if key not in _KEYS},
        )

    def encode(self) -> bytes:
        """The payload of an EXTENDED message with sub id 0.

        Raises:
            ValueError: A host is not a numeric address.
        """
        said: Dict[bytes, Any] = {**self.extra, b"m": {name.encode(): number for name, number in self.messages.items()}}
        numbers = {b"p": self.port, b"reqq": self.reqq, b"v": self.client.encode()}
        hosts = {b"yourip": self.yourip, b"ipv4": self.ipv4, b"ipv6": self.ipv6}
        said.update((key, value) for key, value in numbers.items() if value)
        said.update((key, addresses.pack_host(host)) for key, host in hosts.items() if host)
        if self.upload_only is not None:
            said[b"upload_only"] = int(self.upload_only)
        return bencode.encode(said)


def _messages(value: Any) -> Dict[str, int]:
    if not isinstance(value, dict):
        return {}
    named = ((_name(name), number) for name, number in value.items() if isinstance(number, int) and 0 <= number <= 255)
    return dict([(name, number) for name, number in named if name][:MAX_MESSAGES])


def _name(value: Any) -> str:
    return printable(value, MAX_NAME) if isinstance(value, bytes) else ""


def _number(value: Any, limit: int) -> int:
    return value if isinstance(value, int) and 0 < value <= limit else 0


def _host(value: Any, *sizes: int) -> str:
    return addresses.unpack_host(value) if isinstance(value, bytes) and len(value) in sizes else ""

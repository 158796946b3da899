"""Peer ids (BEP 20): making ours, and finding the client name behind the peer id of another.

A peer can send any peer id, so the name is for display only; the name in the extension handshake (BEP 10) replaces it.
The tables have the clients that are in use today.
"""

from __future__ import annotations

import re
import string
from typing import Callable, Dict, Protocol, Sequence, Tuple

from ..version import __version__

CODE = "TH"
"""The two letters of this library in peer ids."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Random(Protocol):
    """The part of ``random.Random`` that :func:`make_peerid` uses."""

    def choice(self, seq: Sequence[str]) -> str:
        """One element of a sequence."""


def make_peerid(random: Random) -> bytes:
    """A new peer id of this library: ``-TH0100-`` for version 0.1.0, and twelve random letters and digits."""
    version = "".join(_ALPHABET[min(int(part), len(_ALPHABET) - 1)] for part in re.findall(r"\d+", __version__)[:4])
    tail = "".join(random.choice(_ALPHABET) for _ in range(12))
    return f"-{CODE}{version:0<4}-{tail}".encode()


def client_name(peerid: bytes) -> str:
    """Name and version of the client, such as ``libtorrent 2.1.1``; empty for an unknown form of peer id."""
    text = peerid.decode("latin-1")
    azurelike = _match_azurelike(text)
    if azurelike:
        code, version = azurelike.groups()
        name, style = _AZURELIKE.get(code, (code, _dotted))
        return f"{name} {style(version)}"
    dashed = _match_dashed(text)
    if dashed:
        return f"{_DASHED[dashed[1].rstrip('-')]} {'.'.join(dashed.groups()[1:])}"
    return ""


def _dotted(version: str) -> str:
    """``2110`` is 2.1.1: each character is a number, letters stand for 10 and more, and a fourth of 1 to 9 is shown."""
    numbers = [_ALPHABET.index(char) for char in version]
    return ".".join(map(str, numbers if 0 < numbers[3] <= 9 else numbers[:3]))


def _pairs(version: str) -> str:
    """``0109`` is 1.9."""
    return f"{int(version[:2])}.{int(version[2:])}" if version.isdigit() else _dotted(version)


def _transmission(version: str) -> str:
    """``4050`` is 4.0.5; before 4.0, ``2940`` is 2.94."""
    return f"{version[0]}.{version[1:3]}" if version < "4" else _dotted(version)


_AZURELIKE: Dict[str, Tuple[str, Callable[[str], str]]] = {
    CODE: ("bittorrent_threads", _dotted),
    "7T": ("aTorrent", _dotted),
    "AB": ("AnyEvent::BitTorrent", _dotted),
    "AZ": ("Vuze", _dotted),
    "BC": ("BitComet", _pairs),
    "BI": ("BiglyBT", _dotted),
    "BT": ("BitTorrent", _dotted),
    "DE": ("Deluge", _dotted),
    "FD": ("Free Download Manager", _dotted),
    "FW": ("FrostWire", _dotted),
    "GT": ("anacrolix/torrent", _dotted),
    "KT": ("KTorrent", _dotted),
    "LT": ("libtorrent", _dotted),
    "lt": ("libTorrent", _dotted),
    "MG": ("MediaGet", _dotted),
    "PI": ("PicoTorrent", _dotted),
    "qB": ("qBittorrent", _dotted),
    "TR": ("Transmission", _transmission),
    "UM": ("µTorrent Mac", _dotted),
    "UT": ("µTorrent", _dotted),
    "UW": ("µTorrent Web", _dotted),
    "WD": ("WebTorrent Desktop", _pairs),
    "WW": ("WebTorrent", _pairs),
    "XL": ("Xunlei", _dotted),
}
_DASHED = {"A2": "aria2", "M": "BitTorrent", "Q": "Queen Bee"}

_match_azurelike = re.compile(r"-([0-9A-Za-z~]{2})([0-9A-Za-z]{4})-").match
_match_dashed = re.compile(r"(A2-|M|Q)(\d{1,2})-(\d{1,2})-(\d{1,2})-").match

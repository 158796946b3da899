"""Peer ids (BEP 20): ours, and the name of the client behind those of others.

A peer id proves nothing and is used for display alone; the name in the extension handshake is better where there is
one.  Only clients one meets today are known.
"""

from __future__ import annotations

import re
import string
from typing import Callable, Dict, Protocol, Sequence, Tuple

from ..version import __version__

CODE = "TH"
"""The two letters of this library."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Random(Protocol):
    """The part of ``random.Random`` that is used."""

    def choice(self, seq: Sequence[str]) -> str:
        """One element of a sequence."""


def make_peerid(random: Random) -> bytes:
    """A peer id of our own: ``-TH0100-`` and twelve random letters and digits."""
    version = "".join(_ALPHABET[min(int(part), len(_ALPHABET) - 1)] for part in re.findall(r"\d+", __version__)[:4])
    tail = "".join(random.choice(_ALPHABET) for _ in range(12))
    return f"-{CODE}{version:0<4}-{tail}".encode()


def client_name(peerid: bytes) -> str:
    """Name and version of the client with this peer id, such as ``libtorrent 2.1.1``; empty when it is not known."""
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
    """``2110`` as 2.1.1: one character a number, letters above nine, the fourth shown if it is a number above 0."""
    numbers = [_ALPHABET.index(char) for char in version]
    return ".".join(map(str, numbers if 0 < numbers[3] <= 9 else numbers[:3]))


def _pairs(version: str) -> str:
    """``0109`` as 1.9."""
    return f"{int(version[:2])}.{int(version[2:])}" if version.isdigit() else _dotted(version)


def _transmission(version: str) -> str:
    """``4050`` as 4.0.5, and before 4.0 ``2940`` as 2.94."""
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

"""``IpFilter``: the addresses with which a session exchanges nothing, as the user sees and changes them."""

from __future__ import annotations

import io
import os
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Callable, Iterator, List, Tuple, Union

from .errors import SettingsError, StorageError
from .swarm.blocklist import Blocklist, BlocklistReader
from .swarm.ip_ranges import IpRange, IpRanges, parse_range

AddressRange = Union[str, IPv4Address, IPv6Address, IPv4Network, IPv6Network]
"""An address, a network as ``10.0.0.0/8``, or two addresses as ``10.0.0.1-10.0.0.9``."""
FilePath = Union[str, os.PathLike[str]]

CHUNK = 1024 * 1024
"""Bytes that are read of a file at once."""
_GZIP = b"\x1f\x8b"


class IpFilter:
    """The addresses with which a session exchanges nothing; :attr:`Session.ip_filter` is that of a session.

    A peer with a blocked address is neither connected to nor accepted, and the connections that it has are closed when
    the filter changes.  A node of the DHT with a blocked address is forgotten, and neither asked nor answered.  Of two
    calls that name one address the later one counts.  Trackers are not filtered.

    Iterating over it yields its ranges as text, ``len`` is their number, and ``host in ip_filter`` tells whether an
    address is blocked.

    Args:
        ranges: Returns the addresses that are blocked now.
        change: Has the network thread replace one set by another; false if the first is not the current one.
    """

    def __init__(self, ranges: Callable[[], IpRanges], change: Callable[[IpRanges, IpRanges], bool]) -> None:
        self._ranges = ranges
        self._replace = change

    def block(self, *ranges: AddressRange) -> None:
        """Block addresses from now on.

        Args:
            *ranges: Addresses, networks or ranges: ``"1.2.3.4"``, ``"2001:db8::/32"``, ``"10.0.0.1-10.0.0.9"``.

        Raises:
            ValueError: If one of them is none of these; then none is blocked.
            SessionClosed: If the session is closed.
        """
        self._block(IpRanges(map(_parsed, ranges)))

    def allow(self, *ranges: AddressRange) -> None:
        """Do not block these addresses any more, also as a part of a range that was blocked.

        Args:
            *ranges: Addresses, networks or ranges, as for :meth:`block`.

        Raises:
            ValueError: If one of them is none of these; then nothing is changed.
            SessionClosed: If the session is closed.
        """
        allowed = IpRanges(map(_parsed, ranges))
        self._change(lambda blocked: blocked - allowed)

    def load(self, path: FilePath) -> Blocklist:
        """Block the addresses of a blocklist file too.

        The file is ``ipfilter.dat`` of eMule (ranges with a level above 127 are left out), P2P text, or a list of
        addresses, networks or ranges; as it is, or compressed by gzip.  Lines that cannot be read are skipped.

        Args:
            path: Path of the file.

        Returns:
            How many lines were used, and which were skipped.

        Raises:
            StorageError: If the file cannot be read.
            SettingsError: If no line of the file can be used, or it is too large.
            SessionClosed: If the session is closed.
        """
        ranges, read = _read(os.fspath(path))
        self._block(IpRanges(ranges))
        return read

    def clear(self) -> None:
        """Block no address any more.

        Raises:
            SessionClosed: If the session is closed.
        """
        self._change(lambda blocked: IpRanges())

    def __contains__(self, host: str) -> bool:
        return host in self._ranges()

    def __len__(self) -> int:
        return len(self._ranges())

    def __iter__(self) -> Iterator[str]:
        return map(str, self._ranges())

    def __repr__(self) -> str:
        return f"<bittorrent_threads.IpFilter {len(self)} ranges>"

    def _block(self, ranges: IpRanges) -> None:
        self._change(lambda blocked: blocked | ranges)

    def _change(self, made_from: Callable[[IpRanges], IpRanges]) -> None:
        """Make a new set of the current one, and again if another thread was faster."""
        done = False
        while not done:
            before = self._ranges()
            done = self._replace(before, made_from(before))


def _parsed(given: AddressRange) -> IpRange:
    return parse_range(str(given))


def _read(path: str) -> Tuple[List[IpRange], Blocklist]:
    # It imports zlib and more, which a program without a blocklist does not need.
    import gzip
    import zlib

    reader = BlocklistReader()
    try:
        with open(path, "rb") as raw:
            file: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == _GZIP else raw
            data = file.read(CHUNK)
            while data and not reader.failed:
                reader.receive(data)
                data = file.read(CHUNK)
    except (OSError, EOFError, zlib.error) as error:
        raise StorageError.wrap(error, path) from error
    read = reader.finish()
    if reader.failed:
        raise SettingsError("ip_filter", f"{path} {reader.failed}")
    return reader.ranges, read

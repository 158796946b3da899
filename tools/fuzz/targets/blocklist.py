"""Blocklist files: nothing is raised, chunks of any size give the same, and each range is found by both of its ends.

An address that ``ipaddress`` reads is read, too, and as the same number.
"""

from __future__ import annotations

import ipaddress
from typing import List, Optional, Tuple

from bittorrent_threads.swarm.blocklist import MAX_EXAMPLES, BlocklistReader
from bittorrent_threads.swarm.ip_ranges import BITS4, BITS6, IpRanges, parse_address

from ..choices import Choices, cut
from ..target import Target, require, require_shown


def check(data: bytes) -> None:
    """The first byte says how the file is cut; each word of the file is also read as an address."""
    choices = Choices(data)
    way, content = choices.byte(), choices.rest()
    whole, parts = BlocklistReader(), BlocklistReader()
    whole.receive(content)
    for chunk in cut(content, way):
        parts.receive(chunk)
    found = whole.finish()
    require(parts.finish() == found and parts.ranges == whole.ranges, "cut it is another list")
    require(bool(whole.failed) == (not whole.ranges and not found.allowed), f"failed: {whole.failed!r}")
    require(found.ranges == len(whole.ranges) and len(found.examples) <= MAX_EXAMPLES, "counted wrongly")
    require(found.ranges + found.allowed + found.bad_lines <= content.count(b"\n") + 1, "more lines than there are")
    for example in found.examples:
        require_shown(example, 400, "a bad line")
    _ranges(whole)
    for word in content.decode("latin-1").split():
        _address(word)


def _ranges(reader: BlocklistReader) -> None:
    blocked = IpRanges(reader.ranges)
    require(len(blocked) <= len(reader.ranges), "more ranges than lines")
    for each in reader.ranges:
        require(0 <= each.first <= each.last < 1 << each.bits, f"the range {each}")
        if each.bits == BITS4:
            require(all(str(ipaddress.IPv4Address(end)) in blocked for end in each[1:]), f"{each} is not blocked")
    before: Optional[Tuple[int, int]] = None
    for each in blocked:
        require(before is None or before[0] < each.bits or before[1] + 1 < each.first, "ranges overlap")
        before = each.bits, each.last
    require(not len(blocked - blocked), "something of nothing is left")


def _address(word: str) -> None:
    try:
        host = ipaddress.ip_address(word)
    except ValueError:
        return
    mapped = getattr(host, "ipv4_mapped", None)
    known = (host.max_prefixlen, int(host)) if mapped is None else (BITS4, int(mapped))
    require(parse_address(word) == known and known[0] in (BITS4, BITS6), f"{word!r} is read as another address")


def seeds() -> List[bytes]:
    """Return files of each form."""
    texts = (
        "001.002.003.004 - 001.002.003.255 , 000 , Some name\n9.9.9.9 - 9.9.9.9 , 200 , allowed\n",
        "# P2P\r\nSome name: with a colon:1.2.3.4-1.2.3.9\r\nOther:2001:db8::-2001:db8::ff\r\n",
        "1.2.3.0/24 ; comment\n2001:db8::/32\n::ffff:1.2.3.4\nfe80::1%eth0\n// end",
        "\xef\xbb\xbf\n\n1.2.3.4",
        "nonsense\n" * 7 + ":-\n1.2.3.4-\n-",
    )
    return [bytes([way]) + text.encode("latin-1") for way, text in enumerate(texts)]


TOKENS = (
    *(b"\n", b"\r\n", b" - ", b"-", b":", b"::", b",", b" , 127 , ", b" , 128 , ", b"/", b"/0", b"/128", b"#", b";"),
    *(b"0.0.0.0", b"255.255.255.255", b"001.", b"::ffff:", b"ffff:", b"%1", b"\t", b"_", b"+1", b"\xff"),
)
TARGET = Target(check, seeds, TOKENS, longest=600)

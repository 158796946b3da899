"""Sets of addresses: the texts of ranges, and set operations against a plain set of numbers."""

from __future__ import annotations

import ipaddress
import random
from typing import List, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bittorrent_threads.swarm.ip_ranges import BITS4, BITS6, IpRange, IpRanges, parse_address, parse_range, span

Move = Tuple[bool, int, int]
"""Whether to add (or to take away), and the first and last of a universe of 256 addresses."""

MOVES = st.lists(st.tuples(st.booleans(), st.integers(0, 255), st.integers(0, 255)), max_size=12)


def ranges(*texts: str) -> IpRanges:
    return IpRanges(map(parse_range, texts))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1.2.3.4", "1.2.3.4-1.2.3.4"),
        (" 1.2.3.4 ", "1.2.3.4-1.2.3.4"),
        ("001.02.003.4-1.2.3.010", "1.2.3.4-1.2.3.10"),
        ("1.2.3.4 - 1.2.3.5", "1.2.3.4-1.2.3.5"),
        ("10.11.12.13/8", "10.0.0.0-10.255.255.255"),
        ("1.2.3.4/32", "1.2.3.4-1.2.3.4"),
        ("0.0.0.0/0", "0.0.0.0-255.255.255.255"),
        ("2001:db8::/32", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("::/0", "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("::1-::ff", "::1-::ff"),
        ("fe80::1%eth0", "fe80::1-fe80::1"),
        ("::ffff:1.2.3.4", "1.2.3.4-1.2.3.4"),
        ("::ffff:1.2.3.0/120", "1.2.3.0-1.2.3.255"),
        ("::ffff:0:0/96", "0.0.0.0-255.255.255.255"),
        ("::ffff:1.2.3.4-::ffff:1.2.3.9", "1.2.3.4-1.2.3.9"),
        ("::ffff:0:0/80", f"::-{ipaddress.IPv6Address('::ffff:ffff:ffff')}"),  # as this Python writes it
    ],
)
def test_the_texts_of_a_range(text: str, shown: str) -> None:
    assert str(parse_range(text)) == shown
    assert parse_range(str(parse_range(text))) == parse_range(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "/", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.x", "1.2.3.+4", "1.2.3.0004", "localhost"),
        *("1.2.3.4/33", "1.2.3.4/", "1.2.3.4/x", "1.2.3.4/-1", "1.2.3.4/٣", "::1/129", "::1/0128"),
        *("1.2.3.5-1.2.3.4", "1.2.3.4-::1", "1.2.3.4-", "-1.2.3.4", "1.2.3.4-5.6.7.8-9.9.9.9"),
        *("%", "%eth0", ":", ":::", "1:::2", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8"),
        *("12345::", "::g", "::1_2", "::+1", ":: 1", "::1\t2", "1:2:3:4:5:6:7: 8", "1:2:3:4:5:6:7:\t8", "::1.2.3"),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no|has no prefix|is not an address"):
        parse_range(text)
    assert text not in ranges("::/0", "0.0.0.0/0")


def test_unusual_spellings_of_a_host_are_in_a_set() -> None:
    blocked = ranges("1.2.3.4", "fe80::/64", "2001:db8::1-2001:db8::9")
    for host in ("1.2.3.4", "001.02.3.04", "::ffff:1.2.3.4", "::ffff:102:304%1", "fe80::1%eth0", "2001:DB8:0::5"):
        assert host in blocked
    for host in ("1.2.3.5", "001.02.3.05", "::ffff:1.2.3.5", "::1.2.3.4", "fe81::1%eth0", "2001:db8::a"):
        assert host not in blocked


@given(st.integers(0, 2**128 - 1), st.integers(0, 15))
def test_every_spelling_of_ipaddress_is_read(number: int, gaps: int) -> None:
    # Groups of zeros, so that there is something to be shortened.
    number &= ~sum(0xFFFF << 16 * (2 * at) for at in range(4) if gaps >> at & 1)
    address = ipaddress.IPv6Address(number)
    mapped = address.ipv4_mapped
    expected = (BITS6, number) if mapped is None else (BITS4, int(mapped))
    for text in (str(address), address.exploded, str(address).upper()):
        assert parse_address(text) == expected
    ipv4 = ipaddress.IPv4Address(number & 0xFFFFFFFF)
    assert parse_address(str(ipv4)) == parse_address(f"::ffff:{ipv4}") == (BITS4, int(ipv4))


@given(st.text("0123456789abf:.% \t_+-", max_size=20))
def test_what_ipaddress_refuses_is_refused(text: str) -> None:
    try:
        parse_address(text)
    except ValueError:
        return
    host = text.partition("%")[0]
    # Leading zeros are decimal here, and no address there.
    assert ipaddress.ip_address(".".join(part.lstrip("0") or "0" for part in host.split(".")) if "." in host else host)


@pytest.mark.parametrize("base", ["1.2.3.0", "2001:db8::ff00", "2001:db8:0:0:ffff:ffff:ffff:ff80"])
@given(MOVES)
def test_set_operations_are_those_of_a_set(base: str, moves: List[Move]) -> None:
    bits, zero = parse_address(base)
    blocked, model = IpRanges(), set[int]()
    for adds, first, last in moves:
        numbers = range(min(first, last), max(first, last) + 1)
        change = IpRanges([IpRange(bits, zero + numbers[0], zero + numbers[-1])])
        blocked = blocked | change if adds else blocked - change
        model = model | {*numbers} if adds else model - {*numbers}
    assert members(blocked, zero) == model
    known = [(each.first - zero, each.last - zero) for each in blocked]
    assert all(before[1] + 1 < after[0] for before, after in zip(known, known[1:])), "they touch or overlap"
    assert sum(last - first + 1 for first, last in known) == len(model)
    assert len(blocked) == len(known)


def members(found: IpRanges, zero: int) -> Set[int]:
    kind = ipaddress.IPv4Address if zero < 2**32 else ipaddress.IPv6Address
    return {number for number in range(256) if str(kind(zero + number)) in found}


def test_a_set_is_not_changed_by_operations() -> None:
    one = ranges("10.0.0.0/8", "::1")
    assert list(map(str, one | ranges("11.0.0.0/8"))) == ["10.0.0.0-11.255.255.255", "::1-::1"]
    assert list(map(str, one - ranges("10.0.0.0/9", "::/0"))) == ["10.128.0.0-10.255.255.255"]
    assert list(map(str, one)) == ["10.0.0.0-10.255.255.255", "::1-::1"]
    assert list(one - one) == []


def test_the_ends_of_the_address_space() -> None:
    everything = ranges("0.0.0.0/0", "::/0")
    assert "0.0.0.0" in everything
    assert "255.255.255.255" in everything
    assert "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" in everything
    inner = everything - ranges("0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
    assert list(map(str, inner)) == ["0.0.0.1-255.255.255.254", "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"]


def test_mapped_addresses_are_ipv4_and_zones_do_not_count() -> None:
    blocked = ranges("1.2.3.0/24", "fe80::/10")
    assert "::ffff:1.2.3.4" in blocked
    assert "::ffff:102:304" in blocked
    assert "fe80::1%2" in blocked
    assert "1.2.3.4" not in ranges("::/0")


def test_an_empty_set_has_nothing_in_it_whatever_it_is_asked() -> None:
    assert "1.2.3.4" not in IpRanges()
    assert "no address" not in IpRanges()


def test_of_many_ranges_each_has_its_ends_and_what_is_between() -> None:
    chance = random.Random(3)
    starts = sorted(chance.sample(range(0, 2**32 - 300, 300), 2000))
    spans = [IpRange(BITS4, start, start + chance.randrange(298)) for start in starts]
    found = IpRanges(chance.sample(spans, len(spans)))
    assert list(found) == spans
    for each in spans[::7]:
        ends = [ipaddress.IPv4Address(number) for number in (each.first - 1, each.first, each.last, each.last + 1)]
        assert [str(end) in found for end in ends] == [False, True, True, False]


def test_a_span_is_of_one_family_and_goes_up() -> None:
    assert span("1.2.3.4", "::ffff:1.2.3.5") == parse_range("1.2.3.4-1.2.3.5")
    with pytest.raises(ValueError, match="is not an address behind"):
        span("::1", "1.2.3.4")

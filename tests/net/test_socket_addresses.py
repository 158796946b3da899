"""Socket addresses: the zone of a link-local address is kept, and nothing else of what the system gives."""

from __future__ import annotations

import socket
from typing import Any, Tuple

import pytest

from bittorrent_threads.net.socket_addresses import address_of, place_of


@pytest.mark.parametrize(
    ("place", "address"),
    [
        (("1.2.3.4", 5), ("1.2.3.4", 5)),
        (("2001:db8::1", 5, 0, 0), ("2001:db8::1", 5)),
        (("fe80::1", 5, 0, 2), ("fe80::1%2", 5)),
        (("fe80::1%en0", 5, 7, 4), ("fe80::1%4", 5)),
    ],
)
def test_addresses_of_the_system(place: Tuple[Any, ...], address: Tuple[str, int]) -> None:
    assert address_of(place) == address
    again = place_of(address, family=6 if ":" in address[0] else 4)
    assert address_of(again) == address


def test_a_zone_is_the_number_of_an_interface() -> None:
    assert place_of(("fe80::1%12", 5), family=6) == ("fe80::1", 5, 0, 12)
    assert place_of(("::1", 5), family=6) == ("::1", 5)


@pytest.mark.parametrize(
    ("host", "family"),
    [
        *[(host, 4) for host in ("", "localhost", "::1", "1.2.3", "1.2.3.4%1", "1.2.3.4\0", "\udc80")],
        *[(host, 6) for host in ("1.2.3.4", "fe80::1%eth0", "fe80::1%", "fe80::1%-1", "fe80::1%\u0662", "%1")],
        ("fe80::1%99999999999", 6),
    ],
)
def test_what_is_no_numeric_address_of_the_family_is_refused(host: str, family: int) -> None:
    with pytest.raises(ValueError, match=f"is not a numeric address of IPv{family}"):
        place_of((host, 5), family=family)


def test_the_system_connects_to_such_an_address() -> None:
    with socket.socket(socket.AF_INET6) as listening, socket.socket(socket.AF_INET6) as dialling:
        try:
            listening.bind(("::1", 0))
        except OSError as error:
            pytest.skip(f"no IPv6: {error}")
        listening.listen()
        dialling.settimeout(5)
        dialling.connect(place_of(address_of(listening.getsockname()), family=6))
        accepted, place = listening.accept()
        accepted.close()
        assert address_of(place) == address_of(dialling.getsockname())

"""The independent bencoding, by the examples of BEP 3."""

from __future__ import annotations

from bittorrent_threads.testing.bencode import bencode


def test_the_examples_of_bep_3() -> None:
    assert bencode("spam") == bencode(b"spam") == b"4:spam"
    assert (bencode(3), bencode(-3), bencode(0)) == (b"i3e", b"i-3e", b"i0e")
    assert bencode(["spam", "eggs"]) == b"l4:spam4:eggse"
    assert bencode({"spam": "eggs", "cow": "moo"}) == b"d3:cow3:moo4:spam4:eggse"
    assert bencode("käse") == b"5:k\xc3\xa4se"

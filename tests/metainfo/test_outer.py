"""The outermost dictionary of a .torrent file: its keys are sorted, and the bytes of info stay."""

from __future__ import annotations

from typing import Optional

import pytest

from bittorrent_threads.metainfo.outer import assembled, text_key, tracker_keys, web_seed_keys

INFO = b"d4:name1:a5:extrai1ee"  # its keys are not sorted


def test_info_stays_between_sorted_keys() -> None:
    data, (begin, end) = assembled({b"zeta": 1, b"alpha": [b"x"], b"gone": None, b"info": {b"other": 1}}, INFO)
    assert data == b"d5:alphal1:xe4:info" + INFO + b"4:zetai1ee"
    assert data[begin:end] == INFO
    assert assembled({}, INFO)[0] == b"d4:info" + INFO + b"e"


def test_a_list_of_trackers_is_written_if_there_are_several() -> None:
    assert tracker_keys([]) == {b"announce": None, b"announce-list": None}
    assert tracker_keys([["http://a/"]]) == {b"announce": b"http://a/", b"announce-list": None}
    several = [["http://a/"], [], ["http://b/"]]
    assert tracker_keys(several) == {b"announce": b"http://a/", b"announce-list": [[b"http://a/"], [b"http://b/"]]}


def test_web_seeds() -> None:
    assert web_seed_keys([]) == {b"url-list": None}
    assert web_seed_keys(["http://a/"]) == {b"url-list": [b"http://a/"]}


@pytest.mark.parametrize(
    ("text", "codec", "value"),
    [
        (None, None, None),
        ("", None, None),
        ("\xe4", None, b"\xc3\xa4"),
        ("\xe4", "latin_1", b"\xe4"),
        ("\u4e00", "latin_1", b"\xe4\xb8\x80"),
    ],
)
def test_a_text_is_in_the_encoding_of_the_torrent(
    text: Optional[str], codec: Optional[str], value: Optional[bytes]
) -> None:
    assert text_key(b"comment", text, codec) == {b"comment": value}

from __future__ import annotations

import pytest

from bittorrent_threads.serving.content_types import TYPES, UNKNOWN, content_type


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("film.mp4", "video/mp4"),
        ("FILM.WEBM", "video/webm"),
        ("a.b.flac", "audio/flac"),
        ("notes.txt", "text/plain; charset=utf-8"),
        ("mp4", UNKNOWN),
        (".mp4", UNKNOWN),
        ("film.", UNKNOWN),
        ("film.exe", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_the_type_of_a_name(name: str, kind: str) -> None:
    assert content_type(name) == kind


def test_ends_are_lower_case_and_types_have_two_parts() -> None:
    assert all(end == end.lower() and kind.count("/") == 1 for end, kind in TYPES.items())

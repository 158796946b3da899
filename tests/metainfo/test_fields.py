"""Keys that are needed or optional, with values of any type."""

from __future__ import annotations

from typing import Any

import pytest
from support.infos import parse, single

from bittorrent_threads.errors import MetainfoError
from bittorrent_threads.metainfo import fields
from bittorrent_threads.metainfo.fields import MAX_TEXT

HOLDER = {b"int": 5, b"bytes": b"x", b"list": [1], b"dict": {b"a": 1}}
KINDS = {int: "an integer", bytes: "a string", list: "a list", dict: "a dictionary"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_the_right_type(kind: type) -> None:
    key = kind.__name__.encode()
    assert fields.required(HOLDER, key, kind) is HOLDER[key]
    assert fields.kind_of(HOLDER[key]) == KINDS[kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_the_error_names_the_key_and_both_types(kind: type, other: type) -> None:
    if kind is not other:
        with pytest.raises(MetainfoError) as caught:
            fields.required(HOLDER, other.__name__.encode(), kind, "info.")
        assert caught.value.key == f"info.{other.__name__}"
        assert caught.value.reason == f"must be {KINDS[kind]}, not {KINDS[other]}"


def test_a_key_that_is_missing() -> None:
    with pytest.raises(MetainfoError, match=r"^info\.name: is missing$"):
        fields.required(HOLDER, b"name", bytes, "info.")


@pytest.mark.parametrize(("least", "most", "right"), [(5, 5, True), (0, 4, False), (6, 9, False)])
def test_integers_have_a_range(least: int, most: int, right: bool) -> None:
    if right:
        assert fields.integer(HOLDER, b"int", least, most) == 5
    else:
        with pytest.raises(MetainfoError, match=rf"^int: must be from {least} to {most}, not 5$"):
            fields.integer(HOLDER, b"int", least, most)


@pytest.mark.parametrize(("value", "found"), [(0, 0), (9, 9), (10, None), (-1, None), (b"5", None), ([], None)])
def test_optional_integers(value: Any, found: object) -> None:
    assert fields.optional_integer({b"x": value}, b"x", 9) == found


def test_optional_text() -> None:
    assert fields.text({}, b"x", None) is None
    assert fields.text({b"x": 5}, b"x", None) is None
    assert fields.text({b"x": "käse".encode("latin-1")}, b"x", "latin_1") == "käse"
    assert fields.text({b"x": b"\xff\x1b[2Ja\tb\n"}, b"x", None) == "\ufffd[2Ja\tb\n"


def test_comments_are_cut() -> None:
    assert parse(single(), {"comment": "x" * 100_000}).comment == "x" * MAX_TEXT

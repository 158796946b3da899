from __future__ import annotations

import pytest

from bittorrent_threads.serving.preconditions import matches, range_applies

TAG = '"abc-1"'


@pytest.mark.parametrize("field", ["*", " * ", TAG, f'"x", {TAG}', f'"a,b",W/"y" , {TAG} ', f",,{TAG}"])
def test_matches(field: str) -> None:
    assert matches(field, TAG, weak=False)
    assert matches(field, TAG, weak=True)


@pytest.mark.parametrize(
    "field", ["", "abc-1", '"ABC-1"', '"abc-1', 'abc-1"', '"x" "abc-1"', "w/" + TAG, '"x", nonsense']
)
def test_does_not_match(field: str) -> None:
    assert not matches(field, TAG, weak=True)


def test_a_weak_tag_matches_only_the_weak_way() -> None:
    assert matches(f"W/{TAG}", TAG, weak=True)
    assert not matches(f"W/{TAG}", TAG, weak=False)


def test_a_range_applies_only_with_the_strong_tag() -> None:
    assert range_applies(TAG, TAG)
    assert not range_applies(f"W/{TAG}", TAG)
    assert not range_applies('"other"', TAG)
    assert not range_applies("Tue, 15 Nov 1994 12:45:26 GMT", TAG)

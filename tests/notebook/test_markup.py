from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.markup import Reader

from bittorrent_threads.notebook.markup import MAX_TEXT, Column, Html, bar, element, facts, join, section, table, text


@given(st.text(alphabet="<>&\"'/ab=\x00\u202e\n ", max_size=60))
def test_a_text_is_text_and_nothing_else(value: str) -> None:
    read = Reader(element("td", value))
    assert read.tags == ["td"]
    assert "\u202e" not in read.data
    assert read.data.count("<") == value.count("<")


def test_a_long_text_keeps_its_end() -> None:
    shown = text("a" * 500 + "end.iso")
    assert len(shown) == MAX_TEXT
    assert shown.endswith("end.iso")
    assert "\u2026" in shown


def test_markup_stays_as_it_is() -> None:
    assert text(Html("<b>")) == "<b>"
    assert join(["<", Html("<i>"), 5]) == "&lt;<i>5"


def test_a_bar_is_as_long_as_its_share() -> None:
    assert [f"width:{length}%" in bar(share) for share, length in ((0.432, "43.2"), (-1, "0.0"), (7, "100.0"))] == [
        True,
        True,
        True,
    ]


def test_a_table_says_how_many_rows_it_leaves_out() -> None:
    columns = (Column("name", "wide"), Column("size", "num"))
    found = table(columns, [("<a>", 5)], 1200)
    assert '<td class="bt-wide">&lt;a&gt;</td><td class="bt-num">5</td>' in found
    assert "and 1,200 more" in found
    assert "more" not in table(columns, [], 0)


def test_sections_are_folded_or_not() -> None:
    assert section("files", "x") == "<details open><summary>files</summary>x</details>"
    assert section("files", "x", opened=False).startswith("<details><summary>")
    assert facts(["a", "", "b"]) == '<div class="bt-facts"><span>a</span><span>b</span></div>'

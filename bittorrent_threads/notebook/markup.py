"""``Html``: text that is markup already, and the elements that cards are made of; any other text is escaped."""

from __future__ import annotations

import html
from typing import Iterable, NamedTuple, Sequence

from ..text import escaped

MAX_TEXT = 160
"""Most characters of a text from outside, such as the name of a file."""


class Html(str):
    """Markup."""

    __slots__ = ()


class Column(NamedTuple):
    """A column of a table."""

    title: str
    kind: str = ""
    """``num`` for numbers, ``wide`` for the column that may have several lines, or nothing."""


def text(value: object, limit: int = MAX_TEXT) -> Html:
    """Return a value as markup: short, escaped, and without invisible characters; markup stays as it is."""
    if isinstance(value, Html):
        return value
    found = str(value)
    if len(found) > limit:
        # The end of a name tells more than its middle: it has the number and the suffix.
        found = f"{found[: limit - 41]}\u2026{found[-40:]}"
    return Html(html.escape(escaped(found)))


def join(parts: Iterable[object]) -> Html:
    """Return the parts one behind the other."""
    return Html("".join(map(text, parts)))


def element(tag: str, *content: object, kind: str = "") -> Html:
    """Return an element.

    Args:
        tag: Its name.
        *content: What is in it; what is no markup is escaped.
        kind: Its classes.
    """
    classes = f' class="{kind}"' if kind else ""
    return Html(f"<{tag}{classes}>{join(content)}</{tag}>")


def bar(share: float, kind: str = "bt-done") -> Html:
    """Return a bar.

    Args:
        share: Its length, 0 to 1.
        kind: The class of its color.
    """
    percent = f"{100 * min(max(share, 0.0), 1.0):.1f}%"
    return Html(f'<div class="bt-bar {kind}" title="{percent}"><div style="width:{percent}"></div></div>')


def facts(items: Iterable[object]) -> Html:
    """Return a line of short texts, without the empty ones."""
    return element("div", *(element("span", item) for item in items if item), kind="bt-facts")


def table(columns: Sequence[Column], rows: Iterable[Sequence[object]], more: int = 0) -> Html:
    """Return a table.

    Args:
        columns: Titles and kinds of the columns.
        rows: The cells of each row.
        more: Rows that are left out, which a line below the table says.
    """
    kinds = [f"bt-{column.kind}" if column.kind else "" for column in columns]
    head = element("tr", *(element("th", column.title, kind=kind) for column, kind in zip(columns, kinds)))
    body = [element("tr", *(element("td", cell, kind=kind) for cell, kind in zip(row, kinds))) for row in rows]
    rest = [element("div", f"and {more:,} more", kind="bt-muted bt-small")] if more > 0 else []
    return join([element("table", head, *body), *rest])


def section(title: str, *content: object, opened: bool = True) -> Html:
    """Return a part of a card that the reader can fold.

    Args:
        title: The line that stays.
        *content: What is in it.
        opened: It is not folded at first.
    """
    inside = join([element("summary", title), *content])
    return Html(f"<details{' open' if opened else ''}>{inside}</details>")

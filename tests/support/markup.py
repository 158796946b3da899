"""Reads the HTML that notebooks are given."""

from __future__ import annotations

import html.parser
from typing import List


class Reader(html.parser.HTMLParser):
    """Reads markup: its tags, and its text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: List[str] = []
        self.data = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.data += data

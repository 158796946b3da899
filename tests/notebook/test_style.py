from __future__ import annotations

import re

from bittorrent_threads.notebook.style import STYLE


def test_every_rule_is_for_cards_and_loads_nothing() -> None:
    rules = re.sub(r"@media \(prefers-color-scheme:dark\)\{(.*?\})\}", r"\1", STYLE[len("<style>") : -len("</style>")])
    selectors = [selector for part in re.findall(r"([^{}]+)\{[^{}]*\}", rules) for selector in part.split(",")]
    assert len(selectors) > 30
    assert [selector for selector in selectors if ".bt-card" not in selector] == []
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_dark_pages_have_their_own_accents() -> None:
    for name in ("done", "move", "warn", "error"):
        assert len(set(re.findall(rf"--bt-{name}:(#\w+)", STYLE))) == 2

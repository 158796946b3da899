"""The page that lists the files of a torrent.

The rule: every text of the torrent is escaped, and the page has no script.
"""

from __future__ import annotations

import html
from typing import Sequence

from ..amounts import size_text
from .catalogue import Entry

MAX_FILES = 5000
"""Files that are listed; a torrent may have a million."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The field ``Content-Security-Policy`` of the page."""
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "td{padding:0 1em 0 0;overflow-wrap:anywhere}td+td{text-align:right;white-space:nowrap}"
)


def listing(name: str, entries: Sequence[Entry], progress: float) -> str:
    """Return the page.

    Args:
        name: Name of the torrent.
        entries: Its files.
        progress: Share of the torrent that is downloaded, 0 to 1.
    """
    rows = [
        f'<tr><td><a href="{html.escape(entry.path)}">{_text(entry.name)}</a></td>'
        f"<td>{size_text(entry.length)}</td></tr>"
        for entry in entries[:MAX_FILES]
    ]
    more = len(entries) - MAX_FILES
    rest = f"<p>{more} more files are not listed.</p>" if more > 0 else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{_text(name)}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{_text(name)}</h1><p>{progress:.1%} downloaded</p>\n<table>\n"
        + "\n".join(rows)
        + f"\n</table>{rest}</body></html>\n"
    )


def _text(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))

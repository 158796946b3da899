"""Pages of reStructuredText as the tests read them: their blocks of code, their tables, their literals."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

from bittorrent_threads import cli

ROOT = Path(__file__).resolve().parent.parent.parent


class Page:
    """One file of reStructuredText."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()

    def blocks(self, kind: str) -> Iterator[Tuple[int, str]]:
        """Yield the number of lines above each code block of this kind, and its text."""
        for number, line in enumerate(self.lines):
            if line == f".. code-block:: {kind}":
                end = number + 1
                while end < len(self.lines) and (not self.lines[end] or self.lines[end].startswith("    ")):
                    end += 1
                yield number + 1, "\n".join(text[4:] for text in self.lines[number + 1 : end])

    def run(self, names: Dict[str, Any]) -> None:
        """Run the Python blocks one after another in the namespace ``names``."""
        for first, source in self.blocks("python"):
            # The empty lines make tracebacks name the lines of the page.
            exec(compile("\n" * first + source, str(self.path), "exec"), names)

    def literals(self, pattern: str = ".+?") -> List[str]:
        """Return what stands between pairs of double backquotes and matches the pattern."""
        return re.findall(rf"``({pattern})``", self.text.replace("\n", " "))


def check_commands(page: Page) -> Set[str]:
    """Check that every command line of a page can be parsed, or names a file of the checkout.

    Returns:
        The commands of ``bittorrent-threads`` that the page shows.
    """
    shown = set()
    for _, text in page.blocks("console"):
        for line in filter(None, text.split("\n")):
            prompt, *words = shlex.split(line)
            assert prompt == "$", line
            if words[:2] == ["python3", "tools/demo.py"]:
                words = ["bittorrent-threads", *(words[2:] or ["demo"])]
            if words[0] == "bittorrent-threads":
                shown.add(cli.parser().parse_args(words[1:]).command)
            else:
                assert words[0] == "python3", line
                assert words[1:] == ["-m", "pip", "install", "."] or (ROOT / words[1]).is_file(), line
    return shown

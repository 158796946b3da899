"""Configuration of Sphinx for the manual; ``python3 tools/manual.py`` builds it.

Two things are added to Sphinx.  A line ``.. generated:: NAME`` in a page is replaced by the text that the function of
that name in ``generated.py`` returns.  And an indented block in the docstring of a module is shown as it is written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Dict, List

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

import generated  # noqa: E402
from typing_extensions import Unpack  # noqa: E402

from bittorrent_threads import blocking_download, session  # noqa: E402
from bittorrent_threads.testing import seeders, swarms  # noqa: E402
from bittorrent_threads.version import __version__  # noqa: E402

for module in (blocking_download, session, seeders, swarms):
    setattr(module, "Unpack", Unpack)  # noqa: B010 - imported for type checkers only; autodoc evaluates the hints

project = "bittorrent_threads"
author = "the bittorrent_threads authors"
version = release = __version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"bittorrent_threads {release}"
html_show_copyright = False
html_copy_source = False
default_role = None
highlight_language = "none"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False

nitpick_ignore_regex = [
    # No inventory of the standard library is fetched, so that the manual builds without the network.
    (r"py:.*", r"(?!bittorrent_threads\b|[A-Z]\w*$).*"),
    (r"py:.*", r"(Any|Callable|Exception|NamedTuple|Optional|Row|Sequence|Tiers|TimeoutError|Union|ValueError)"),
    (r"py:.*", r"(Cancel|Figure|File|Progress|Until)"),  # names of types that the reference of each argument describes
    # The types of the engine are no part of the public interface.
    (r"py:.*", r"bittorrent_threads\.(dht|disk|engine|metainfo|net|protocol|swarm|threads)\..*"),
]


def fill(app: Any, page: str, source: List[str]) -> None:
    """Replace each line ``.. generated:: NAME`` of a page that was read."""
    source[0] = re.sub(r"^\.\. generated:: (\w+)$", lambda match: generated.text(match[1]), source[0], flags=re.M)


def show_blocks(app: Any, kind: str, name: str, thing: Any, options: Any, lines: List[str]) -> None:
    """Make the indented blocks of a module's docstring literal: they are lists of names, in columns."""
    if kind == "module":
        lines[:] = generated.with_literal_blocks(lines)


def setup(app: Any) -> Dict[str, bool]:
    """Connect both to the events of Sphinx."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", show_blocks)
    return {"parallel_read_safe": True}

"""``Shown``: base of values that a notebook shows as HTML.

The HTML is made in the layer ``notebook``, which is above the modules of such values and is imported when a notebook
asks for it.
"""

from __future__ import annotations

import importlib
from typing import ClassVar


class Shown:
    """Base of a class with the HTML that Jupyter asks for.

    Attributes:
        _card: The function of ``notebook.cards`` that makes it.
    """

    _card: ClassVar[str] = ""

    def _repr_html_(self) -> str:
        cards = importlib.import_module("bittorrent_threads.notebook.cards")
        html: str = getattr(cards, self._card)(self)
        return html

"""What one torrent does at the end of a pass of the network thread, once, however many parts need it.

The order is fixed: finished pieces go to the disk first, then peers are asked for more.  One call deferred for both
keeps a block from costing more than a look at a flag.
"""

from __future__ import annotations

from typing import Callable, List


class PassEnd:
    """The end of a pass for one torrent; ``defer`` calls once at the end of the pass (``Network.defer``)."""

    def __init__(self, defer: Callable[[Callable[[], None]], None]) -> None:
        self.steps: List[Callable[[], None]] = []
        """Called in this order."""
        self._defer = defer
        self._scheduled = False

    def schedule(self) -> None:
        """Take the steps at the end of this pass."""
        if not self._scheduled:
            self._scheduled = True
            self._defer(self._run)

    def _run(self) -> None:
        self._scheduled = False
        for step in self.steps:
            step()

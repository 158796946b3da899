"""``Lines``: a storm that interrupts a call before each line of the package that the main thread runs."""

from __future__ import annotations

import faulthandler
import os
import sys
from types import FrameType
from typing import Any

import bittorrent_threads as bt

from .ground import PATIENCE
from .program import Call

PACKAGE = os.path.dirname(bt.__file__)


class Lines:
    """One interrupt before each line, or before every ``step``-th, one after the other."""

    def __init__(self, step: int, most: int) -> None:
        self.done = 0
        self._step = step
        self._most = most
        self._countdown = 0

    def __call__(self, call: Call) -> None:
        """Make the call once for each line that is interrupted."""
        call()  # for what happens once, such as imports
        position = 0
        while self.done < self._most:
            position += self._step
            self._countdown = position
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            sys.settrace(self._enter)
            try:
                call()
            except KeyboardInterrupt:
                self.done += 1
            finally:
                sys.settrace(None)
            if self._countdown > 0:
                return  # the call ended before this line

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._countdown -= 1
            if not self._countdown:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self._line

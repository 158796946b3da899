"""``Once``: no storm, but a record of the public calls that a program makes."""

from __future__ import annotations

import os
import sys
from types import FrameType
from typing import Any, Set

from .interface import public_calls
from .program import Call

FOLDER = os.path.dirname(__file__)


class Once:
    """Makes the call once, and records which public functions the code of the programs calls."""

    def __init__(self) -> None:
        self.done = 0
        self._names = public_calls()
        self.made: Set[str] = set()

    def __call__(self, call: Call) -> None:
        """Make the call."""
        sys.setprofile(self._profile)
        try:
            call()
        finally:
            sys.setprofile(None)

    @property
    def missing(self) -> Set[str]:
        """The public calls that no program has made."""
        return set(self._names.values()) - self.made

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        caller = frame.f_back
        if event == "call" and caller is not None and caller.f_code.co_filename.startswith(FOLDER):
            name = self._names.get(frame.f_code)
            if name is not None:
                self.made.add(name)

"""``Command``: one command of the command line, its arguments and its function."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Callable, Tuple

from .console import Console


@dataclasses.dataclass(frozen=True)
class Command:
    """A command, as the parser needs it."""

    name: str
    """The word behind ``bittorrent-threads``."""
    summary: str
    """What it does, in a phrase without a full stop."""
    run: Callable[[argparse.Namespace, Console], int]
    """Runs it and returns the exit code; an exception in ``outcome.FAILURES`` becomes one line and an exit code."""
    groups: Tuple[Callable[[], argparse.ArgumentParser], ...]
    """The groups of options that it shares with others, of ``option_groups``."""
    add_arguments: Callable[[argparse.ArgumentParser], None]
    """Adds the arguments that it alone has."""
    examples: Tuple[str, ...]
    """Arguments behind the name of the command, for its help."""

    @property
    def epilog(self) -> str:
        """The end of its help."""
        lines = [f"  bittorrent-threads {self.name} {arguments}".rstrip() for arguments in self.examples]
        return "\n".join(["examples:", *lines])

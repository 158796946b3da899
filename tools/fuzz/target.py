"""``Target``: one parser or state machine, and what must hold for every input of it."""

from __future__ import annotations

import contextlib
import dataclasses
from types import ModuleType
from typing import Callable, Iterator, List, Sequence


class Violation(AssertionError):
    """Something that must hold for every input does not; the text is the fact."""


def require(truth: object, fact: str) -> None:
    """Raise :class:`Violation` with ``fact`` unless ``truth``; unlike ``assert`` with every switch of Python."""
    if not truth:
        raise Violation(fact)


def require_shown(text: str, longest: int, what: str) -> None:
    """Require that ``text`` can be shown in a terminal and a log: printable, one line, not long."""
    require(text.isprintable(), f"{what} cannot be shown: {text!r:.200}")
    require(len(text) <= longest, f"{what} has {len(text)} characters: {text!r:.200}")


@contextlib.contextmanager
def lowered(module: ModuleType, **limits: int) -> Iterator[None]:
    """Give constants of a module other values for a while, so that short inputs meet its limits."""
    usual = {name: getattr(module, name) for name in limits}
    vars(module).update(limits)
    try:
        yield
    finally:
        vars(module).update(usual)


@dataclasses.dataclass(frozen=True)
class Target:
    """What is run with each input.

    ``check`` raises for a finding and nothing else, ``seeds`` makes valid inputs with the library's own encoders,
    ``tokens`` are what a mutation inserts, and no input has more than ``longest`` bytes.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], List[bytes]]
    tokens: Sequence[bytes] = ()
    longest: int = 1024

"""``Target``: one parser or state machine, and the properties that must hold for every input."""

from __future__ import annotations

import contextlib
import dataclasses
from types import ModuleType
from typing import Callable, Iterator, List, Sequence


class Violation(AssertionError):
    """A property does not hold for an input; the text names the property."""


def require(truth: object, fact: str) -> None:
    """Raise :class:`Violation` with ``fact`` unless ``truth``; unlike ``assert``, also under ``python -O``."""
    if not truth:
        raise Violation(fact)


def require_shown(text: str, longest: int, what: str) -> None:
    """Require that ``text`` is one printable line of at most ``longest`` characters."""
    require(text.isprintable(), f"{what} cannot be shown: {text!r:.200}")
    require(len(text) <= longest, f"{what} has {len(text)} characters: {text!r:.200}")


@contextlib.contextmanager
def lowered(module: ModuleType, **limits: int) -> Iterator[None]:
    """Set constants of a module to lower values in a ``with`` block, so that short inputs reach its limits."""
    usual = {name: getattr(module, name) for name in limits}
    vars(module).update(limits)
    try:
        yield
    finally:
        vars(module).update(usual)


@dataclasses.dataclass(frozen=True)
class Target:
    """A function to fuzz, and how to make inputs for it.

    ``check`` raises for a finding and nothing else, ``seeds`` makes valid inputs with the library's own encoders,
    ``tokens`` are what a mutation inserts, and no input has more than ``longest`` bytes.
    """

    check: Callable[[bytes], None]
    seeds: Callable[[], List[bytes]]
    tokens: Sequence[bytes] = ()
    longest: int = 1024

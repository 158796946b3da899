"""Names that a package imports from its modules when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from typing import Callable, Dict, List, Mapping, Sequence, Tuple


def lazy_names(
    package: str, modules: Mapping[str, Sequence[str]]
) -> Tuple[List[str], Callable[[str], object], Callable[[], List[str]]]:
    """Return ``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: The ``__name__`` of the package.
        modules: The names that each module has, by the name of the module relative to the package; no names stand for
            the module itself.
    """
    homes: Dict[str, str] = {name: module for module, names in modules.items() for name in names or [module]}

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f".{homes[name]}", package)
        value: object = getattr(module, name) if modules[homes[name]] else module
        setattr(sys.modules[package], name, value)
        return value

    def names() -> List[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return sorted(homes), get, names

"""``encoder``: the function of the package ``bencoder`` that encodes.

The import is a plain statement, so that tools that bundle a program (PyInstaller) see it.  It runs when this package is
first imported, so that a missing package is an error then, and not in the middle of a download.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable

try:
    import bencoder
except ImportError as error:
    raise ImportError("bittorrent_threads needs the package bencoder: pip install bencoder") from error


def encoder_of(module: ModuleType) -> Callable[[Any], bytes]:
    """The encode function of a module.

    Raises:
        ImportError: The module is another package of the same name.
    """
    # The package bencoder.pyx also installs a module named bencoder, with other function names.
    found: Any = getattr(module, "encode", None) or getattr(module, "bencode", None)
    if found is None:
        where = getattr(module, "__file__", None)
        raise ImportError(f"the module bencoder at {where} has no encode: another package shadows bencoder")
    function: Callable[[Any], bytes] = found
    return function


encoder = encoder_of(bencoder)

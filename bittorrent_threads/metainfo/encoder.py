"""``encoder``: the function of the package ``bencoder`` that encodes.

The import is a plain one, so that what makes a program of one file (PyInstaller) sees it, and comes with the first
import of this package, so that what is missing is told then and not in the middle of a download.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable

try:
    import bencoder
except ImportError as error:
    raise ImportError("bittorrent_threads needs the package bencoder: pip install bencoder") from error


def encoder_of(module: ModuleType) -> Callable[[Any], bytes]:
    """Its function; raises ImportError for a module that only has the name."""
    # bencoder.pyx is another package with a module of the same name.
    found: Any = getattr(module, "encode", None) or getattr(module, "bencode", None)
    if found is None:
        where = getattr(module, "__file__", None)
        raise ImportError(f"the module bencoder at {where} has no encode: another package shadows bencoder")
    function: Callable[[Any], bytes] = found
    return function


encoder = encoder_of(bencoder)

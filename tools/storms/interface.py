"""The names of the public calls: functions, methods and properties."""

from __future__ import annotations

import inspect
import os
from types import CodeType
from typing import Any, Dict, Iterator, Tuple

import bittorrent_threads as bt
from bittorrent_threads.event_queue import EventQueue
from bittorrent_threads.file import File
from bittorrent_threads.reading.file_reader import FileReader
from bittorrent_threads.serving.file_server import FileServer

PACKAGE = os.path.dirname(bt.__file__)
RETURNED = (EventQueue, File, FileReader, FileServer)
"""Public classes that the package does not export, as its calls return them."""
CONSTRUCTED = (bt.Client, bt.Session, bt.Tracker)
"""Classes of which programs make objects that have threads."""
PROTOCOLS = ("__enter__", "__exit__", "__iter__", "__next__", "__len__", "__contains__", "__repr__", "_repr_html_")
"""What Python and notebooks call."""
INTERNAL = ("EventQueue.publish", "EventQueue.publish_passed", "EventQueue.publish_files", "EventQueue.end")
"""Methods of public objects that the library calls."""


def public_calls() -> Dict[CodeType, str]:
    """Return the name of each public function, such as ``Client.start``, by its code."""
    found: Dict[CodeType, str] = {}
    for name in bt.__all__:
        value = getattr(bt, name)
        if inspect.isfunction(value):
            found[value.__code__] = name
    exported = [value for value in (getattr(bt, name) for name in bt.__all__) if inspect.isclass(value)]
    for kind in [*exported, *RETURNED]:
        if not issubclass(kind, BaseException):
            for name, code in _methods(kind):
                found.setdefault(code, f"{kind.__name__}.{name}")
    return {code: name for code, name in found.items() if name not in INTERNAL}


def _methods(kind: Any) -> Iterator[Tuple[str, CodeType]]:
    """The public methods of a class and of its bases in the package; a property that can be set is two."""
    for base in kind.__mro__:
        for name, value in vars(base).items():
            public = not name.startswith("_") or name in PROTOCOLS or (name == "__init__" and kind in CONSTRUCTED)
            if not public:
                continue
            if isinstance(value, property):
                functions = [(name, value.fget), (f"{name} =", value.fset)]
            else:
                functions = [(name, getattr(value, "__func__", value))]
            for called, function in functions:
                code = getattr(function, "__code__", None)
                # The methods that ``dataclass`` makes are in no file, and those of the standard library in another.
                if isinstance(code, CodeType) and code.co_filename.startswith(PACKAGE):
                    yield called, code

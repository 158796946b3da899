"""Where the program called the library: the file and line, or the cell of a notebook, for messages."""

from __future__ import annotations

import sys

_PACKAGE = __name__.rpartition(".")[0]


def origin() -> str:
    """Return where the code outside of this package is that called it, such as ``"notes.py, line 3"``.

    It is empty if nothing outside called it.
    """
    frame = sys._getframe(1)
    while frame is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE:
        if frame.f_back is None:
            return ""
        frame = frame.f_back
    path, line = frame.f_code.co_filename, frame.f_lineno
    return f"{_cell(path) or path}, line {line}"


def _cell(path: str) -> str:
    """Return the name that IPython gives to the cell whose code has this path; empty if it is no cell."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    compiler = getattr(get_ipython() if get_ipython is not None else None, "compile", None)
    format_name = getattr(compiler, "format_code_name", None)  # from IPython 8 on
    found = None if format_name is None else format_name(path)
    return " ".join(map(str, found)) if isinstance(found, tuple) else ""

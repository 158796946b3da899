"""``require_peer``: the programs that interoperability tests need, and what happens when one is missing.

A test that needs one calls ``require_peer``: it skips where the program is missing, or fails when
``BITTORRENT_THREADS_REQUIRE_PEERS=1`` is set.  The end of the run lists the missing peers.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from typing import Dict, List, Optional

import pytest

PROGRAMS = {
    **{"aria2": "aria2c", "transmission": "transmission-cli", "opentracker": "opentracker"},
    **{name: name for name in ("Xvfb", "chromium", "curl", "ffmpeg")},
}
MODULES = {
    name: name
    for name in (
        *("libtorrent", "gevent", "eventlet", "PyInstaller"),
        *("distributed", "ipykernel", "nbclient", "nbformat", "matplotlib"),
        *("pandas", "fsspec", "pyarrow", "PIL", "PySide6", "tkinter", "torf", "argcomplete", "tqdm"),
    )
}
SYSTEM_PYTHON = "/usr/bin/python3"
SYSTEM_MODULES = ("gi",)
"""Modules that Debian packages for its own Python: the path of that is returned for them."""
VARIABLE = "BITTORRENT_THREADS_REQUIRE_PEERS"

missed: Dict[str, List[str]] = {}
"""Missing peer → tests that need it."""


def find_peer(name: str) -> Optional[str]:
    """Return the path of the program or module of a peer; None when it is not installed."""
    if name in PROGRAMS:
        return shutil.which(PROGRAMS[name])
    if name in SYSTEM_MODULES:
        command = [SYSTEM_PYTHON, "-c", f"import {name}"]
        return SYSTEM_PYTHON if os.path.exists(SYSTEM_PYTHON) and subprocess.run(command).returncode == 0 else None
    spec = importlib.util.find_spec(MODULES[name])
    return spec.origin if spec else None


def required() -> bool:
    """Whether what is missing fails a test."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def require_peer(name: str) -> str:
    """Return the path of the program or module of ``name``, a name of the tables above.

    Where it is missing the calling test or fixture skips, or fails when peers are required.
    """
    found = find_peer(name)
    if found is None:
        test = os.environ.get("PYTEST_CURRENT_TEST", "?").rpartition(" ")[0]
        missed.setdefault(name, []).append(test)
        if required():
            pytest.fail(f"{name} is not installed, and {VARIABLE} is set", pytrace=False)
        pytest.skip(f"{name} is not installed")
    return found

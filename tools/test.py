"""Make ``.venv``, install the package, its test tools and the peers of the interoperability tests, and run pytest.

    python3 tools/test.py
    python3 tools/test.py tests/metainfo -x        arguments go to pytest

Without arguments the tests run in three processes, because most of their time they wait.

Tests that need a peer that cannot be installed are skipped, and listed at the end of the run.  With
``BITTORRENT_THREADS_REQUIRE_PEERS=1`` they fail.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path
from typing import Callable, Sequence

import environment

DEBIAN_PEERS = {
    **{"aria2c": "aria2", "transmission-cli": "transmission-cli", "opentracker": "opentracker"},
    **{"Xvfb": "xvfb", "curl": "curl", "ffmpeg": "ffmpeg", "chromium": "chromium"},
}
"""The program of each peer, and its Debian package."""
DEBIAN_LIBRARIES = {
    **{"EGL": "libegl1", "GL": "libgl1", "xkbcommon": "libxkbcommon0", "fontconfig": "libfontconfig1"},
    **{"dbus-1": "libdbus-1-3"},
}
"""The libraries that Qt (PySide6) needs, and their Debian packages."""
DEBIAN_MODULES = {"gi": "python3-gi"}
"""Modules for the Python of Debian, and their packages."""
SYSTEM_PYTHON = Path("/usr/bin/python3")
WHOLE_SUITE = ("--numprocesses=3", "--dist=worksteal")
"""Arguments of a run of all tests: more processes than cores, because they wait half of the time."""
RUN_TIMEOUT = 1800.0
"""Seconds for all tests; the suite takes less than ten minutes on two cores."""
CLEANUP_TIMEOUT = 30.0
"""Seconds that pytest gets after an interrupt to end its children and report."""


def install_peers(python: Path) -> None:
    """Install the missing peers that this machine can install."""
    if not imports(python, "libtorrent"):
        environment.say("installing libtorrent with pip")
        command = [str(python), "-m", "pip", "install", "--quiet", "--retries", "2", "--only-binary", ":all:"]
        attempt(lambda: environment.run([*command, "libtorrent"]))
    missing = {program: package for program, package in DEBIAN_PEERS.items() if shutil.which(program) is None}
    missing.update({name: package for name, package in DEBIAN_LIBRARIES.items() if find_library(name) is None})
    if SYSTEM_PYTHON.exists():
        missing.update({name: package for name, package in DEBIAN_MODULES.items() if not imports(SYSTEM_PYTHON, name)})
    if not missing:
        return
    if not environment.has_apt():
        environment.say(f"not installed, and not root on Debian: {', '.join(missing.values())}")
        return
    attempt(lambda: environment.apt_install(list(missing.values())))
    if "opentracker" in missing and shutil.which("systemctl"):
        # The package starts a public tracker at every boot; the tests need only the program.
        attempt(lambda: environment.run(["systemctl", "disable", "--now", "opentracker"], timeout=60))


def imports(python: Path, module: str) -> bool:
    """Return whether the environment can import ``module``."""
    command = [str(python), "-c", f"import {module}"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def attempt(install: Callable[[], object]) -> None:
    """Call ``install``, and report a failure instead of raising it."""
    try:
        install()
    except environment.PreparationError as error:
        environment.say(f"went on without: {error}")


def main(arguments: Sequence[str]) -> int:
    """Run the tests; return the exit code of pytest, or 1 when the environment or the time failed."""
    try:
        python = environment.prepare("test")
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    attempt(lambda: environment.prepare("apps"))
    install_peers(python)
    command = [str(python), "-m", "pytest", *(arguments or WHOLE_SUITE)]
    # Without bytecode every process compiles the tests, and every child of a test the package, for most of a second.
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, cwd=environment.ROOT, env=variables) as pytest:
        try:
            return pytest.wait(RUN_TIMEOUT)
        except KeyboardInterrupt:
            code = 130  # the terminal interrupted pytest, too
        except subprocess.TimeoutExpired:
            code = 1
            environment.say(f"the tests are not done after {RUN_TIMEOUT:.0f} seconds: stopping them")
            pytest.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        try:
            pytest.wait(CLEANUP_TIMEOUT)
        except subprocess.TimeoutExpired:
            pytest.kill()
        return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

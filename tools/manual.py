"""Make ``.venv``, install the package with Sphinx into it, and build the manual; a warning is a failure.

    python3 tools/manual.py
    python3 tools/manual.py -b text

The manual is HTML in ``build/manual``.  Arguments go to Sphinx; here they choose another builder.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Sequence

import environment

SOURCE = environment.ROOT / "tools" / "docs"
TARGET = environment.ROOT / "build" / "manual"
BUILD_TIMEOUT = 600.0
"""Seconds for one build, which takes about ten."""


def main(arguments: Sequence[str]) -> int:
    """Build the manual.

    Args:
        arguments: More arguments for Sphinx, such as ``-b text`` for another builder.

    Returns:
        The exit code of Sphinx; 1 if the environment could not be made or the build took too long.
    """
    try:
        python = environment.prepare("docs")
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    # -W: a warning is a failure; -n: so is a reference without a target; -E: every page is read, each time.
    strict = ["-W", "--keep-going", "-n", "-E", "-q"]
    folders = ["-d", str(TARGET.with_name("manual-doctrees")), str(SOURCE), str(TARGET)]
    try:
        code = subprocess.call([str(python), "-m", "sphinx", *strict, *arguments, *folders], timeout=BUILD_TIMEOUT)
    except subprocess.TimeoutExpired:
        environment.say(f"the manual is not built after {BUILD_TIMEOUT:.0f} seconds")
        return 1
    if code == 0:
        environment.say(f"the manual is in {TARGET}")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

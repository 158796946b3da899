"""Make ``.venv``, install the package with ``atheris`` into it, and fuzz one of its parsers or state machines.

    python3 tools/fuzz/run.py wire --inputs 1000000
    python3 tools/fuzz/run.py all --plain --seed 7          without coverage, all targets one after the other
    python3 tools/fuzz/run.py wire --replay fuzz-findings/wire-1234abcd.bin

``--help`` names the targets.  Where atheris cannot be installed, inputs are random mutations of seeds and tokens.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence

HERE = Path(__file__).resolve().parent
TOOLS = HERE.parent

if sys.path[0] == str(HERE):
    sys.path[0] = str(TOOLS)  # this folder is a package: its modules are not imported by their bare names

import environment  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """Run the fuzz program; return its exit code, or 1 when the environment could not be made."""
    try:
        python = prepared()
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    # The target ``peer`` runs the engine on the simulated network and disk of the tests.
    search = [str(TOOLS), str(environment.ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [str(python), "-m", "fuzz", *arguments]
    return subprocess.call(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(search)})


def prepared() -> Path:
    """Return the interpreter of the environment, with atheris where it can be installed."""
    try:
        return environment.prepare("fuzz")
    except environment.PreparationError as error:
        environment.say(f"went on without atheris: {str(error).splitlines()[-1]}")
        return environment.prepare()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

"""Make ``.venv``, install the package with ``atheris`` into it, and fuzz a parser or state machine of it.

    python3 tools/fuzz/run.py wire --inputs 1000000
    python3 tools/fuzz/run.py all --plain --seed 7          by chance alone, all targets one after the other
    python3 tools/fuzz/run.py wire --replay fuzz-findings/wire-1234abcd.bin

``--help`` names the targets.  Where atheris cannot be installed, inputs are made by chance from seeds and tokens.
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
    sys.path[0] = str(TOOLS)  # nothing of this folder, which is a package, is imported by its bare name

import environment  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """Exit code of the fuzzing; 1 when the environment could not be made."""
    try:
        python = prepared()
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    # The simulated network and disk that the whole engine runs on are those of the tests.
    search = [str(TOOLS), str(environment.ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [str(python), "-m", "fuzz", *arguments]
    return subprocess.call(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(search)})


def prepared() -> Path:
    """The interpreter of the environment, with atheris if this Python and machine can have it."""
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

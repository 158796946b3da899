"""Make ``.venv``, install the package into it, interrupt calls of the public API, and check that nothing is leaked.

    python3 tools/storm.py                               # 1,000 interrupts of each call, at random moments
    python3 tools/storm.py --interrupts 50000 close wait
    python3 tools/storm.py --lines create                # one interrupt before each line that the call runs
    python3 tools/storm.py --missing                     # the public calls that no program makes

At the end the interrupted object must work, close, and leave no thread and no descriptor behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence

import environment


def main(arguments: Sequence[str]) -> int:
    """Exit code of the storms; 1 when the environment could not be made."""
    try:
        python = environment.prepare("plot")
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    search = os.pathsep.join([str(Path(__file__).resolve().parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [str(python), "-m", "storms", *arguments]
    return subprocess.call(command, env={**os.environ, "PYTHONPATH": search})


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

"""Make ``.venv``, install the package into it, and measure it beside the peers that are installed.

    python3 tools/bench.py download-libtorrent
    python3 tools/bench.py all --size 256Mi --rounds 3 --json > figures.json
    python3 tools/bench.py ours-ours --profile

``--help`` names the lines.  ``tools/test.py`` installs the peers; what needs one that is missing is left out and named.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence

import environment


def main(arguments: Sequence[str]) -> int:
    """Exit code of the measuring; 1 when the environment could not be made."""
    try:
        python = environment.prepare()
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    search = os.pathsep.join([str(Path(__file__).resolve().parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [str(python), "-m", "benchmarks", *arguments]
    return subprocess.call(command, env={**os.environ, "PYTHONPATH": search})


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

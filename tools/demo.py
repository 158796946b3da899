"""Make ``.venv``, install the package into it, and run the demonstration; with arguments, run ``bittorrent-threads``.

python3 tools/demo.py
python3 tools/demo.py download some.torrent -d DIR
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Sequence

import environment


def main(arguments: Sequence[str]) -> int:
    """Run the command; return 1 when the environment could not be created."""
    try:
        python = environment.prepare()
    except environment.PreparationError as error:
        environment.say(str(error))
        return 1
    program = python.with_name("bittorrent-threads.exe" if os.name == "nt" else "bittorrent-threads")
    command = [str(program), *(arguments or ["demo"])]
    if os.name != "nt":
        os.execv(command[0], command)  # the same process: signals and exit code are the command's
    return subprocess.call(command)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

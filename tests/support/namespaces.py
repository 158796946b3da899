"""Programs in a network namespace of their own (Linux): interfaces that no other test and no other machine sees."""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
import textwrap
from typing import List, Sequence

import pytest

from .loopback import ROOT
from .peers_required import VARIABLE, required


@functools.cache
def _prefix() -> List[str]:
    """Return the command that runs another in a new namespace; empty if there is none."""
    for options in (["--net"], ["--net", "--user", "--map-root-user"]):
        command = ["unshare", *options, "--"]
        try:
            if subprocess.run([*command, "ip", "link"], capture_output=True, timeout=20).returncode == 0:
                return command
        except FileNotFoundError:
            return []
    return []


def namespace_command(commands: Sequence[str], command: Sequence[str]) -> List[str]:
    """Return the command line that runs ``command`` in a new namespace, after the ``ip`` commands that set it up.

    Where the system makes no namespace the test skips, or fails when the peers are required.
    """
    prefix = _prefix()
    if not prefix:
        if required():
            pytest.fail(f"no network namespace can be made here, and {VARIABLE} is set", pytrace=False)
        pytest.skip("no network namespace can be made here")
    script = " && ".join([*commands, f"exec {shlex.join(command)}"])
    return [*prefix, "sh", "-c", script]


def in_namespace(commands: Sequence[str], program: str, *arguments: str, timeout: float = 100) -> str:
    """Run a Python program that can import the library and ``support`` in a new namespace; return its output."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    command = namespace_command(commands, [sys.executable, "-c", textwrap.dedent(program), *arguments])
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout

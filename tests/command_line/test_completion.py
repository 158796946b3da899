"""Completion in a shell, as bash asks for it."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, List

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
complete() {{ :; }}
eval "$({register} bittorrent-threads)"
COMP_LINE={line}
COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=($COMP_LINE)
COMP_TYPE=9
_python_argcomplete bittorrent-threads
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.interop
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("bittorrent-threads ver", ["verify"]),
        ("bittorrent-threads download --allocate ", ["full", "sparse"]),
        ("bittorrent-threads download --se", ["--seed", "--seed-time", "--select", "--sequential"]),
        ("bittorrent-threads info so", ["some.torrent"]),
    ],
)
def test_bash_completes(tmp_path: Path, require_peer: Callable[[str], str], line: str, found: List[str]) -> None:
    require_peer("argcomplete")
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    program = tmp_path / "bin" / "bittorrent-threads"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nfrom bittorrent_threads.cli import main\nsys.exit(main())\n")
    program.chmod(0o755)
    (tmp_path / "some.torrent").write_bytes(b"")
    register = f"{shlex.quote(sys.executable)} -m argcomplete.scripts.register_python_argcomplete"
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    ran = subprocess.run(
        [bash, "--norc", "-c", SCRIPT.format(register=register, line=shlex.quote(line))],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stderr == ""
    assert sorted(word.strip() for word in ran.stdout.splitlines() if word.strip()) == found


def test_without_the_package_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "argcomplete.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    ran = subprocess.run(
        [sys.executable, "-m", "bittorrent_threads"],
        env={**os.environ, "PYTHONPATH": path, "_ARGCOMPLETE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stderr == "completion needs the package argcomplete: pip install bittorrent_threads[completion]\n"

"""The virtual environment of a checkout: created once, repaired when broken, updated when the packaging changes.

The package is installed editable, so a changed module needs nothing; ``setup.cfg``, the interpreter or the place of the
checkout do, and the stamp written after a whole installation says which.  Runs with nothing but Python 3.9 or later:
``python3 tools/environment.py FOLDER`` prepares FOLDER for the tests and prints its interpreter.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import List, Sequence

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv"
STAMP = "bittorrent_threads.stamp"
BINARIES = "Scripts" if os.name == "nt" else "bin"
INSTALL_TIMEOUT = 600.0
"""Seconds for one installation with pip or apt-get; a slow mirror takes a few minutes at most."""
APT_OPTIONS = ["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30", "-o", "DPkg::Lock::Timeout=120"]


class PreparationError(Exception):
    """The environment could not be created; the text says what failed and, where known, what to do."""


def say(text: str) -> None:
    """Print one line of progress to standard error."""
    print(f"[{Path(sys.argv[0]).name}] {text}", file=sys.stderr, flush=True)


def prepare(extra: str = "", folder: Path = FOLDER) -> Path:
    """Install the package with the dependencies of ``extra`` into ``folder``; return the interpreter there.

    Raises :class:`PreparationError`.
    """
    if sys.version_info < (3, 9):  # noqa: UP036 - any version may run this file
        raise PreparationError(f"Python 3.9 or later is needed, this is {sys.version.split()[0]} ({sys.executable})")
    python = folder / BINARIES / ("python.exe" if os.name == "nt" else "python")
    if not usable(python):
        create(folder, python)
    wanted = fingerprint()
    stamp = folder / STAMP
    fresh, _, extras = stamp.read_text(encoding="utf-8").partition(" ") if stamp.is_file() else ("", "", "")
    if fresh != wanted or (extra and extra not in extras.split()):
        extras = " ".join(sorted({extra, *extras.split()} - {""}))
        requirement = str(ROOT) + (f"[{extras.replace(' ', ',')}]" if extras else "")
        say(f"installing the package{' with its extra ' + extras if extras else ''} into {folder.name}")
        stamp.unlink(missing_ok=True)
        # An isolated build: setuptools of the environment may be absent (3.12 on) or too old (3.9).  An older wheel is
        # better than a newer source: gevent has no wheel for 3.9 any more, and compiles for minutes.
        command = [str(python), "-m", "pip", "install", "--quiet", "--use-pep517", "--prefer-binary"]
        run([*command, "--editable", requirement])
        stamp.write_text(f"{wanted} {extras}", encoding="utf-8")
    return python


def usable(python: Path) -> bool:
    """Return whether the environment of ``python`` works and belongs to the interpreter that runs this."""
    probe = "import os, sys, pip; print(os.path.realpath(sys.base_prefix), sys.version)"
    ours = f"{os.path.realpath(sys.base_prefix)} {sys.version}"
    try:
        answer = subprocess.run(
            [str(python), "-c", probe], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0 and answer.stdout.strip() == ours


def create(folder: Path, python: Path) -> None:
    """Create the environment, in place of a broken one."""
    if folder.exists():
        say(f"{folder.name} is broken or of another Python, making it anew")
        shutil.rmtree(folder)
    else:
        say(f"making {folder.name} with Python {sys.version.split()[0]}")
    command = [sys.executable, "-m", "venv", str(folder)]
    try:
        run(command)
    except PreparationError as error:
        # Debian packages the venv module without ensurepip.
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        shutil.rmtree(folder, ignore_errors=True)
        if not has_apt():
            raise PreparationError(f"{error}\nOn Debian and Ubuntu: apt-get install {package}") from error
        apt_install([package])
        run(command)
    if not usable(python):
        raise PreparationError(f"{python} does not run, or has no pip")


def fingerprint() -> str:
    """Return a hash of everything that an editable installation depends on."""
    parts = [str(ROOT), sys.version]
    parts += [(ROOT / name).read_text(encoding="utf-8") for name in ("setup.cfg", "setup.py")]
    parts += [(ROOT / "bittorrent_threads" / "version.py").read_text(encoding="utf-8")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def run(command: Sequence[str], timeout: float = INSTALL_TIMEOUT) -> None:
    """Run a command; raise :class:`PreparationError` with the end of its output when it fails."""
    environment = {**os.environ, "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            env=environment,
        )
    except subprocess.CalledProcessError as error:
        tail = (error.stdout or b"").decode(errors="replace").strip().splitlines()[-25:]
        reason = f"exit code {error.returncode}" if error.returncode >= 0 else f"signal {-error.returncode}"
        raise PreparationError("\n".join([f"{' '.join(command)}: {reason}", *tail])) from error
    except subprocess.TimeoutExpired as error:
        raise PreparationError(f"{' '.join(command)}: not done after {timeout:.0f} seconds") from error
    except OSError as error:
        raise PreparationError(f"{' '.join(command)}: {error}") from error


def has_apt() -> bool:
    """Return whether Debian packages can be installed: as root, with apt-get."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(packages: List[str]) -> None:
    """Install Debian packages; raise :class:`PreparationError` when that fails."""
    say(f"installing {', '.join(packages)} with apt-get")
    command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", *APT_OPTIONS]
    run([*command, "update"])
    run([*command, "install", "--yes", "--no-install-recommends", *packages])


def main(arguments: Sequence[str]) -> int:
    """Prepare these environments for the tests, and print the interpreter of each."""
    try:
        for name in arguments:
            print(prepare("test", Path(name).absolute()))
    except PreparationError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

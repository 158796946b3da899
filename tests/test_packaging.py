"""What is built from a checkout: the metadata of setup.cfg, and the files of the wheel and the source distribution."""

from __future__ import annotations

import configparser
import email
import importlib
import shutil
import subprocess
import sys
import tarfile
import warnings
import zipfile
from email.message import Message
from pathlib import Path
from typing import Set

import pytest
from packaging.metadata import Metadata

from bittorrent_threads.version import __version__

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "bittorrent_threads"
SOURCES = ("setup.cfg", "setup.py", "README.rst", "LICENSE", PACKAGE)
BUILD = "import setuptools.build_meta as b; b.build_sdist('out'); b.build_wheel('out')"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both distributions, built from a copy with the setuptools that is installed here."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    (copy / "out").mkdir()
    answer = subprocess.run([sys.executable, "-c", BUILD], cwd=copy, capture_output=True, text=True, timeout=100)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return copy / "out"


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_bytes(archive.read(f"{PACKAGE}-{__version__}.dist-info/METADATA"))


def modules() -> Set[str]:
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / PACKAGE).rglob("*.py")}


def test_the_wheel_has_every_module_and_the_typing_mark(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == modules() | {f"{PACKAGE}/py.typed"}


def test_the_wheel_installs_the_command_and_the_plugin(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        points = configparser.ConfigParser()
        points.read_string(archive.read(f"{PACKAGE}-{__version__}.dist-info/entry_points.txt").decode())
    assert dict(points["console_scripts"]) == {"bittorrent-threads": f"{PACKAGE}.cli:main"}
    plugin = f"{PACKAGE}.testing.pytest_plugin"
    assert dict(points["pytest11"]) == {plugin: plugin}


def test_the_source_distribution_can_be_built_again(built: Path) -> None:
    (found,) = built.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert modules() | {f"{PACKAGE}/py.typed", "setup.cfg", "setup.py", "README.rst", "LICENSE"} <= names


def test_the_metadata_agrees(metadata: Message) -> None:
    assert metadata["Name"].replace("-", "_") == PACKAGE
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.9"
    (requirement,) = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert requirement.replace(" ", "") in ("bencoder<0.3,>=0.2", "bencoder>=0.2,<0.3")
    assert str(metadata.get_payload()).strip() == (ROOT / "README.rst").read_text(encoding="utf-8").strip()


def test_the_metadata_is_valid_and_the_same_in_both_distributions(built: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        of_wheel = archive.read(f"{PACKAGE}-{__version__}.dist-info/METADATA")
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        (name,) = [name for name in archive.getnames() if name.count("/") == 1 and name.endswith("/PKG-INFO")]
        file = archive.extractfile(name)
        assert file is not None
        of_source = file.read()
    read = [Metadata.from_email(data, validate=True) for data in (of_wheel, of_source)]
    assert {each.name for each in read} == {PACKAGE}
    assert read[0].description == read[1].description


def test_the_description_renders_as_on_the_package_index(metadata: Message) -> None:
    """The index takes no raw directive and no included file, and refuses a page with one warning."""
    limits = {"raw_enabled": False, "file_insertion_enabled": False, "halt_level": 2, "report_level": 2}
    assert metadata["Description-Content-Type"] == "text/x-rst"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        core = importlib.import_module("docutils.core")
        page = core.publish_parts(metadata.get_payload(), writer_name="html5", settings_overrides=limits)
    assert "<pre" in page["body"]


def test_the_changelog_tells_of_this_version() -> None:
    lines = (ROOT / "CHANGELOG.rst").read_text(encoding="utf-8").splitlines()
    assert next(line.split()[0] for line in lines if line[:1].isdecimal()) == __version__


def test_the_top_level_stays_small() -> None:
    answer = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if answer.returncode:
        pytest.skip("not a git checkout")
    allowed = {"setup.cfg", "setup.py", PACKAGE, "tests", "tools", "README.rst", "LICENSE", "CHANGELOG.rst"}
    top = {name.partition("/")[0] for name in answer.stdout.splitlines()}
    assert {name for name in top - allowed if not name.startswith(".")} == set()

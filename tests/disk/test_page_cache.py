from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Dict

import pytest
from support.system import System

from bittorrent_threads.disk import page_cache
from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.disk.page_cache import PageCache

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux names the page cache")

BOOT = "9dbe6e5d-43bb-418b-ab68-be6426356619\n"


class Machine:
    """What Linux tells of a boot and of a disk with one partition."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kind = "ext4"
        self.boot = root / "boot_id"
        self.devices = root / "block"
        self.folder = root / "folder"
        self.folder.mkdir()
        self.device = os.stat(self.folder).st_dev
        self.disk = root / "vda"
        self.partition = self.disk / "vda1"
        self.partition.mkdir(parents=True)
        self.devices.mkdir()
        self.link = self.devices / f"{os.major(self.device)}:{os.minor(self.device)}"
        self.link.symlink_to(self.partition)
        self.boot.write_text(BOOT)
        (self.disk / "diskseq").write_text("9\n")
        monkeypatch.setattr(page_cache, "_BOOT_ID", str(self.boot))
        monkeypatch.setattr(page_cache, "_DEVICES", str(self.devices))
        monkeypatch.setattr(page_cache, "file_system_of", lambda device: self.kind)

    def found(self) -> PageCache | None:
        return PageCache.of(Folder(str(self.folder)))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@linux
def test_it_is_named_by_boot_and_disk(machine: Machine) -> None:
    number = f"{os.major(machine.device)}:{os.minor(machine.device)}"
    assert machine.found() == PageCache(f"{BOOT.strip()} {number} 9", machine.device)


@linux
def test_a_disk_that_is_no_partition_has_its_own_number(machine: Machine) -> None:
    (machine.partition / "diskseq").write_text("12\n")
    found = machine.found()
    assert found is not None
    assert found.name.endswith(" 12")


@linux
def test_another_boot_and_another_connection_of_the_disk_have_other_names(machine: Machine) -> None:
    names: Dict[str, PageCache | None] = {"before": machine.found()}
    (machine.disk / "diskseq").write_text("10\n")
    names["plugged in again"] = machine.found()
    machine.boot.write_text("another\n")
    names["booted again"] = machine.found()
    assert None not in names.values()
    assert len(set(names.values())) == 3


@linux
@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "fuseblk", "vfat", "overlay", "btrfs", ""])
def test_other_file_systems_have_none(machine: Machine, kind: str) -> None:
    machine.kind = kind
    assert machine.found() is None


@linux
@pytest.mark.parametrize("missing", ["boot", "sequence", "empty boot", "device"])
def test_a_system_that_does_not_tell_has_none(machine: Machine, missing: str) -> None:
    if missing == "boot":
        machine.boot.unlink()
    elif missing == "empty boot":
        machine.boot.write_text("\n")
    elif missing == "device":
        machine.link.unlink()
    else:
        (machine.disk / "diskseq").unlink()
    assert machine.found() is None


def test_a_folder_that_cannot_be_examined_has_none(machine: Machine) -> None:
    system = System()
    system.fail("stat", errno.EACCES)
    assert PageCache.of(Folder(str(machine.folder), system=system)) is None


def test_another_system_has_none(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert machine.found() is None

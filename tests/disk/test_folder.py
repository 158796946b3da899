from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path
from typing import Callable, List

import pytest
from support.system import WINDOWS_LACKS, System

from bittorrent_threads.disk.folder import Folder
from bittorrent_threads.errors import StorageError

NAME = ("a", "b", "c.bin")


@pytest.fixture(params=["posix", "windows"])
def system(request: pytest.FixtureRequest) -> System:
    return System(without=WINDOWS_LACKS if request.param == "windows" else ())


@pytest.fixture
def folder(tmp_path: Path, system: System) -> Folder:
    return Folder(str(tmp_path / "root"), system=system)


def make(folder: Folder, *parts: str, data: bytes = b"") -> None:
    fd = folder.open(parts, os.O_RDWR, create=True)
    os.write(fd, data)
    os.close(fd)


def test_a_file_is_made_with_all_folders_above_it(folder: Folder) -> None:
    make(folder, *NAME, data=b"data")
    assert Path(folder.path(NAME)).read_bytes() == b"data"
    found = folder.stat(NAME)
    assert found is not None
    assert found.st_size == 4


def test_nothing_is_made_unless_asked(folder: Folder) -> None:
    with pytest.raises(FileNotFoundError):
        folder.open(NAME, os.O_RDWR)
    assert folder.stat(NAME) is None
    assert not os.path.exists(folder.root)


@pytest.mark.parametrize(
    "parts",
    [("..", "x"), ("a", "..", "x"), (".",), ("",), ("a/b",), ("/etc/passwd",), ("a\0b",)],
)
def test_names_that_could_lead_outside_are_refused_by_everything(folder: Folder, parts: tuple[str, ...]) -> None:
    make(folder, "old")
    for use in (
        lambda: folder.open(parts, os.O_RDWR, create=True),
        lambda: folder.stat(parts),
        lambda: folder.remove(parts),
        lambda: folder.replace(parts, ("new",)),
        lambda: folder.replace(("old",), parts),
    ):
        with pytest.raises(StorageError, match="is not a valid file name"):
            use()


USES: list[Callable[[Folder], object]] = [
    lambda folder: folder.open(NAME, os.O_RDONLY),
    lambda folder: folder.open(NAME, os.O_RDWR, create=True),
    lambda folder: folder.stat(NAME),
]
"""What refuses a link wherever it stands in the name."""

RENAMES: list[Callable[[Folder], object]] = [
    lambda folder: folder.replace(NAME, ("new",)),
    lambda folder: folder.replace(("old",), NAME),
    lambda folder: folder.replace(("old",), NAME, create=True),
    lambda folder: folder.link(NAME, folder, ("new",)),
    lambda folder: folder.link(("old",), folder, NAME),
    lambda folder: folder.remove(NAME),
]
"""What refuses a link on the way to the name; what the name itself stands for is not looked at."""


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("linked", ["a", "a/b", "a/b/c.bin"])
@pytest.mark.parametrize("target", ["there", "dangling"])
def test_a_link_planted_below_the_root_leads_nowhere(tmp_path: Path, folder: Folder, linked: str, target: str) -> None:
    outside = tmp_path / "outside"
    if target == "there":
        (outside / "b").mkdir(parents=True)
        (outside / "c.bin").write_bytes(b"secret")
        (outside / "b" / "c.bin").write_bytes(b"secret")
    link = Path(folder.root, linked)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / "c.bin" if linked.endswith("bin") else outside)
    before = sorted(tmp_path.rglob("*"))
    for use in USES:
        with pytest.raises(StorageError):
            use(folder)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("linked", ["a", "a/b"])
@pytest.mark.parametrize("target", ["there", "dangling"])
def test_nothing_is_renamed_or_removed_through_a_folder_that_is_a_link(
    tmp_path: Path, folder: Folder, linked: str, target: str
) -> None:
    outside = tmp_path / "outside"
    if target == "there":
        (outside / "b").mkdir(parents=True)
        (outside / "c.bin").write_bytes(b"secret")
        (outside / "b" / "c.bin").write_bytes(b"secret")
    make(folder, "old", data=b"old")
    link = Path(folder.root, linked)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    before = contents(tmp_path)
    for use in RENAMES:
        with pytest.raises(StorageError):
            use(folder)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("use", RENAMES)
def test_a_link_in_the_place_of_a_file_is_renamed_or_removed_itself(
    tmp_path: Path, folder: Folder, use: Callable[[Folder], object]
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    make(folder, "old", data=b"old")
    link = Path(folder.path(NAME))
    link.parent.mkdir(parents=True)
    link.symlink_to(outside / "secret")
    with contextlib.suppress(StorageError, FileExistsError):  # or refused
        use(folder)
    assert contents(outside) == {str(outside / "secret"): b"secret"}
    assert (outside / "secret").stat().st_nlink == 1


@pytest.mark.parametrize("linked", ["a", "a/b"])
def test_no_empty_folder_is_removed_through_a_link(tmp_path: Path, folder: Folder, linked: str) -> None:
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True)
    link = Path(folder.root, linked)
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    folder.prune(NAME)
    assert (outside / "b").is_dir()
    assert link.is_symlink()


def test_prune_removes_what_is_empty_and_no_more(folder: Folder) -> None:
    make(folder, "a", "kept")
    make(folder, "a", "b", "c", "d")
    folder.remove(("a", "b", "c", "d"))
    folder.prune(("a", "b", "c", "d"))
    assert os.listdir(folder.path(("a",))) == ["kept"]


def test_removing_a_link_leaves_what_it_points_to(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "root"))
    victim = tmp_path / "victim"
    victim.write_bytes(b"kept")
    Path(folder.root).mkdir()
    Path(folder.path(("link",))).symlink_to(victim)
    folder.remove(("link",))
    assert victim.read_bytes() == b"kept"
    assert not os.path.lexists(folder.path(("link",)))


def test_the_root_itself_may_be_a_link(tmp_path: Path, system: System) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    make(Folder(str(tmp_path / "root"), system=system), "x", data=b"1")
    assert (tmp_path / "real" / "x").read_bytes() == b"1"


def test_the_root_does_not_follow_the_process_into_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    folder = Folder("root")
    monkeypatch.chdir(tmp_path / "other")
    make(folder, "x")
    assert (tmp_path / "root" / "x").exists()


def test_a_folder_in_the_place_of_a_file_is_an_error(folder: Folder) -> None:
    os.makedirs(folder.path(NAME))
    for use in USES:
        with pytest.raises((StorageError, IsADirectoryError)):
            use(folder)


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    make(folder, "a")
    for use in USES:
        with pytest.raises(StorageError, match="in the way") as caught:
            use(folder)
        assert caught.value.errno == errno.ENOTDIR


def test_a_fifo_in_the_place_of_a_file_blocks_no_thread(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    os.mkfifo(tmp_path / "x")
    for flags in (os.O_RDONLY, os.O_RDWR):
        with pytest.raises(StorageError, match="no regular file"):
            folder.open(("x",), flags)
    with pytest.raises(StorageError, match="no regular file"):
        folder.stat(("x",))


def test_replace_renames_over_another_file(folder: Folder) -> None:
    make(folder, "old", data=b"old")
    make(folder, "a", "new", data=b"new")
    folder.replace(("a", "new"), ("old",))
    assert Path(folder.path(("old",))).read_bytes() == b"new"
    assert folder.stat(("a", "new")) is None


def test_remove_is_harmless_where_nothing_is(folder: Folder) -> None:
    make(folder, "x")
    folder.remove(("x",))
    folder.remove(("x",))
    folder.remove(("no", "such", "folder"))
    assert folder.stat(("x",)) is None


def test_sync_makes_every_name_on_the_way_durable(tmp_path: Path) -> None:
    synced = []
    system = System()
    system.use("fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    folder = Folder(str(tmp_path), system=system)
    make(folder, *NAME)
    folder.sync(NAME)
    assert synced == [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")]


def test_files_are_made_with_the_permissions_the_user_set(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    before = os.umask(0o027)
    try:
        make(folder, "a", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "a" / "x").stat().st_mode) == 0o640


def test_no_descriptor_is_left_when_something_fails(tmp_path: Path) -> None:
    for name in ("open", "fstat", "mkdir"):
        for after in range(4):
            system = System()
            system.fail(name, errno.EIO, after=after)
            folder = Folder(str(tmp_path / f"{name}{after}"), system=system)
            before = len(os.listdir("/proc/self/fd"))
            try:
                os.close(folder.open(NAME, os.O_RDWR, create=True))
            except OSError as error:
                assert error.errno == errno.EIO
            assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_without_descriptors_it_asks_for_relief_as_long_as_there_is_some(tmp_path: Path, number: int) -> None:
    system = System()
    asked: List[bool] = []

    def relief() -> bool:
        asked.append(len(asked) < 3)
        return asked[-1]

    folder = Folder(str(tmp_path), system=system, relief=relief)
    make(folder, "a", "x", data=b"1")
    system.fail("open", number, after=1, times=3)
    other = folder.at(str(tmp_path / "other"))
    folder.link(("a", "x"), other)
    assert asked == [True] * 3
    assert other.stat(("a", "x")) is not None
    system.fail("open", number)
    with pytest.raises(OSError) as caught:
        other.stat(("a", "x"))
    assert caught.value.errno == number
    assert asked[3:] == [False]


# -- many names ------------------------------------------------------------------------------------------------------


def test_a_job_opens_each_folder_once(tmp_path: Path) -> None:
    system = System()
    folder = Folder(str(tmp_path), system=system)
    names = [("t", f"{number // 10}", f"{number}") for number in range(30)]
    with folder.keep_folders_open():
        for parts in names:
            os.close(folder.open(parts, os.O_RDWR, create=True))
            assert folder.stat(parts) is not None
    opened = [arguments[0] for name, arguments in system.calls if name == "open"]
    assert opened.count(str(tmp_path)) == 1
    assert opened.count("t") == 2
    assert len(opened) < 40 + 30


def test_no_folder_stays_open_after_the_job(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    (tmp_path / "t" / "sub").mkdir(parents=True)
    before = os.listdir("/dev/fd")
    with contextlib.suppress(ZeroDivisionError), folder.keep_folders_open():
        assert folder.stat(("t", "sub", "a")) is None
        raise ZeroDivisionError
    assert len(os.listdir("/dev/fd")) == len(before)


def test_deep_folders_are_not_all_kept_open(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    deep = tuple("abcdefghijklmnopqrst")
    with folder.keep_folders_open():
        before = len(os.listdir("/dev/fd"))
        os.close(folder.open((*deep, "file"), os.O_RDWR, create=True))
        assert len(os.listdir("/dev/fd")) <= before + 8


def test_a_folder_that_is_removed_during_a_job_is_made_again(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    with folder.keep_folders_open():
        os.close(folder.open(("t", "a"), os.O_RDWR, create=True))
        folder.remove(("t", "a"))
        (tmp_path / "t").rmdir()
        os.close(folder.open(("t", "b"), os.O_RDWR, create=True))
    assert (tmp_path / "t" / "b").exists()


def test_a_link_in_the_place_of_a_folder_leads_nowhere_during_a_job(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "root"))
    (tmp_path / "outside").mkdir()
    with folder.keep_folders_open():
        os.close(folder.open(("t", "a"), os.O_RDWR, create=True))
        (tmp_path / "root" / "t").rename(tmp_path / "root" / "moved")
        (tmp_path / "root" / "t").symlink_to(tmp_path / "outside")
        os.close(folder.open(("t", "b"), os.O_RDWR, create=True))
        folder.replace(("t", "b"), ("u", "b"), create=True)
    with folder.keep_folders_open(), pytest.raises(StorageError):
        folder.open(("t", "c"), os.O_RDWR, create=True)
    assert not list((tmp_path / "outside").iterdir())

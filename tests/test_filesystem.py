"""The file system ``torrent://`` of fsspec, as pandas, pyarrow and programs use it."""

from __future__ import annotations

import configparser
import gc
import io
import os
import pickle
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from support.pairs import LOCAL, PATIENCE, seeder
from support.peers_required import require_peer

import bittorrent_threads as bt
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = pytest.mark.interop

SET = SampleTorrent(
    {"a.bin": 1_000_001, "sub/b.bin": 600_000, "sub/deep/c.txt": 300, "empty": 0}, piece_length=32 * KIB, name="set"
)
A, B, C = (SET.data(name) for name in ("a.bin", "sub/b.bin", "sub/deep/c.txt"))


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """The file system is known to fsspec, also where the package is not installed, and all are closed in the end."""
    require_peer("fsspec")
    import fsspec

    from bittorrent_threads import filesystem

    fsspec.register_implementation("torrent", filesystem.TorrentFileSystem, clobber=True)
    yield
    filesystem._close_all()
    filesystem.TorrentFileSystem.clear_instance_cache()
    gc.collect()


@pytest.fixture
def seed(tmp_path: Path) -> Iterator[bt.Client]:
    """A seeder; the torrent is in ``set.torrent``."""
    SET.write_torrent(tmp_path)
    with seeder(tmp_path / "seed", SET) as client:
        yield client


def options(seed: bt.Client, **others: Any) -> Any:
    return {"peers": [("127.0.0.1", seed.port)], "settings": LOCAL, "timeout": PATIENCE, **others}


@pytest.fixture
def files(seed: bt.Client, tmp_path: Path) -> Any:
    import fsspec

    return fsspec.filesystem("torrent", source=str(tmp_path / "set.torrent"), **options(seed))


def test_the_entry_point_names_the_file_system() -> None:
    from importlib import import_module

    parser = configparser.ConfigParser()
    parser.read(Path(__file__).resolve().parent.parent / "setup.cfg")
    name, _, target = parser["options.entry_points"]["fsspec.specs"].strip().partition(" = ")
    module, _, kind = target.partition(":")
    assert (name, getattr(import_module(module), kind).protocol) == ("torrent", "torrent")


def test_folders_are_listed(files: Any) -> None:
    assert files.ls("", detail=False) == ["set"]
    assert sorted(files.ls("set", detail=False)) == ["set/a.bin", "set/empty", "set/sub"]
    assert files.ls("torrent://sub/deep/") == [{"name": "set/sub/deep/c.txt", "size": 300, "type": "file", "index": 2}]
    assert files.ls("set/a.bin", detail=False) == ["set/a.bin"]
    assert files.info("sub") == {"name": "set/sub", "size": 0, "type": "directory"}
    assert files.size("a.bin") == len(A)
    assert files.isdir("set/sub")
    assert files.isfile("set/sub/b.bin")
    assert not files.exists("nothing")
    assert files.glob("set/**/*.bin") == ["set/a.bin", "set/sub/b.bin"]
    assert files.find("sub") == ["set/sub/b.bin", "set/sub/deep/c.txt"]
    assert [names for _, _, names in files.walk("set")] == [["a.bin", "empty"], ["b.bin"], ["c.txt"]]
    assert files.du("set") == SET.size
    for call in (files.ls, files.info, files.open, files.cat_file):
        with pytest.raises(FileNotFoundError, match="no such file"):
            call("set/nothing")
    assert files.ukey("a.bin") == files.ukey("set/a.bin") != files.ukey("sub/b.bin")
    assert files.fsid == f"torrent_{SET.infohash.hex()}"


def test_only_what_is_read_is_downloaded(files: Any) -> None:
    with files.open("sub/b.bin") as file:
        file.seek(300_000)
        assert file.read(1000) == B[300_000:301_000]
    assert files.cat_file("set/a.bin", 500_000, 500_010) == A[500_000:500_010]
    assert files.client.downloaded < SET.size / 2
    assert files.client.status().pieces_have < 16


def test_parts_of_files(files: Any) -> None:
    assert files.cat_file("a.bin", -10) == A[-10:]
    assert files.cat_file("a.bin", 5, 3) == b""
    assert files.cat("sub/deep/c.txt") == C
    assert files.cat_file("empty") == b""
    starts = [1000 * n for n in range(40)]
    assert files.cat_ranges(["a.bin"] * 40, starts, [n + 10 for n in starts]) == [A[n : n + 10] for n in starts]
    first, second, third = files.cat_ranges(["a.bin", "none", "set/sub"], 0, 4)
    assert first == A[:4]
    assert isinstance(second, FileNotFoundError)
    assert isinstance(third, IsADirectoryError)
    with pytest.raises(FileNotFoundError):
        files.cat_ranges(["none"], 0, 4, on_error="raise")
    with pytest.raises(TypeError):
        files.cat_ranges("a.bin", 0, 4)
    with pytest.raises(ValueError, match="1 paths, 2 starts"):
        files.cat_ranges(["a.bin"], [0, 1], 4)


def test_a_part_that_does_not_come_is_an_error_in_its_place(tmp_path: Path) -> None:
    import fsspec

    files = fsspec.filesystem("torrent", source=SET.metainfo(), settings=LOCAL, timeout=0.05)
    (found,) = files.cat_ranges(["a.bin"], 0, 4)
    assert isinstance(found, bt.WaitTimeout)
    with pytest.raises(bt.WaitTimeout):
        files.cat_ranges(["a.bin"], 0, 4, on_error="raise")


def test_files_are_copied_and_read_as_text(files: Any, tmp_path: Path) -> None:
    files.get("set/sub", str(tmp_path / "copy"), recursive=True)
    assert (tmp_path / "copy" / "b.bin").read_bytes() == B
    assert (tmp_path / "copy" / "deep" / "c.txt").read_bytes() == C
    with files.open("sub/deep/c.txt", "r", encoding="latin-1", newline="") as text:
        assert text.read().encode("latin-1") == C


def test_nothing_can_be_written(files: Any) -> None:
    with pytest.raises(OSError, match="read only"):
        files.open("set/a.bin", "wb")


def test_a_chained_url(seed: bt.Client, tmp_path: Path) -> None:
    import fsspec

    url = f"torrent://sub/b.bin::{tmp_path / 'set.torrent'}"
    with fsspec.open(url, torrent=options(seed)) as file:
        assert file.read(100) == B[:100]
    with fsspec.open(
        f"torrent://set/*.bin::file://{tmp_path / 'set.torrent'}", torrent=options(seed), expand=True
    ) as file:
        assert file.read(10) == A[:10]


def test_a_magnet_link_and_a_folder_that_stays(seed: bt.Client, tmp_path: Path) -> None:
    import fsspec

    magnet = bt.Metainfo.parse(SET.metainfo()).magnet(peers=[("127.0.0.1", seed.port)])
    files = fsspec.filesystem("torrent", source=str(magnet), basedir=tmp_path / "kept", settings=LOCAL)
    assert files.cat("sub/deep/c.txt") == C
    assert files.client.status().priorities == (0, 0, 0, 0)
    assert files.client.downloaded < SET.size
    files.close()
    assert (tmp_path / "kept" / "set" / "sub" / "deep" / "c.txt").read_bytes() == C


def test_file_systems_of_one_torrent_share_a_client_until_the_last_is_closed(seed: bt.Client, tmp_path: Path) -> None:
    import fsspec

    found: List[Any] = []

    def make() -> None:
        found.append(fsspec.filesystem("torrent", source=str(tmp_path / "set.torrent"), **options(seed)))

    make()
    make()
    thread = threading.Thread(target=make)
    thread.start()
    thread.join(PATIENCE)
    first, again, other = found
    assert first is again
    assert first is not other
    client = first.client
    assert other.client is client
    folder = client.basedir
    first.close()
    first.close()
    assert other.cat("sub/deep/c.txt") == C
    with pytest.raises(bt.SessionClosed, match="the file system is closed"):
        first.ls("")
    other.close()
    assert client.session.closed
    assert not Path(folder).exists()
    make()
    assert found[-1] is not first
    assert found[-1].cat("sub/deep/c.txt") == C


def test_it_may_be_pickled(files: Any) -> None:
    assert pickle.loads(pickle.dumps(files)).cat("sub/deep/c.txt") == C


def test_exactly_one_torrent_is_given(tmp_path: Path) -> None:
    import fsspec

    for given in ({}, {"fo": "a.torrent", "source": "b.torrent"}):
        with pytest.raises(ValueError, match="give one torrent"):
            fsspec.filesystem("torrent", **given)
    with pytest.raises(FileNotFoundError):
        fsspec.filesystem("torrent", fo=str(tmp_path / "none.torrent"))
    with pytest.raises(bt.MetainfoError):
        fsspec.filesystem("torrent", source=b"nonsense")


def test_the_end_of_the_interpreter_closes_it_and_removes_its_folder(tmp_path: Path) -> None:
    SET.write_torrent(tmp_path)
    program = textwrap.dedent(f"""
        from bittorrent_threads.filesystem import TorrentFileSystem
        from bittorrent_threads import Settings
        files = TorrentFileSystem({str(tmp_path / "set.torrent")!r}, settings=Settings(
            host="127.0.0.1", dht=False, local_discovery=False))
        print(files.client.basedir)
    """)
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(bt.__file__).resolve().parent.parent)},
    )
    assert answer.stderr == ""
    assert not Path(answer.stdout.strip()).exists()


def test_without_fsspec_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    monkeypatch.delitem(sys.modules, "bittorrent_threads.filesystem")
    with pytest.raises(ImportError, match=r"pip install 'bittorrent_threads\[fsspec\]'"):
        import bittorrent_threads.filesystem  # noqa: F401


# -- what applications do ----------------------------------------------------------------------------------------------


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Any]:
    """A seeder of a table of eight wide columns, as csv and parquet, and an image; returns its torrent and options."""
    for name in ("pandas", "pyarrow", "PIL"):
        require_peer(name)
    import numpy
    import pandas
    from PIL import Image

    folder = tmp_path / "seed" / "data"
    folder.mkdir(parents=True)
    random = numpy.random.default_rng(1)
    table = pandas.DataFrame({f"c{n}": random.random(40_000) for n in range(8)})
    table.to_parquet(folder / "t.parquet", row_group_size=10_000, compression=None)
    table.head(1000).to_csv(folder / "t.csv", index=False)
    Image.new("RGB", (300, 200), (200, 10, 10)).save(folder / "red.png")
    torrent = tmp_path / "data.torrent"
    bt.create(folder, piece_length=32 * KIB).save(torrent)
    with bt.Client(torrent, folder.parent, settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        yield table, torrent, options(client)


def test_pandas_reads_some_columns_and_only_they_are_downloaded(tables: Any) -> None:
    import fsspec
    import pandas

    table, torrent, given = tables
    found = pandas.read_parquet(
        "torrent://t.parquet", columns=["c3"], storage_options={"source": str(torrent), **given}
    )
    assert found["c3"].equals(table["c3"])
    client = fsspec.filesystem("torrent", source=str(torrent), **given).client
    assert client.downloaded < client.size / 2
    chained = pandas.read_parquet(f"torrent://data/t.parquet::{torrent}", storage_options={"torrent": given})
    assert chained.equals(table)
    rows = pandas.read_csv(f"torrent://t.csv::{torrent}", storage_options={"torrent": given})
    assert len(rows) == 1000


def test_pyarrow_and_pillow_read_open_files(tables: Any, tmp_path: Path) -> None:
    import pyarrow.parquet
    from PIL import Image

    _, torrent, given = tables
    with bt.Client(torrent, tmp_path / "down", settings=LOCAL, peers=given["peers"]) as client:
        with client.open("t.parquet", timeout=PATIENCE) as file:
            assert pyarrow.parquet.ParquetFile(io.BufferedReader(file)).metadata.num_rows == 40_000
        with client.open("red.png", timeout=PATIENCE) as file, Image.open(io.BufferedReader(file)) as image:
            assert image.getpixel((5, 5)) == (200, 10, 10)

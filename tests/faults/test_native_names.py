"""Torrents whose names are not valid on every system, beside clients that store them as they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.pairs import LOCAL, PATIENCE, seeder

import bittorrent_threads as bt
from bittorrent_threads.testing.bencode import bencode
from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

ALBUM = SampleTorrent(
    {"01 - What now?.mp3": 70_000, "02.mp3": 40_000, "ReadMe.txt": 30, "readme.txt": 50},
    piece_length=16 * KIB,
    name="Album: best of",
)
PORTABLE = ["Album_ best of/01 - What now_.mp3", "Album_ best of/02.mp3", "Album_ best of/ReadMe.txt"]
NATIVE = [f"Album: best of/{path}" for path, _ in ALBUM.files]
SETTINGS = {names: LOCAL.replace(names=names) for names in ("portable", "native")}
BOTH = pytest.mark.parametrize("names", ["portable", "native"])


def paths(client: bt.Client) -> List[str]:
    return [os.path.relpath(file.path, client.basedir) for file in client.files]


@BOTH
def test_data_of_another_client_is_found(tmp_path: Path, names: str) -> None:
    ALBUM.write(tmp_path)
    with bt.Client(ALBUM.metainfo(), tmp_path, state="stopped", settings=SETTINGS[names]) as client:
        assert client.hashcheck().failed == ()
        assert paths(client) == NATIVE
        assert all(file.complete for file in client.files)
    assert ALBUM.differences(tmp_path) == []


def test_the_setting_names_what_is_new(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed", ALBUM) as seed:
        for names, expected in (("portable", [*PORTABLE, "Album_ best of/readme.1.txt"]), ("native", NATIVE)):
            peers = [("127.0.0.1", seed.port)]
            options: Dict[str, Any] = {"peers": peers, "settings": SETTINGS[names]}
            result = bt.download(ALBUM.metainfo(), tmp_path / names, timeout=PATIENCE, **options)
            assert [os.path.relpath(path, tmp_path / names) for path in result.files] == expected
    assert ALBUM.differences(tmp_path / "native") == []


@pytest.mark.parametrize("resume", [True, False], ids=["resume", "no resume"])
@pytest.mark.parametrize(("first", "then"), [("portable", "native"), ("native", "portable")])
def test_another_setting_later_changes_nothing(tmp_path: Path, first: str, then: str, resume: bool) -> None:
    with seeder(tmp_path / "seed", ALBUM) as seed:
        peers = [("127.0.0.1", seed.port)]
        options: Dict[str, Any] = {"peers": peers, "settings": SETTINGS[first], "resume": resume}
        with bt.Client(ALBUM.metainfo(), tmp_path / "x", **options) as client:
            client.wait(timeout=PATIENCE)
            before = paths(client)
    with bt.Client(ALBUM.metainfo(), tmp_path / "x", settings=SETTINGS[then], resume=resume) as client:
        client.wait("seed", timeout=PATIENCE)
        assert paths(client) == before
        saved = client.piece_cache
    assert sum(len(files) for _, _, files in os.walk(tmp_path / "x" / before[0].split("/")[0])) == 4
    with bt.Client(
        ALBUM.metainfo(), tmp_path / "x", settings=SETTINGS[first], resume=False, piece_cache=saved, state="stopped"
    ) as client:
        assert client.hashcheck().failed == ()
        assert paths(client) == before


@BOTH
def test_what_is_missing_is_made_beside_what_is_there(tmp_path: Path, names: str) -> None:
    ALBUM.write(tmp_path / "down")
    for name in ("01 - What now?.mp3", "readme.txt"):
        ALBUM.path(tmp_path / "down", name).unlink()
    with seeder(tmp_path / "seed", ALBUM) as seed:
        peers = [("127.0.0.1", seed.port)]
        with bt.Client(ALBUM.metainfo(), tmp_path / "down", peers=peers, settings=SETTINGS[names]) as client:
            client.wait(timeout=PATIENCE)
            assert paths(client) == NATIVE
            assert client.downloaded < ALBUM.size
    assert ALBUM.differences(tmp_path / "down") == []


def test_data_that_comes_after_a_start_in_vain(tmp_path: Path) -> None:
    with bt.Client(ALBUM.metainfo(), tmp_path, state="stopped", settings=LOCAL) as client:
        assert client.hashcheck().passed == ()
        ALBUM.write(tmp_path)
        assert client.hashcheck().failed == ()
        assert paths(client) == NATIVE


def test_files_that_are_away_are_waited_for_under_their_names(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed", ALBUM) as seed:
        peers = [("127.0.0.1", seed.port)]
        options: Dict[str, Any] = {"timeout": PATIENCE, "peers": peers, "settings": LOCAL}
        bt.download(ALBUM.metainfo(), tmp_path / "x", **options)
    os.rename(tmp_path / "x" / "Album_ best of", tmp_path / "away")
    settings = SETTINGS["native"].replace(disk_retry_interval=0.05, disk_retry_max=0.05)
    with bt.Client(ALBUM.metainfo(), tmp_path / "x", settings=settings) as client:
        failed = next(event for event in client if isinstance(event, bt.events.StorageFailed))
        assert "gone" in failed.reason
        assert [path.name for path in (tmp_path / "x").iterdir()] == [".bittorrent_threads"], "nothing is made"
        os.rename(tmp_path / "away", tmp_path / "x" / "Album_ best of")
        client.wait("seed", timeout=PATIENCE)
        assert paths(client)[:3] == PORTABLE


def test_a_native_name_is_chosen_where_native_names_are_wanted(tmp_path: Path) -> None:
    content = SampleTorrent({"a": 20_000, "b": 20_000}, piece_length=16 * KIB, name="t")
    content.write(tmp_path)
    for names in ("portable", "native"):
        with bt.Client(content.metainfo(), tmp_path, settings=SETTINGS[names]) as client:
            client.wait("seed", timeout=PATIENCE)
            if names == "portable":
                with pytest.raises(ValueError, match="names='native' allows it"):
                    client.files[0].rename("t/What now?")
            else:
                client.files[0].rename("t/What now?", timeout=PATIENCE)
                client.files[1].rename("t/what now?", timeout=PATIENCE)
    with bt.Client(content.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        assert paths(client) == ["t/What now?", "t/what now?"]
        client.files[1].rename("elsewhere/what now?", timeout=PATIENCE)  # a name that it has already


def test_a_name_beside_others_of_its_folder(tmp_path: Path) -> None:
    ALBUM.write(tmp_path)
    with bt.Client(ALBUM.metainfo(), tmp_path, settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        client.files[0].rename("Album: best of/01.mp3", timeout=PATIENCE)
        client.move(tmp_path / "moved", timeout=PATIENCE)
        assert paths(client) == ["Album: best of/01.mp3", *NATIVE[1:]]
    with bt.Client(ALBUM.metainfo(), tmp_path / "moved", settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        assert paths(client) == ["Album: best of/01.mp3", *NATIVE[1:]]


ENCODED = {"GBK": "专辑/第一首.mp3", "ISO-8859-1": "Motörhead/Überkill.mp3"}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
@BOTH
def test_data_under_the_bytes_of_another_encoding(tmp_path: Path, encoding: str, declared: bool, names: str) -> None:
    name, path = ENCODED[encoding].split("/")
    content = SampleTorrent({path: 40_000}, piece_length=16 * KIB, name=name)
    info = content.info()
    info["name"] = name.encode(encoding)
    info["files"] = [{"length": 40_000, "path": [path.encode(encoding)]}]
    torrent = bencode({"info": info, **({"encoding": encoding} if declared else {})})
    folder = os.fsencode(tmp_path / "raw") + b"/" + name.encode(encoding)
    os.makedirs(folder)
    with open(folder + b"/" + path.encode(encoding), "wb") as file:
        file.write(content.data(path))
    with bt.Client(torrent, tmp_path / "raw", settings=SETTINGS[names]) as client:
        client.wait("seed", timeout=PATIENCE)
        assert client.files[0].complete
        assert os.fsencode(client.files[0].path) == folder + b"/" + path.encode(encoding)
        assert not declared or client.name == name
        peers = [("127.0.0.1", client.port)]
        result = bt.download(torrent, tmp_path / "new", timeout=PATIENCE, peers=peers, settings=SETTINGS[names])
        assert result.files[0].encode(), "what is made has a name in UTF-8"
        assert declared == result.files[0].endswith(ENCODED[encoding])
    with bt.Client(torrent, tmp_path / "raw", settings=LOCAL) as client:
        client.wait("seed", timeout=PATIENCE)
        assert [entry for entry in os.listdir(os.fsencode(tmp_path / "raw")) if entry[:1] != b"."] == [
            name.encode(encoding)
        ]


def test_resume_data_remembers_the_names_of_the_files_that_are_there(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed", ALBUM) as seed:
        options: Dict[str, Any] = {"peers": [("127.0.0.1", seed.port)], "settings": SETTINGS["native"]}
        with bt.Client(ALBUM.metainfo(), tmp_path / "x", priorities=[0, 1, 1, 1], **options) as client:
            client.wait(timeout=PATIENCE)
            names: Any = client.piece_cache["names"]
        assert [index for index, _ in names] == [1, 2, 3], "the first is not there, and may get any name yet"
        # Whole files under the other names of all: without the memory they would be taken.
        for path, portable in zip(dict(ALBUM.files), [*PORTABLE, "Album_ best of/readme.1.txt"]):
            target = tmp_path / "x" / portable
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(ALBUM.data(path))
        with bt.Client(ALBUM.metainfo(), tmp_path / "x", settings=SETTINGS["portable"]) as client:
            client.wait("checked", timeout=PATIENCE)
            assert paths(client) == [PORTABLE[0], *NATIVE[1:]]
            assert client.hashcheck().failed == ()

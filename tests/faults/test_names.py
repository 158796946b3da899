"""Hostile names under real clients: nothing outside their folders is opened, made, renamed or removed."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import stat
import sys
import unicodedata
from pathlib import Path
from typing import Any, ClassVar, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

from support.damage import snapshot
from support.loopback import ROOT, run_child
from support.pairs import LOCAL, PATIENCE

import bittorrent_threads as bt
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER
from bittorrent_threads.testing.bencode import bencode
from bittorrent_threads.testing.sample_torrent import KIB

PIECE_LENGTH = 16 * KIB

FOLDERS = ("seed", "down", "moved")
"""What the clients may use, below ``world/one/two``; canaries lie wherever a name could lead from there."""


def hostile(world: Path) -> List[Tuple[bytes, ...]]:
    """Paths of the files of one torrent, as a stranger wrote them."""
    outside = os.fsencode(world)
    return [
        (b"..", b"canary"),
        (b"..", b"..", b"canary"),
        (b"..", b"..", b"..", b"canary"),
        (b"../../canary",),
        (b"..\\..\\canary",),
        (b"down", b"..", b"..", b"..", b"canary"),
        (b".", b"canary"),
        (b"..",),
        (b".",),
        (b"",),
        (b"", b"canary"),
        (outside + b"/canary",),
        (b"x", outside + b"/canary"),
        (b"/", b"bittorrent_threads-canary"),
        (b"C:\\canary",),
        (b"C:", b"canary"),
        (b"canary:stream",),
        (b"\\\\server\\share\\canary",),
        (b"CON",),
        (b"nul.txt",),
        (b"com1", b"lpt9.tar.gz"),
        (b"canary\x00.txt",),
        (b"\x00",),
        (b"line\r\nfeed\x1b[2J\x7f\xc2\x85",),
        ("invoice\u202efdp.exe".encode(),),
        ("\u2066.\u200b.\u2069".encode(), b"canary"),
        (b"x" * 300 + b".txt",),
        (b"x" * 300 + b".txt",),
        (("\u00e9" * 200).encode(), b"y" * 5000),
        (b"\xff\xfe.bin",),
        (b"\xc0\xae\xc0\xae", b"\xc0\xaf", b"canary"),  # "..", "/" in overlong UTF-8
        (b"\xed\xa0\x80",),
        (b"Temporary.txt",),
        (b"temporary.TXT",),
        ("caf\u00e9".encode(),),
        ("cafe\u0301".encode(),),
        (b"D", b"x"),
        (b"d", b"X"),
        (b"both",),
        (b"both", b"below"),
        (b"BOTH", b"below"),
        (b"trailing. ",),
        (b".bittorrent_threads", b"x.resume"),
        (b".BitTorrent_Threads",),
        (b"~", b".ssh", b"authorized_keys"),
        (b"$HOME", b"%USERPROFILE%", b"canary"),
        (b"link", b"canary"),
    ]


class Hostile(NamedTuple):
    """The torrent of those names, and what is in each of its files."""

    torrent: bytes
    data: List[bytes]


def hostile_torrent(world: Path) -> Hostile:
    """Files of a few KiB, so that several share a piece; one more that says to be a link (BEP 47)."""
    chance = random.Random("names")
    paths = hostile(world)
    data = [chance.randbytes(1500 + 137 * index) for index in range(len(paths))]
    entries: List[Any] = [{"length": len(part), "path": list(path)} for path, part in zip(paths, data)]
    entries.append({"attr": "l", "length": 0, "path": ["link"], "symlink path": ["..", "..", "canary"]})
    stream = b"".join(data)
    digests = [hashlib.sha1(stream[at : at + PIECE_LENGTH]).digest() for at in range(0, len(stream), PIECE_LENGTH)]
    info = {"name": "..", "piece length": PIECE_LENGTH, "pieces": b"".join(digests), "files": entries}
    return Hostile(bencode({"info": info}), [*data, b""])


def build_world(world: Path) -> bytes:
    """Canaries around the folders of the clients, the seeder's data in place; returns the .torrent."""
    for name in FOLDERS:
        (world / "one" / "two" / name).mkdir(parents=True)
    (world / "process").mkdir()
    for folder in (world, world / "one", world / "one" / "two", world / "process"):
        for name in ("canary", "D", "both", "x.resume"):
            (folder / name).write_text(f"{name} in {folder}")
    torrent, data = hostile_torrent(world)
    for entry, content in zip(bt.Metainfo.parse(torrent).files, data):
        path = (world / "one" / "two" / "seed").joinpath(*entry.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return torrent


class Audit:
    """Every path that this process opens, makes, renames or removes; those that lead elsewhere than they may."""

    PATHS: ClassVar[Dict[str, Tuple[Tuple[int, Optional[int]], ...]]] = {
        "open": ((0, None),),
        "os.mkdir": ((0, 2),),
        "os.rmdir": ((0, 1),),
        "os.remove": ((0, 1),),
        "os.rename": ((0, 2), (1, 3)),
        "os.link": ((0, 2), (1, 3)),
        "os.symlink": ((1, 2),),
        "os.truncate": ((0, None),),
        "os.utime": ((0, 3),),
        "os.chmod": ((0, 2),),
        "os.chown": ((0, 3),),
    }
    """Of each event the arguments that are a path, and the descriptor it is relative to."""

    def __init__(self, folders: List[Path]) -> None:
        self.on = True
        self.seen: Set[str] = set()
        self.astray: List[str] = []
        self._folders = tuple([os.path.realpath(folder) for folder in folders])
        self._readable = tuple(
            [
                *[os.path.realpath(folder) for folder in (sys.base_prefix, sys.prefix, str(ROOT))],
                *[f"/proc/{os.getpid()}/mountinfo", "/proc/sys/kernel/random/boot_id", "/sys/devices/"],
            ]
        )
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: Tuple[Any, ...]) -> None:
        if self.on and event in self.PATHS:
            for path_at, folder_at in self.PATHS[event]:
                folder = -1 if folder_at is None else arguments[folder_at]
                if not self._allowed(event, arguments, arguments[path_at], folder):
                    self.astray.append(f"{event} {arguments}")

    def _allowed(self, event: str, arguments: Tuple[Any, ...], path: Any, folder: int) -> bool:
        if isinstance(path, int):
            return event == "open" or self._inside(os.readlink(f"/proc/self/fd/{path}"))
        path = os.fsdecode(path)
        if os.path.isabs(path):
            if event == "open" and not self._inside(path):
                # The interpreter imports modules, which is none of ours; and the system tells of disks and the boot.
                written = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
                return not written and os.path.realpath(path).startswith(self._readable)
            self.seen.add(event)
            return self._inside(path)
        self.seen.add(event)
        # Of an open we are not told what it is relative to: it has to be a plain name that follows no link.
        if "/" in path or path in ("", ".", ".."):
            return False
        if event == "open":
            return bool(arguments[2] & os.O_NOFOLLOW)
        return folder != -1 and self._inside(os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path))

    def _inside(self, path: str) -> bool:
        path = os.path.realpath(path)
        return any(path == folder or path.startswith(folder + os.sep) for folder in self._folders)


def lead_a_life(world: Path) -> Audit:
    """Seed, download a part, go on after a restart, rename, move and restart the torrent of hostile names."""
    torrent, data = hostile_torrent(world)
    seed, down, moved = (world / "one" / "two" / folder for folder in FOLDERS)
    os.chdir(world / "process")
    audit = Audit([seed, down, moved])
    everything = range(len(data))
    some = [index % 3 for index in everything]

    def right(client: bt.Client, folder: Path, indexes: Iterable[int]) -> bool:
        return all(Path(client.files[index].path).read_bytes() == data[index] for index in indexes) and all(
            Path(file.path).parts[: len(folder.parts)] == folder.parts for file in client.files
        )

    with bt.Client(torrent, seed, settings=LOCAL) as source:
        source.wait("seed", timeout=PATIENCE)
        options: Dict[str, Any] = {"settings": LOCAL, "peers": [("127.0.0.1", source.port)]}
        with bt.Client(torrent, down, priorities=some, **options) as client:
            client.wait(timeout=PATIENCE)
            assert right(client, down, [index for index in everything if some[index]])
            assert (down / HIDDEN_FOLDER / f"{client.infohash.hex()}.parts").exists()
        with bt.Client(torrent, down, priorities=some, **options) as client:
            client.wait("checked", timeout=PATIENCE)
            assert client.complete
            assert not client.downloaded
            client.set_priorities(dict.fromkeys(everything, 1))
            client.wait("seed", timeout=PATIENCE)
            assert client.hashcheck().failed == ()  # and the part file was moved before
            assert right(client, down, everything)
            for path in ("../canary", f"{world}/canary", "a/../../canary", "..", "a\\canary", "canary\0", "con"):
                try:
                    client.files[0].rename(path)
                except ValueError:
                    continue
                raise AssertionError(path)
            client.files[0].rename("renamed/file.bin", timeout=PATIENCE)
            client.files[1].rename("_/renamed.bin", timeout=PATIENCE)
            client.move(moved, timeout=PATIENCE)
            assert right(client, moved, everything)
            assert os.listdir(down) == []
            os.link = no_links
            client.move(down, timeout=PATIENCE)
            assert right(client, down, everything)
            assert os.listdir(moved) == []
        with bt.Client(torrent, down, **options) as client:
            client.wait("seed", timeout=PATIENCE)
            assert client.files[0].path == str(down / "renamed" / "file.bin")
            assert not client.downloaded
            assert right(client, down, everything)
            assert client.hashcheck().failed == ()
            client.stop()
            client.start()
            client.wait("seed", timeout=PATIENCE)
    audit.on = False
    return audit


def no_links(*arguments: Any, **keywords: Any) -> None:
    """Another file system: the files have to be copied."""
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


LIFE = """
import importlib.util, pathlib, sys
found = importlib.util.spec_from_file_location("test_names", sys.argv[1])
module = importlib.util.module_from_spec(found)
sys.modules["test_names"] = module
found.loader.exec_module(module)
audit = module.lead_a_life(pathlib.Path(sys.argv[2]))
print(*sorted(audit.seen))
sys.exit("\\n".join(audit.astray) or 0)
"""


def test_hostile_names_in_the_life_of_a_torrent(tmp_path: Path) -> None:
    world = tmp_path / "world"
    torrent = build_world(world)
    paths = [entry.path for entry in bt.Metainfo.parse(torrent).files]
    for name in (name for path in paths for name in path):
        assert name not in ("", ".", "..")
        assert not {*name} & {*'/\\:\0*?"<>|'}
        assert name.isprintable()
        assert len(name.encode()) <= 255
        assert not name.lower().startswith(HIDDEN_FOLDER)
    folded = {tuple(unicodedata.normalize("NFC", name).casefold() for name in path) for path in paths}
    assert len(folded) == len(paths), "no two files have one name, whatever the system takes for one"
    folders = [world / "one" / "two" / folder for folder in FOLDERS]
    before = snapshot(tmp_path, *folders)
    seen = run_child(LIFE, __file__, str(world)).split()
    happened = {"open", "os.mkdir", "os.rmdir", "os.remove", "os.rename", "os.link"}
    assert happened <= {*seen}, "the audit was there when it happened"
    assert snapshot(tmp_path, *folders) == before
    assert not os.path.lexists("/bittorrent_threads-canary")
    for folder in folders:
        links = [path for path in folder.rglob("*") if not stat.S_ISREG(path.lstat().st_mode) and not path.is_dir()]
        assert links == []

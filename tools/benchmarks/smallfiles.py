"""The line about torrents of many small files: check, download, rename and move beside libtorrent's.

What each side has to do is the same; ours also makes durable what it stores, where libtorrent leaves that to the
system.  A download ends when the last file is there, a move when every file is at its new place, a rename when the next
start will know of it: so libtorrent's resume data is stored after each, as ours is.  Time and processor time are those
of that alone: a check, a rename and a move begin when the torrent seeds and has nothing left to do, and the end of the
child does not count.

The files are made once; check, rename and move use them in turns, and are undone.

    python -m benchmarks.smallfiles '{"kind": "ours" | "libtorrent", "verb": "check" | …, "torrent": …, "path": …}'

is the child: it waits for ``{"go": true}`` and answers with ``seconds``.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Sequence

import bittorrent_threads as bt
from bittorrent_threads.metainfo.safe_paths import HIDDEN_FOLDER

from .bench import Bench, missing
from .child import Child, python
from .node import POLL, TRANSFER_TIMEOUT, say
from .peers import KINDS
from .report import Line, Target

FILES = 20_000
FILE_SIZE = 100
FOLDERS = 100
"""Folders that the files are in, in equal parts."""
RENAMED = 20
"""Files that are given another name, one after another."""
PIECE_LENGTH = 16 * 1024
NAME = "small"
RESUME = "resume"
"""The file of libtorrent's resume data, beside the files."""
VERBS = ("download", "check", "rename", "move")
"""Downloads come first: ext4 makes files ten times slower for a minute after as many were removed."""
MOST = 2.0
"""Times that of libtorrent."""


def small_files(bench: Bench) -> Line:
    """Check, download, rename and move of 20,000 files of 100 bytes, beside libtorrent."""
    line = Line("small-files", f"{FILES} files of {FILE_SIZE} bytes; rename of {RENAMED}, move on one file system")
    source = bench.folder / "small-source"
    torrent = _made(bench, source)
    kinds = ["ours", *(["libtorrent"] if bench.possible("libtorrent") else [])]
    for verb in VERBS:
        variants: Dict[str, Callable[[], Dict[str, float]]] = {
            f"{kind}, {verb}": functools.partial(measure, bench, kind, verb, torrent, source) for kind in kinds
        }
        rounds = bench.in_turns(variants)
        line.figures.update(rounds.medians())
        for figure in ("s", "CPU s"):
            ratio = rounds.ratio(figure, f"ours, {verb}", f"libtorrent, {verb}") if len(kinds) > 1 else None
            line.targets.append(Target(f"{verb}: {figure} of ours / libtorrent", ratio, "at most", MOST))
    line.remarks += missing(["libtorrent"], bench)
    return line


def measure(bench: Bench, kind: str, verb: str, torrent: Path, source: Path) -> Dict[str, float]:
    """One child that does it once."""
    if verb == "download":  # what it leaves is removed with all that the benchmark made
        directory = bench.fresh()
        directory.mkdir()
        with KINDS["libtorrent" if bench.possible("libtorrent") else "ours"](torrent, source, seed=True) as seeder:
            return _measure(bench, kind, verb, torrent, directory, seeder.addresses)
    try:
        return _measure(bench, kind, verb, torrent, source, ())
    finally:
        _put_back(source, torrent)


def _measure(
    bench: Bench, kind: str, verb: str, torrent: Path, directory: Path, peers: Sequence[Any]
) -> Dict[str, float]:
    options: Dict[str, Any] = {"kind": kind, "verb": verb, "torrent": str(torrent), "path": str(directory)}
    if kind == "ours":
        options.update(bench.profile(verb))
    os.sync()  # what was written before is no business of the child
    with Child(python("smallfiles", peers=list(peers), **options)) as child:
        child.answer(TRANSFER_TIMEOUT)
        child.mark()
        child.tell(go=True)
        seconds = child.answer(TRANSFER_TIMEOUT)["seconds"]
        child.lap()
        usage = child.finish(quit=True)
    return {"s": seconds, "CPU s": usage.until_lap.whole}


def _put_back(source: Path, torrent: Path) -> None:
    # To make the files anew would take ten times as long.
    target = _target(source)
    if target.exists():
        shutil.rmtree(source, ignore_errors=True)
        target.rename(source)
    for index, file in enumerate(bt.Metainfo.load(torrent).files[:RENAMED]):
        renamed = source / NAME / "renamed" / f"{index}.bin"
        if renamed.exists():
            renamed.rename(source.joinpath(*file.path))
    shutil.rmtree(source / NAME / "renamed", ignore_errors=True)
    shutil.rmtree(source / HIDDEN_FOLDER, ignore_errors=True)
    (source / RESUME).unlink(missing_ok=True)


def _made(bench: Bench, source: Path) -> Path:
    # The torrent of the files, which are made with it.
    for number in range(FILES):
        folder = source / NAME / f"{number % FOLDERS:02}"
        if number < FOLDERS:
            folder.mkdir(parents=True)
        (folder / f"{number:05}.bin").write_bytes(os.urandom(FILE_SIZE))
    torrent = bench.folder / "small.torrent"
    bt.create(source / NAME, piece_length=PIECE_LENGTH, creation_date=0).save(torrent)
    return torrent


def _wait_for(paths: Iterable[Path]) -> None:
    for path in paths:
        while not path.exists() or path.stat().st_size < FILE_SIZE:
            time.sleep(POLL)


def _target(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}-moved")


# -- the child -------------------------------------------------------------------------------------------------------


def _timed(verb: Callable[[], Any]) -> None:
    say(ready=True)
    sys.stdin.readline()
    began = time.perf_counter()
    verb()
    say(seconds=time.perf_counter() - began)
    sys.stdin.readline()


def _ours(verb: str, options: Dict[str, Any]) -> None:
    from .ours import QUIET, profiled

    directory = Path(options["path"])
    settings = QUIET.replace(host="127.0.0.8")
    with profiled(options), bt.Client(options["torrent"], directory, state="stopped", settings=settings) as client:

        def download() -> None:
            client.start()
            for host, port in options["peers"]:
                client.add_peer(host, port)
            client.wait("seed", timeout=TRANSFER_TIMEOUT)

        files = client.files[:RENAMED]

        def rename() -> None:
            for file in files:
                file.rename(f"{NAME}/renamed/{file.index}.bin")

        if verb not in ("check", "download"):
            client.hashcheck()
            client.start()
            client.wait("checked")
            # This changes nothing, and waits for all that was begun.
            files[0].rename(os.path.relpath(files[0].path, directory))
        _timed(
            {
                "check": lambda: client.hashcheck(),
                "download": download,
                "rename": rename,
                "move": lambda: client.move(_target(directory)),
            }[verb]
        )
        if not client.seed:
            raise SystemExit(f"not all is there after the {verb}")


def _libtorrent(verb: str, options: Dict[str, Any]) -> None:  # noqa: C901 - has a function for each verb
    import libtorrent as lt

    from .libtorrent_child import SETTINGS

    directory = Path(options["path"])
    settings: Any = {
        **SETTINGS,
        "listen_interfaces": "127.0.0.8:0",
        "outgoing_interfaces": "127.0.0.8",
        "alert_mask": lt.alert.category_t.storage_notification,
    }
    session = lt.session(settings)
    info = lt.torrent_info(options["torrent"])
    params = lt.add_torrent_params()
    params.ti = info
    params.save_path = options["path"]
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    if verb != "download":
        params.have_pieces = [True] * info.num_pieces()
    torrent: Any = None if verb == "download" else session.add_torrent(params)

    def wait_seeding(seeding: bool = True) -> None:
        while torrent.status().is_seeding != seeding:
            time.sleep(POLL)

    def wait_alerts(kind: Any, count: int) -> Any:
        while count:
            session.wait_for_alert(1000)
            found = [alert for alert in session.pop_alerts() if isinstance(alert, kind)]
            count -= len(found)
        return found[-1]

    def store(alert: Any) -> None:
        draft = directory / f"{RESUME}.new"
        with draft.open("wb") as file:
            file.write(lt.write_resume_data_buf(alert.params))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / RESUME)

    def check() -> None:
        torrent.force_recheck()
        wait_seeding(False)
        wait_seeding()

    def download() -> None:
        nonlocal torrent
        torrent = session.add_torrent(params)
        for host, port in options["peers"]:
            torrent.connect_peer((host, port))
        wait_seeding()
        _wait_for(Path(options["path"]) / file.path for file in info.files())  # it is told before most are there

    def rename() -> None:
        for index in range(RENAMED):
            torrent.rename_file(index, f"{NAME}/renamed/{index}.bin")
            wait_alerts(lt.file_renamed_alert, 1)
            torrent.save_resume_data()
            store(wait_alerts(lt.save_resume_data_alert, 1))

    def move() -> None:
        torrent.move_storage(str(_target(directory)))
        wait_alerts(lt.storage_moved_alert, 1)

    if verb != "download":
        wait_seeding()
    _timed({"check": check, "download": download, "rename": rename, "move": move}[verb])


if __name__ == "__main__":
    chosen = json.loads(sys.argv[1])
    {"ours": _ours, "libtorrent": _libtorrent}[chosen["kind"]](chosen["verb"], chosen)

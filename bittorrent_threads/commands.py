"""The commands of the command line, made with the public classes of the library.

A command takes the parsed options and the console, and returns its exit code.  An exception in ``FAILURES`` becomes one
line and an exit code in :func:`conclude`.
"""

from __future__ import annotations

import argparse
import errno
import os
import stat
import time
from datetime import datetime, timezone
from typing import Any, Dict, List, Optional, Sequence

from . import demo
from .amounts import duration_text, size_text
from .client import Client
from .console import Console
from .disk.create import create as create_metainfo
from .disk.disk import stored_metadata, stored_resume
from .errors import BitTorrentError, MetainfoError, SettingsError, StorageError, WaitTimeout
from .file_report import MISSING, RIGHT, FileReport, file_reports, summary
from .hashcheck import HashcheckResult
from .metainfo.magnet import Magnet
from .metainfo.metainfo import Metainfo
from .options import torrent_of
from .plain_data import json_object
from .progress import Downloaded, Fetched, Seeded, check_progress, show_events
from .session import Session
from .settings import Settings
from .text import escaped, masked, printable
from .tracker import Tracker

DONE, FAILED, USAGE, LATE, DISK, BAD_TORRENT, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

FAILURES = (BitTorrentError, OSError, KeyboardInterrupt)

_EXIT_CODES = (
    (KeyboardInterrupt, INTERRUPTED),
    (WaitTimeout, LATE),
    (StorageError, DISK),
    (MetainfoError, BAD_TORRENT),
    (SettingsError, USAGE),
    (BitTorrentError, FAILED),
    (OSError, DISK),
)
_OPTIONS = {
    "trackers": "--tracker",
    "ip_filter": "--ip-filter",
    "web_seeds": "--web-seed",
    **{name: f"--{name.replace('_', '-')}" for name in ("piece_length", "comment", "source", "exclude", "output")},
}
"""The options that set arguments of ``create``."""
DESCRIBED = ("name", "infohash", "total_size", "piece_length", "piece_count", "private", "creation_date")
"""Fields of a torrent that ``info`` and ``create`` write unchanged."""
SETTINGS = (
    *("download_limit", "upload_limit", "max_metainfo_size", "names", "overwrite"),
    *("pex", "local_discovery", "dht", "dht_state"),
)
"""Options that are settings of the same name; not every command has all of them."""
LOOK_INTERVAL = 0.25
"""Seconds between two looks at a hash check, or at the clock."""
MAX_COMMENT = 1000
"""Most characters of a text in a torrent that are shown."""
SHOWN_FILES = 3
"""Most files that the message of a failed check names; the result lists all."""


class Incomplete(BitTorrentError):
    """Data that should be there is missing or wrong."""


def conclude(console: Console, error: Optional[BaseException], document: Dict[str, Any], text: str = "") -> int:
    """Write the result of a command and its error, and return the exit code.

    Args:
        console: Where to write.
        error: What ended the command; None if it succeeded.
        document: The result for ``--json``.
        text: The result otherwise.
    """
    code = DONE if error is None else next(code for kind, code in _EXIT_CODES if isinstance(error, kind))
    document = {**document, "exit_code": code, "error": None if error is None else reason(error)}
    if error is None:
        console.result(document, text)
    else:
        console.failure(f"bittorrent-threads: {reason(error)}", document, text)
    return code


def reason(error: BaseException) -> str:
    """Return what went wrong, in a line."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, SettingsError) and error.name in _OPTIONS:
        return f"{_OPTIONS[error.name]}: {error.reason}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


# -- download and seed ---------------------------------------------------------------------------------------------


def download(options: argparse.Namespace, console: Console) -> int:
    """Download, and with ``--seed`` go on seeding."""
    with Session(_settings(options)) as session:
        _load_filter(session, options.ip_filter, console)
        given = {"peers": options.peer, "trackers": options.tracker, "allocate": options.allocate}
        state = "stopped" if options.check else "active"
        client = session.add(options.source, options.dir, state=state, stop_at_metadata=options.check, **given)
        if options.check:
            _fetch(client, console, options)
            _check(client, console)
            client.start()
        began = time.monotonic()
        seconds: Optional[float] = None
        failure: Optional[BaseException] = None
        try:
            client.wait(Downloaded(client, console), options.timeout, options.stall_timeout)
            seconds = time.monotonic() - began
            if options.seed:
                _seed(client, console, stall_timeout=None, timeout=None)
        except FAILURES as error:
            failure = error
        return _conclude_swarm(console, client, "download", failure, seconds)


def seed(options: argparse.Namespace, console: Console) -> int:
    """Check the files, and serve them if they are all there."""
    source = torrent_of(options.source, _settings(options))
    _require_folder(options.dir)
    with Session(_settings(options)) as session:
        _load_filter(session, options.ip_filter, console)
        given = {"peers": options.peer, "trackers": options.tracker}
        with session.add(source, options.dir, state="stopped", stop_at_metadata=True, **given) as checked:
            metainfo = _fetch(checked, console, options)
            result = _check(checked, console)
            _require_all(checked, result, file_reports(checked, result))
            cache = checked.piece_cache
        client = session.add(metainfo, options.dir, piece_cache=cache, **given)
        failure: Optional[BaseException] = None
        try:
            _seed(client, console, timeout=options.timeout, stall_timeout=options.stall_timeout)
        except FAILURES as error:
            failure = error
        return _conclude_swarm(console, client, "seed", failure, None)


def _fetch(client: Client, console: Console, options: argparse.Namespace) -> Metainfo:
    """Return the metainfo of a client, which fetches it first if it was made from a magnet link."""
    if client.metainfo is None:
        client.start()
        client.wait(Fetched(client, console), options.timeout, options.stall_timeout)
        console.end_progress()
    assert client.metainfo is not None, "it was waited for"
    return client.metainfo


def _settings(options: argparse.Namespace) -> Settings:
    # A port that is named and in use is an error.
    given = {name: getattr(options, name) for name in SETTINGS if hasattr(options, name)}
    routers = (*options.dht_node, *Settings().dht_routers)
    return Settings(port=options.port or 0, port_strict=bool(options.port), dht_routers=routers, **given)


def _load_filter(session: Session, paths: Sequence[str], console: Console) -> None:
    """Block the addresses of blocklist files, before any connection is made."""
    for path in paths:
        read = session.ip_filter.load(path)
        if read.bad_lines:
            skipped = f"skipped {_count(read.bad_lines, 'line')} of {escaped(path)}, the first is {read.examples[0]}"
            console.message(f"bittorrent-threads: warning: {skipped}")


def _seed(client: Client, console: Console, *, timeout: Optional[float], stall_timeout: Optional[float]) -> None:
    console.message(f"seeding {client.name} on port {client.port}")
    client.wait(Seeded(client, console, stall_timeout), timeout)


def _conclude_swarm(
    console: Console, client: Client, command: str, failure: Optional[BaseException], seconds: Optional[float]
) -> int:
    """Close the client and write its status; ``seconds`` is the time of a complete download."""
    client.close()
    status = client.status()  # after close, so that it counts every byte that was sent
    show_events(client, console)
    sent = f"sent {size_text(status.uploaded)}"
    text = f"{status.name}: {sent}"
    if seconds is not None:
        rate = size_text(status.downloaded / max(seconds, 0.001))
        received = f"received {size_text(status.downloaded)} in {duration_text(seconds)} ({rate}/s)"
        text = f"{status.name}: complete, {received}, {sent}"
    document = {"command": command, "seconds": seconds, **json_object(status)}
    return conclude(console, failure, document, text if failure is None else "")


# -- files and torrents --------------------------------------------------------------------------------------------


def verify(options: argparse.Namespace, console: Console) -> int:
    """Hash the files, without a socket, and without writing a file."""
    settings = Settings(max_metainfo_size=options.max_metainfo_size, names=options.names)
    source = torrent_of(options.source, settings)
    _require_folder(options.dir)
    metainfo = _stored(source, options.dir, settings) if isinstance(source, Magnet) else source
    names = stored_resume(metainfo, options.dir)
    with Client(metainfo, options.dir, state="stopped", settings=settings, resume=False, piece_cache=names) as client:
        result = _check(client, console)
        reports = file_reports(client, result)
        document = {
            "command": "verify",
            "name": client.name,
            "infohash": client.infohash,
            "piece_count": client.piece_count,
            "passed": len(result.passed),
            "failed": result.failed,
            "files": [{**json_object(report), "complete": report.state == RIGHT} for report in reports],
        }
        for report in reports:
            if report.state == RIGHT and report.reason != "is right":
                console.message(f"bittorrent-threads: warning: {report.path} {report.reason}")
        listing = "\n".join(f"{report.state:<11}{report.name}" for report in reports if report.state != RIGHT)
        text = f"{client.name}: {_count(len(reports), 'file')} and {_count(client.piece_count, 'piece')}, all right"
        try:
            _require_all(client, result, reports)
        except BitTorrentError as error:
            return conclude(console, error, document, listing)
        return conclude(console, None, document, text)


def _stored(magnet: Magnet, folder: str, settings: Settings) -> Metainfo:
    """Return the torrent of a magnet link whose metadata an earlier download stored in the folder of its files."""
    info = stored_metadata(magnet.infohashes, folder, max_size=settings.max_metadata_size)
    if info is None:
        raise MetainfoError(f"its metadata is not stored in {folder}: give the .torrent file", source=str(magnet))
    return Metainfo.from_info(info, max_size=settings.max_metainfo_size)


def _check(client: Client, console: Console) -> HashcheckResult:
    check = client.hashcheck(wait=False)
    while True:
        try:
            result: HashcheckResult = check.wait(LOOK_INTERVAL)
        except WaitTimeout:
            console.progress(*check_progress(client.status()))
        else:
            console.end_progress()
            return result


def _require_folder(folder: str) -> None:
    """Raise StorageError if there is no such folder: the path may be mistyped, and the folder must not be made."""
    try:
        found = os.stat(folder)
    except FileNotFoundError as error:
        raise StorageError("there is no such folder", os.path.abspath(folder), errno.ENOENT) from error
    except NotADirectoryError as error:
        raise StorageError("is not a folder, or below a file", folder, errno.ENOTDIR) from error
    if not stat.S_ISDIR(found.st_mode):
        raise StorageError("is not a folder, or below a file", folder, errno.ENOTDIR)


def _require_all(client: Client, result: HashcheckResult, reports: Sequence[FileReport]) -> None:
    """Raise StorageError for files that cannot be read, Incomplete for data that is missing or wrong."""
    where = f"{client.name} in {client.basedir}"
    if all(report.state == RIGHT for report in reports):
        if result.failed:
            raise Incomplete(f"{where}: all files are right, but hashes of padding in the torrent are wrong")
        return
    if all(report.state == MISSING for report in reports):
        raise Incomplete(f"{where}: none of its files is there{_other_folder(client)}")
    if result.error is not None:
        raise result.error
    raise Incomplete(f"{where}: {summary(reports, SHOWN_FILES)}")


def _other_folder(client: Client) -> str:
    """Return a hint if the user named the folder of the torrent instead of the folder that contains it."""
    parent, own = os.path.split(client.basedir)
    files = client.metainfo.files if client.metainfo is not None else ()
    inner = [file.path[1:] for file in files if not file.pad]
    if own == client.name or any(parts and os.path.lexists(os.path.join(client.basedir, *parts)) for parts in inner):
        return f" (--dir is the folder that contains {client.name}: try {parent})"
    return " (--dir is the folder that they are in)"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"


def create(options: argparse.Namespace, console: Console) -> int:
    """Make a .torrent file."""
    warnings: List[str] = []

    def show(done: int, total: int) -> None:
        console.progress(f"{options.path}: hashed {done} of {total} pieces", done / max(1, total))

    def warn(sentence: str) -> None:
        warnings.append(sentence)
        console.message(f"bittorrent-threads: warning: {sentence}")

    metainfo = create_metainfo(
        options.path,
        trackers=options.tracker,
        piece_length=options.piece_length,
        private=options.private,
        web_seeds=options.web_seed,
        comment=options.comment,
        source=options.source_tag,
        exclude=options.exclude,
        output=options.output,
        max_size=options.max_metainfo_size,
        progress=show,
        on_warning=warn,
    )
    document = {"command": "create", "output": options.output, "warnings": warnings, **_description(metainfo)}
    count = f"{_count(metainfo.piece_count, 'piece')} of {size_text(metainfo.piece_length)}"
    text = f"{escaped(options.output)}: {size_text(metainfo.total_size)}, {count}, {metainfo.infohash.hex()}"
    return conclude(console, None, document, text)


def info(options: argparse.Namespace, console: Console) -> int:
    """Show the content of a .torrent file, or of the metadata that peers send for a magnet link."""
    settings = _settings(options)
    source = torrent_of(options.source, settings)
    if isinstance(source, Magnet):
        given = {"peers": options.peer, "trackers": options.tracker, "resume": False}
        with Session(settings) as session:
            _load_filter(session, options.ip_filter, console)
            client = session.add(source, state="stopped", stop_at_metadata=True, **given)
            metainfo = _fetch(client, console, options)
    else:
        metainfo = source
    if options.output is not None:
        metainfo.save(options.output)
    described = _description(metainfo)
    rows = {
        "name": metainfo.name,
        "infohash": metainfo.infohash.hex(),
        "size": f"{size_text(metainfo.total_size)} ({metainfo.total_size} bytes)",
        "files": str(sum(not file.pad for file in metainfo.files)),
        "pieces": f"{metainfo.piece_count} of {size_text(metainfo.piece_length)}",
        "private": "yes" if metainfo.private else "no",
        "comment": described["comment"],
        "created by": described["created_by"],
        "source": described["source"],
    }
    if metainfo.creation_date is not None:
        rows["created"] = datetime.fromtimestamp(metainfo.creation_date, timezone.utc).isoformat(" ")
    lines = [f"{key + ':':<12}{value}" for key, value in rows.items() if value]
    lines += [f"{'tier ' + str(tier) + ':':<12}{' '.join(urls)}" for tier, urls in enumerate(described["trackers"], 1)]
    lines += [f"{'web seed:':<12}{url}" for url in described["web_seeds"]]
    lines += [f"{file.length:>15}  {'/'.join(file.path)}" for file in metainfo.files if not file.pad]
    return conclude(console, None, {"command": "info", **described}, "\n".join(lines))


def magnet(options: argparse.Namespace, console: Console) -> int:
    """Write the magnet link of a torrent."""
    source = torrent_of(options.source, Settings(max_metainfo_size=options.max_metainfo_size))
    found = source if isinstance(source, Magnet) else source.magnet(peers=options.peer)
    if isinstance(source, Metainfo) and source.private:
        console.message("the torrent is private: its metadata is not sent to others, so a link alone is not enough")
    return conclude(console, None, {"command": "magnet", "magnet": str(found), "infohash": found.infohash}, str(found))


def _description(metainfo: Metainfo) -> Dict[str, Any]:
    return {
        **{name: getattr(metainfo, name) for name in DESCRIBED},
        "trackers": [[masked(url) for url in tier] for tier in metainfo.trackers],
        "web_seeds": [masked(url) for url in metainfo.web_seeds],
        "comment": _shown(metainfo.comment),
        "created_by": _shown(metainfo.created_by),
        "source": _shown(metainfo.source),
        "files": [{"path": "/".join(file.path), "length": file.length, "pad": file.pad} for file in metainfo.files],
    }


def _shown(text: Optional[str]) -> Optional[str]:
    return None if text is None else printable(text, MAX_COMMENT)


# -- tracker and demonstration -------------------------------------------------------------------------------------


def tracker(options: argparse.Namespace, console: Console) -> int:
    """Run a tracker until interrupted; its URL is the result, and is written at the start."""
    with Tracker(options.host, options.port) as running:
        console.result({"command": "tracker", "url": running.url, "port": running.port}, running.url)
        until = float("inf") if options.timeout is None else time.monotonic() + options.timeout
        try:
            while time.monotonic() < until:
                time.sleep(min(LOOK_INTERVAL, max(0.0, until - time.monotonic())))
        except KeyboardInterrupt:
            console.message("bittorrent-threads: interrupted")
            return INTERRUPTED
        return LATE


def demonstrate(options: argparse.Namespace, console: Console) -> int:
    """Exchange a torrent between processes on this machine."""
    figures, text = demo.run(console, options.size, options.timeout)
    return conclude(console, None, {"command": "demo", **figures}, text)

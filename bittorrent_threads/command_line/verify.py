"""``verify``: files are hashed, and those that are not right are listed."""

from __future__ import annotations

import argparse

from ..amounts import count_text
from ..client import Client
from ..disk.disk import stored_metadata, stored_resume
from ..errors import BitTorrentError, MetainfoError
from ..file_report import RIGHT, file_reports
from ..metainfo.magnet import Magnet
from ..metainfo.metainfo import Metainfo
from ..options import torrent_of
from ..plain_data import json_object
from ..settings import Settings
from .arguments import nonempty
from .command import Command
from .console import Console
from .data_check import check, require_all, require_folder
from .option_groups import common_options, folder_options, limit_options
from .outcome import conclude


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument(
        "source", type=nonempty, metavar="TORRENT", help="a .torrent file, or the magnet link that was downloaded"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Hash the files, without a socket, and without writing a file."""
    settings = Settings(max_metainfo_size=options.max_metainfo_size, names=options.names)
    source = torrent_of(options.source, settings)
    require_folder(options.dir)
    metainfo = _stored(source, options.dir, settings) if isinstance(source, Magnet) else source
    names = stored_resume(metainfo, options.dir)
    with Client(metainfo, options.dir, state="stopped", settings=settings, resume=False, piece_cache=names) as client:
        result = check(client, console)
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
        counts = f"{count_text(len(reports), 'file')} and {count_text(client.piece_count, 'piece')}"
        text = f"{client.name}: {counts}, all right"
        try:
            require_all(client, result, reports)
        except BitTorrentError as error:
            return conclude(console, error, document, listing)
        return conclude(console, None, document, text)


def _stored(magnet: Magnet, folder: str, settings: Settings) -> Metainfo:
    """Return the torrent of a magnet link whose metadata an earlier download stored in the folder of its files."""
    info = stored_metadata(magnet.infohashes, folder, max_size=settings.max_metadata_size)
    if info is None:
        raise MetainfoError(f"its metadata is not stored in {folder}: give the .torrent file", source=str(magnet))
    return Metainfo.from_info(info, max_size=settings.max_metainfo_size)


COMMAND = Command(
    "verify",
    "hash the files and list those that are not right; it opens no socket and changes nothing",
    run,
    groups=(common_options, limit_options, folder_options),
    add_arguments=add_arguments,
    examples=(
        "photos.torrent -d downloads",
        "photos.torrent -d downloads --json",
    ),
)

"""``info``: the content of a torrent is shown."""

from __future__ import annotations

import argparse
from datetime import datetime, timezone

from ..amounts import size_text
from ..metainfo.magnet import Magnet
from ..options import torrent_of
from .arguments import nonempty
from .command import Command
from .console import Console
from .description import description
from .exchange import fetch
from .option_groups import common_options, limit_options, swarm_options
from .outcome import conclude
from .session_options import session_of, settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("source", type=nonempty, metavar="SOURCE", help="a .torrent file or a magnet link")
    parser.add_argument("-o", "--output", type=nonempty, metavar="FILE", help="also write it as a .torrent file")


def run(options: argparse.Namespace, console: Console) -> int:
    """Show the content of a .torrent file, or of the metadata that peers send for a magnet link."""
    settings = settings_of(options)
    source = torrent_of(options.source, settings)
    if isinstance(source, Magnet):
        given = {"peers": options.peer, "trackers": options.tracker, "resume": False}
        with session_of(options, console) as session:
            client = session.add(source, state="stopped", stop_at_metadata=True, **given)
            metainfo = fetch(client, console, options)
    else:
        metainfo = source
    if options.output is not None:
        metainfo.save(options.output)
    described = description(metainfo)
    v2 = metainfo.infohashes.v2
    rows = {
        "name": metainfo.name,
        "infohash": metainfo.infohash.hex(),
        "version 2": v2.hex() if v2 is not None else "",
        "size": f"{size_text(metainfo.total_size)} ({metainfo.total_size:,} bytes)",
        "files": f"{sum(not file.pad for file in metainfo.files):,}",
        "pieces": f"{metainfo.piece_count:,} of {size_text(metainfo.piece_length)}",
        "private": "yes: peers come from its trackers only" if metainfo.private else "no",
        "comment": described["comment"],
        "created by": described["created_by"],
        "source": described["source"],
    }
    if metainfo.creation_date is not None:
        rows["created"] = f"{datetime.fromtimestamp(metainfo.creation_date, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"{key + ':':<12}{value}" for key, value in rows.items() if value]
    lines += [f"{'tier ' + str(tier) + ':':<12}{' '.join(urls)}" for tier, urls in enumerate(described["trackers"], 1)]
    lines += [f"{'web seed:':<12}{url}" for url in described["web_seeds"]]
    lines += [f"{'DHT node:':<12}{host} port {node_port}" for host, node_port in metainfo.nodes]
    lines += ["", f"{'bytes':>15}  file"]
    lines += [f"{file.length:>15}  {'/'.join(file.path)}" for file in metainfo.files if not file.pad]
    return conclude(console, None, {"command": "info", **described}, "\n".join(lines))


COMMAND = Command(
    "info",
    "show the content of a .torrent file, or of what peers send for a magnet link",
    run,
    groups=(common_options, limit_options, swarm_options),
    add_arguments=add_arguments,
    examples=(
        "photos.torrent",
        "photos.torrent --json",
        '"magnet:?xt=urn:btih:b3c1ef66d2ad5a9d5b67d3c9f8dbd4c6ea5e0f10" -o photos.torrent',
    ),
)

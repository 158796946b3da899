"""The options that several commands have, in groups: each function returns a parser to be a parent of theirs."""

from __future__ import annotations

import argparse

from ..settings import NAMES, Settings
from .arguments import address, nonempty, port, rate, ratio, seconds, size


def common_options() -> argparse.ArgumentParser:
    """Return the options of every command."""
    found = _group()
    found.add_argument("-v", "--verbose", action="count", default=0, help="log to standard error; twice for more")
    found.add_argument("--json", action="store_true", help="write the result as one JSON document")
    return found


def limit_options() -> argparse.ArgumentParser:
    """Return the limit on the size of a .torrent file."""
    found = _group()
    found.add_argument(
        "--max-metainfo-size",
        type=size,
        default=Settings().max_metainfo_size,
        metavar="SIZE",
        help="largest .torrent file that is read or made (default: 32Mi)",
    )
    return found


def folder_options() -> argparse.ArgumentParser:
    """Return the options of commands that use the files of a torrent."""
    found = _group()
    found.add_argument(
        "-d",
        "--dir",
        type=nonempty,
        default=".",
        metavar="DIR",
        help="folder that contains the files of the torrent, or their folder (default: this one)",
    )
    found.add_argument(
        "--names",
        choices=NAMES,
        default=Settings().names,
        help="names of new files whose own name is not valid on every system: a valid one (default), or their own",
    )
    return found


def swarm_options() -> argparse.ArgumentParser:
    """Return the options of commands that connect to peers."""
    found = _group()
    found.add_argument(
        "--port",
        type=port,
        metavar="N",
        help="port to listen on; it is an error if it is in use (default: any that is free)",
    )
    _add_peer_sources(found)
    found.add_argument(
        "--ip-filter",
        type=nonempty,
        action="append",
        default=[],
        metavar="FILE",
        help="block the peers of a blocklist: DAT, P2P or CIDR text, or one of them in gzip; repeatable",
    )
    found.add_argument("--timeout", type=seconds, metavar="S", help="end after S seconds, with exit code 3")
    found.add_argument(
        "--stall-timeout",
        type=seconds,
        metavar="S",
        help="end when no data was received, or with seeding sent, for S seconds, with exit code 3",
    )
    return found


def _add_peer_sources(found: argparse.ArgumentParser) -> None:
    """Add the options that say where peers come from."""
    found.add_argument(
        "--peer",
        type=address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a peer to connect to; an IPv6 address stands in brackets; repeatable",
    )
    found.add_argument(
        "--tracker",
        action="append",
        default=[],
        metavar="URL",
        help="announce to this tracker too; repeatable, each is a tier of its own",
    )
    for option, name, source in (
        ("--no-dht", "dht", "the distributed hash table (DHT)"),
        ("--no-pex", "pex", "connected peers (peer exchange)"),
        ("--no-lsd", "local_discovery", "the local network (local service discovery)"),
    ):
        found.add_argument(
            option,
            dest=name,
            action="store_false",
            default=getattr(Settings(), name),
            help=f"learn no peers from {source}, and tell it nothing",
        )
    found.add_argument(
        "--dht-node",
        type=address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a node of the distributed hash table to begin with, besides the usual ones; repeatable",
    )
    found.add_argument(
        "--dht-state",
        default="",
        metavar="FILE",
        help="keep nodes of the distributed hash table in this file, for the next start",
    )


def goal_options() -> argparse.ArgumentParser:
    """Return the options that end seeding."""
    found = _group()
    found.add_argument(
        "--ratio",
        type=ratio,
        metavar="R",
        help="seed until R times the size of the torrent was sent in this run, and end with exit code 0",
    )
    found.add_argument(
        "--seed-time", type=seconds, metavar="S", help="seed for S seconds, such as 2h, and end with exit code 0"
    )
    return found


def rate_options() -> argparse.ArgumentParser:
    """Return the options of commands that exchange data with peers."""
    found = _group()
    for way in ("download", "upload"):
        found.add_argument(
            f"--{way}-limit",
            type=rate,
            default=0,
            metavar="RATE",
            help=f"most bytes a second to {way}, such as 500K; 0 for no limit (default)",
        )
    return found


def _group() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False)

"""``edit``: the trackers, the web seeds and the comment of a .torrent file are changed."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Union

from ..errors import SettingsError
from ..metainfo.metainfo import Metainfo
from ..metainfo.urls import TRACKER_SCHEMES, given_tiers, given_url
from ..text import escaped, masked
from .arguments import nonempty
from .command import Command
from .console import Console
from .description import description
from .option_groups import common_options, limit_options
from .outcome import conclude

EDITED = ("trackers", "web_seeds", "comment")


class InInfo(argparse.Action):
    """The option of a key that cannot be edited: it is refused with the reason."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Union[str, Sequence[Any], None],
        option_string: Optional[str] = None,
    ) -> NoReturn:
        """Refuse the option."""
        name = self.option_strings[0]
        parser.error(f"{name} is part of what the infohash is the hash of: make a new torrent with create {name}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that this command alone has."""
    parser.add_argument("path", type=nonempty, metavar="FILE", help="the .torrent file")
    parser.add_argument(
        "-o", "--output", type=nonempty, metavar="FILE", help="write the result here (default: replace the file)"
    )
    trackers = parser.add_mutually_exclusive_group()
    trackers.add_argument(
        "--tracker",
        action="append",
        metavar="URL",
        help="announce URL in place of those that are there; repeatable, each is a tier of its own",
    )
    trackers.add_argument("--no-trackers", action="store_true", help="remove all trackers")
    parser.add_argument(
        "--add-tracker", action="append", default=[], metavar="URL", help="announce URL behind the others; repeatable"
    )
    parser.add_argument(
        "--remove-tracker", action="append", default=[], metavar="URL", help="announce URL to remove; repeatable"
    )
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument(
        "--web-seed", action="append", metavar="URL", help="web seed (BEP 19) in place of those there; repeatable"
    )
    seeds.add_argument("--no-web-seeds", action="store_true", help="remove all web seeds")
    parser.add_argument("--comment", metavar="TEXT", help="free text in the torrent; empty to remove it")
    for option, values in (("--source", 1), ("--name", 1), ("--piece-length", 1), ("--private", 0)):
        parser.add_argument(
            option,
            action=InInfo,
            nargs=values,
            metavar="VALUE" if values else None,
            help="refused, as the infohash would change: use create",
        )


def run(options: argparse.Namespace, console: Console) -> int:
    """Change a .torrent file, and keep its infohash."""
    before = Metainfo.load(options.path, max_size=options.max_metainfo_size)
    change = _change(options, before)
    if not change:
        raise SettingsError("edit", "there is nothing to change: give a tracker, a web seed or a comment")
    metainfo = before.edited(**change)
    output = options.path if options.output is None else options.output
    metainfo.save(output)
    changed = [name for name in EDITED if getattr(before, name) != getattr(metainfo, name)]
    document = {"command": "edit", "output": output, "changed": changed, **description(metainfo)}
    said = ", ".join(changed).replace("_", " ") or "nothing, all was so before"
    text = f"{escaped(output)}: changed {said}; the infohash is still {metainfo.infohash.hex()}"
    return conclude(console, None, document, text)


def _change(options: argparse.Namespace, before: Metainfo) -> Dict[str, Any]:
    # The arguments of ``Metainfo.edited``.
    change: Dict[str, Any] = {}
    if options.tracker or options.no_trackers or options.add_tracker or options.remove_tracker:
        tiers: List[List[str]] = [[]] if options.no_trackers else [list(tier) for tier in before.trackers]
        if options.tracker:
            tiers = [[url] for url in options.tracker]
        gone = {url for tier in given_tiers(options.remove_tracker) for url in tier}
        missing = sorted(gone - {url for tier in tiers for url in tier})
        if missing:
            raise SettingsError("remove_tracker", f"{masked(missing[0])} is no tracker of the torrent")
        kept = [[url for url in tier if url not in gone] for tier in tiers]
        added = [[given_url("add_tracker", url, TRACKER_SCHEMES)] for url in options.add_tracker]
        change["trackers"] = [*kept, *added]
    if options.web_seed or options.no_web_seeds:
        change["web_seeds"] = options.web_seed or ()
    if options.comment is not None:
        change["comment"] = options.comment
    return change


COMMAND = Command(
    "edit",
    "change trackers, web seeds and comment of a .torrent file, but not its infohash",
    run,
    groups=(common_options, limit_options),
    add_arguments=add_arguments,
    examples=(
        "photos.torrent --tracker http://192.0.2.1:6969/announce",
        "photos.torrent --add-tracker udp://192.0.2.2:6969 --web-seed http://192.0.2.3/ -o public.torrent",
        'photos.torrent --no-trackers --comment ""',
    ),
)

"""Text of the manual that is made from the code: the command line, the events, the errors, the constants, the BEPs.

Each public function returns reStructuredText.  Nothing here needs Sphinx, so the tests call it too.
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Sequence, Set, Tuple, Type

import bittorrent_threads
from bittorrent_threads import cli, errors, events, stall

PACKAGE = Path(bittorrent_threads.__file__).resolve().parent

CONSTANTS = (
    "metainfo.MAX_SIZE",
    "metainfo.MAX_PIECES",
    "metainfo.MAX_PIECE_LENGTH",
    "metainfo.MAX_PATH_DEPTH",
    "metainfo.safe_paths.MAX_NAME",
    "metainfo.MAX_NATIVE_NAME",
    "metainfo.MAX_FOLDERS",
    "metainfo.MAX_DEPTH",
    "metainfo.MAX_TOKENS",
    "metainfo.MAX_URLS",
    "metainfo.magnet.MAX_URI",
    "metainfo.magnet.MAX_PEERS",
    "metainfo.MAX_RANGES",
    "protocol.wire.MAX_MESSAGE",
    "protocol.MAX_UNKNOWN",
    "protocol.announce.MAX_PEERS",
    "protocol.registry.MAX_PEERS",
    "protocol.MAX_HOST",
    "protocol.MAX_HOST_SWARM",
    "protocol.MAX_SWARM",
    "swarm.MAX_LENGTH",
    "swarm.uploads.MAX_REFUSED",
    "swarm.metadata_download.REST",
    "swarm.metadata_download.REQUEST_TIMEOUT",
    "swarm.TURNS",
    "swarm.MAX_FAILURES",
    "swarm.blocklist.MAX_SIZE",
    "swarm.MAX_RANGES",
    "swarm.LAST_RESORT",
    "swarm.INDIFFERENCE",
    "swarm.VAIN_WAIT",
    "swarm.announcer.MAX_UNDER_WAY",
    "swarm.RATE",
    "swarm.dht_schedule.MAX_UNDER_WAY",
    "swarm.EAGER_PAUSE",
    "swarm.ANNOUNCE_INTERVAL",
    "engine.HOST_PAUSE",
    "engine.MAX_HINTS",
    "net.MAX_REDIRECTS",
    "net.NEXT_PORTS",
    "text.MAX_REASON",
    "tracker.MAX_CONNECTIONS",
    "serving.MAX_CONNECTIONS",
    "serving.MAX_HEAD",
    "serving.SEND_TIMEOUT",
    "runtime.EXIT_TIMEOUT",
)
"""The constants that a user may meet, below their layer, or below their module if the layer has two of this name.

The description of each is the docstring below it.
"""


def text(name: str) -> str:
    """Return the text of this name.

    Raises:
        KeyError: If there is no such text.
    """
    texts = {
        "commands": commands,
        "common_options": common_options,
        "exit_codes": exit_codes,
        "events": event_table,
        "errors": error_tree,
        "causes": causes,
        "constants": constants,
        "beps": bep_modules,
        "modules": top_modules,
    }
    return texts[name]()


# -- the command line ----------------------------------------------------------------------------------------------


def commands() -> str:
    """Return a section for each command: what it does, its usage and its options."""
    parts = []
    for name, (parser, summary) in _commands().items():
        parts += [name, "-" * len(name), "", f"{_sentence(summary)}", "", *_literal(parser.format_usage()), ""]
        parts += [*_literal(parser.epilog or ""), ""]
        parts += [f".. program:: bittorrent-threads {name}", ""]
        for action in parser._actions:
            if "--help" not in action.option_strings:
                parts += _option(action)
    return "\n".join(parts)


def common_options() -> str:
    """Return the options of ``bittorrent-threads`` itself."""
    parts = [".. program:: bittorrent-threads", ""]
    for action in cli.parser()._actions:
        if action.option_strings:
            parts += _option(action)
    return "\n".join(parts)


def exit_codes() -> str:
    """Return what the command line says at the end of its help: exit codes and units."""
    return "\n".join(_literal(cli.parser().epilog or ""))


def _commands() -> Dict[str, Tuple[argparse.ArgumentParser, str]]:
    (verbs,) = [action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)]
    summaries = {action.dest: action.help or "" for action in verbs._choices_actions}
    return {name: (parser, summaries[name]) for name, parser in verbs.choices.items()}


def _option(action: argparse.Action) -> List[str]:
    value = action.metavar if action.nargs != 0 else ""
    if action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    names = action.option_strings or [str(action.metavar or action.dest)]
    shown = ", ".join(f"{name} {value}".strip() if action.option_strings else name for name in names)
    described = (action.help or "").replace("%(default)s", str(action.default))
    return [f".. option:: {shown}", "", f"   {_sentence(_escaped(described))}", ""]


# -- events and errors ---------------------------------------------------------------------------------------------


def event_classes() -> List[Type[events.Event]]:
    """Return the classes of events in the order of their module, without their base."""
    kinds = [kind for kind in vars(events).values() if inspect.isclass(kind) and issubclass(kind, events.Event)]
    return [kind for kind in kinds if kind is not events.Event]


def event_table() -> str:
    """Return a table of all events: how long each is kept, what happened, and its fields."""
    common = {field.name for field in dataclasses.fields(events.Event)}
    rows = []
    for kind in event_classes():
        kept = "newest" if kind.coalescing else "frequent" if kind.frequent else ""
        fields = [f"``{field.name}``" for field in dataclasses.fields(kind) if field.name not in common]
        name = f":class:`~bittorrent_threads.events.{kind.__name__}`"
        rows.append((name, kept, _first_sentence(kind), ", ".join(fields)))
    return _table(("Event", "Kept", "What happened", "Fields"), rows)


def error_tree() -> str:
    """Return the tree of exceptions, each with the first sentence of its docstring."""
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, Exception)]
    lines: List[str] = []

    def add(kind: Type[BaseException], depth: int) -> None:
        name = f":exc:`~bittorrent_threads.{kind.__name__}`"
        lines.extend([f"{'  ' * depth}- {name}: {_first_sentence(kind)}", ""])
        for child in kinds:
            if child.__bases__[0] is kind:
                add(child, depth + 1)

    add(errors.BitTorrentError, 0)
    return "\n".join(lines)


def causes() -> str:
    """Return a table of what keeps data from coming."""
    return _table(("Cause", "What it means"), [(f"``{name}``", text) for name, text in stall.CAUSES.items()])


# -- modules, constants and BEPs -----------------------------------------------------------------------------------


def top_modules() -> str:
    """Return a table of the modules above the layers, each with the first sentence of its docstring."""
    rows = []
    for path in sorted(PACKAGE.glob("*.py")):
        if not path.name.startswith("_"):
            page = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            rows.append((f"``{path.stem}``", _first_sentence_of(page)))
    return _table(("Module", "What it is"), rows)


def constants() -> str:
    """Return a table of the constants that a user may meet."""
    rows = []
    for path in CONSTANTS:
        where, _, name = path.rpartition(".")
        module, description = described_constant(where, name)
        value = getattr(importlib.import_module(f"bittorrent_threads.{module}"), name)
        rows.append((f"``{name}``", f"``{module}``", _amount(value), description))
    return _table(("Constant", "Module", "Value", "What it limits"), rows)


def described_constant(where: str, name: str) -> Tuple[str, str]:
    """Return the module in which a constant of a layer or module is, and its description.

    Raises:
        LookupError: If there is none, or more than one.
    """
    path = PACKAGE.joinpath(*where.split("."))
    modules = [f"{where}.{found.stem}" for found in sorted(path.glob("*.py"))] if path.is_dir() else [where]
    found = [(module, constant_docs(module)[name]) for module in modules if name in constant_docs(module)]
    if len(found) != 1:
        raise LookupError(f"{where} has {len(found)} descriptions of {name}")
    return found[0]


def constant_docs(module: str) -> Dict[str, str]:
    """Return the docstrings of the constants of a module: the string below an assignment, for all names above it."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    described: Dict[str, str] = {}
    names: List[str] = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.append(node.targets[0].id)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            described.update(dict.fromkeys(names, inspect.cleandoc(node.value.value).replace("\n", " ")))
            names = []
        else:
            names = []
    return described


def modules_by_bep() -> Dict[int, List[str]]:
    """Return the modules that name each BEP, by number."""
    found: Dict[int, Set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for numbers in re.findall(r"\bBEPs? (\d+(?:(?:, | and )\d+)*)", path.read_text(encoding="utf-8")):
            for number in re.findall(r"\d+", numbers):
                found.setdefault(int(number), set()).add(path.relative_to(PACKAGE).as_posix())
    return {number: sorted(found[number]) for number in sorted(found)}


def bep_modules() -> str:
    """Return a table of the modules that name each BEP."""
    link = "`{0} <https://www.bittorrent.org/beps/bep_{0:04}.html>`__"
    rows = [(link.format(number), ", ".join(f"``{path}``" for path in paths)) for number, paths in _beps()]
    return _table(("BEP", "Modules"), rows)


def _beps() -> Iterable[Tuple[int, List[str]]]:
    return modules_by_bep().items()


# -- reStructuredText ----------------------------------------------------------------------------------------------


def with_literal_blocks(lines: Sequence[str]) -> List[str]:
    """Return the lines of a docstring with ``::`` before each block that is indented by four columns or more."""
    result: List[str] = []
    inside = False
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if indented and not inside and (number == 0 or not lines[number - 1].strip()):
            before = next((text for text in reversed(result) if text.strip()), "")
            if not before.rstrip().endswith("::"):
                result += ["::", ""]
            inside = True
        elif line.strip() and not indented:
            inside = False
        result.append(line)
    return result


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [heads, *rows]:
        for column, cell in enumerate(row):
            lines.append(f"   {'*' if column == 0 else ' '} - {cell}".rstrip())
    return "\n".join([*lines, ""])


def _literal(text: str) -> Iterator[str]:
    yield from ("::", "")
    yield from (f"    {line}".rstrip() for line in text.strip("\n").splitlines())


def _first_sentence(thing: Any) -> str:
    sentence = _first_sentence_of(thing.__doc__ or "")
    return re.split(r"[:;]\s", sentence)[0].rstrip(".") + "."


def _first_sentence_of(text: str) -> str:
    paragraph = inspect.cleandoc(text).split("\n\n")[0].replace("\n", " ")
    return re.split(r"(?<=\.)\s", paragraph)[0].rstrip(".") + "."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _escaped(text: str) -> str:
    return re.sub(r"([*|`_\\])", r"\\\1", text)


def _amount(value: Any) -> str:
    if isinstance(value, int) and value and value % 2**20 == 0:
        return f"{value // 2**20:,} MiB"
    if isinstance(value, int) and value >= 2**14 and value % 2**10 == 0:
        return f"{value // 2**10:,} KiB"
    return f"{value:,}"

"""The public interface: its signatures are typed, and its docstrings complete."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

import bittorrent_threads as bt
from bittorrent_threads import errors, events, options
from bittorrent_threads.event_queue import EventQueue
from bittorrent_threads.file import File
from bittorrent_threads.file_verbs import FileVerbs
from bittorrent_threads.reading.file_reader import FileReader
from bittorrent_threads.runtime import Runtime
from bittorrent_threads.status_view import StatusView

SOURCE = Path(bt.__file__).resolve().parent
PUBLIC = [
    *("blocking_download", "client", "errors", "events", "event_queue", "file", "file_verbs"),
    *("hashcheck", "ip_filter", "options", "reading.file_reader"),
    *("runtime", "session", "session_dht", "settings", "status", "status_view", "torrent_view"),
    "tracker",
]
CLASSES = [
    bt.Client,
    bt.Session,
    Runtime,
    StatusView,
    bt.Settings,
    bt.Hashcheck,
    bt.IpFilter,
    bt.Tracker,
    bt.SessionDht,
    bt.DhtPeers,
    File,
    EventQueue,
    FileVerbs,
    FileReader,
]
METHODS = [
    (kind, name, thing)
    for kind in CLASSES
    for name, thing in vars(kind).items()
    if not name.startswith("_") and inspect.isfunction(thing)
]
CALLABLES = [bt.download, *(thing for _, _, thing in METHODS)]


def hints(name: str) -> Iterator[Tuple[str, ast.expr]]:
    """The annotations of the public functions, methods and fields of a module."""
    tree = ast.parse((SOURCE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    for scope, body in [("", tree.body), *((node.name, node.body) for node in classes)]:
        for node in body:
            if isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
                every = node.args
                arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
                found = [argument.annotation for argument in arguments if argument] + [node.returns]
                yield from ((f"{scope}.{node.name}", annotation) for annotation in found if annotation)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield f"{scope}.{node.target.id}", node.annotation


@pytest.mark.parametrize("name", PUBLIC)
def test_nothing_public_has_the_type_any(name: str) -> None:
    assert [where for where, node in hints(name) if re.search(r"\bAny\b", ast.unparse(node))] == []


def test_the_options_are_the_arguments_of_a_client() -> None:
    parameters = inspect.signature(bt.Client.__init__).parameters
    keywords = {name: p.annotation for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    written = {name: str(text) for name, text in keywords.items()}
    found: Dict[str, str] = {}
    for kind in (options.TorrentOptions, options.ClientOptions):
        found.update({name: forward_text(hint) for name, hint in vars(kind)["__annotations__"].items()})
    assert found == written


def forward_text(hint: Any) -> str:
    """The source of a hint of a TypedDict, which wraps it."""
    return str(getattr(hint, "__forward_arg__", hint))


@pytest.mark.parametrize("function", CALLABLES, ids=lambda function: function.__qualname__)
def test_a_docstring_describes_every_argument(function: Any) -> None:
    text = inspect.getdoc(function) or ""
    parameters = [p for name, p in inspect.signature(function).parameters.items() if name != "self"]
    described = section(text, "Args")
    for parameter in parameters:
        kind = parameter.kind
        stars = r"\*" if kind is kind.VAR_POSITIONAL else r"\*\*" if kind is kind.VAR_KEYWORD else ""
        assert re.search(rf"^    {stars}{parameter.name}: \S", described, re.M), parameter.name
    assert len(re.findall(r"^    \*{0,2}\w+: ", described, re.M)) == len(parameters)


@pytest.mark.parametrize("kind", [bt.Client, bt.Session, bt.Tracker], ids=lambda kind: kind.__name__)
def test_the_docstring_of_a_class_describes_the_arguments_of_its_constructor(kind: Any) -> None:
    described = section(inspect.getdoc(kind) or "", "Args")
    names = [name for name in inspect.signature(kind).parameters]
    assert re.findall(r"^    (\w+): ", described, re.M) == names


@pytest.mark.parametrize("function", CALLABLES, ids=lambda function: function.__qualname__)
def test_what_a_docstring_says_is_raised_exists(function: Any) -> None:
    known = {**vars(errors), **vars(importlib.import_module("builtins"))}
    for name in re.findall(
        r"^    ([\w.]+): If|^    ([\w.]+): After", section(inspect.getdoc(function) or "", "Raises"), re.M
    ):
        assert "".join(name) in known or "".join(name) == "queue.Empty"


def section(text: str, title: str) -> str:
    """The indented lines below a title of a docstring."""
    lines: List[str] = []
    inside = False
    for line in text.splitlines():
        if inside and line and not line.startswith(" "):
            break
        if inside:
            lines.append(line)
        inside = inside or line == f"{title}:"
    return "\n".join(lines)


def test_every_event_and_error_is_described() -> None:
    for module in (events, errors):
        for kind in vars(module).values():
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                assert (kind.__doc__ or "").rstrip().endswith((".", "``.")) or "Attributes:" in (kind.__doc__ or "")

"""The manual in ``tools/docs`` is true: its programs run, its commands parse, and it describes what there is."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import inspect
import re
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
from support.pages import ROOT, Page, check_commands
from support.peers_required import require_peer

import bittorrent_threads as bt
from bittorrent_threads import cli, errors, events, file
from bittorrent_threads.command_line import outcome
from bittorrent_threads.reading import file_reader
from bittorrent_threads.serving import file_server

DOCS = ROOT / "tools" / "docs"
PAGES = sorted(DOCS.rglob("*.rst"))
PROGRAMS = sorted((DOCS / "howto").glob("*.rst"))
NEEDED = {"fsspec": ("fsspec", "pandas")}
"""The packages that a page needs besides."""
SOURCE = ROOT / "bittorrent_threads"
PUBLIC = (
    *(bt.Client, bt.Session, bt.Settings, bt.Status, bt.PeerStatus, bt.TrackerStatus, bt.Hashcheck),
    *(bt.Explanation, bt.SourceAnswer, bt.WaitAllResult, bt.Outcome, bt.Report, bt.LocalDiscoveryStatus),
    *(bt.IpFilter, bt.Blocklist, file_server.FileServer),
    *(bt.SessionDht, bt.DhtPeers, bt.DhtStatus, bt.DhtFamilyStatus, bt.DhtSearchStatus),
    *(bt.HashcheckResult, bt.Download, bt.Magnet, bt.Metainfo, bt.Tracker, file.File, file_reader.FileReader),
)


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The functions that make parts of the manual."""
    monkeypatch.syspath_prepend(DOCS)
    import generated

    return generated


@pytest.fixture
def namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dict[str, Any]]:
    """Names of a program that runs in an empty folder; what it left open is closed, and no thread may be left."""
    monkeypatch.chdir(tmp_path)
    names: Dict[str, Any] = {"__name__": "__main__"}
    try:
        yield names
    finally:
        for thing in names.values():
            if isinstance(thing, (bt.Client, bt.Tracker)):
                thing.close()
        if "bittorrent_threads.filesystem" in sys.modules:
            sys.modules["bittorrent_threads.filesystem"]._close_all()
        names.clear()  # a client that was watched has its descriptor until it is collected
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bittorrent-")]


def name_of(path: Path) -> str:
    return path.relative_to(DOCS).as_posix()


# -- what runs -----------------------------------------------------------------------------------------------------


def test_the_tutorial_runs_as_written(namespace: Dict[str, Any]) -> None:
    Page(DOCS / "tutorial.rst").run(namespace)


def test_the_example_of_an_extension_runs_as_written(namespace: Dict[str, Any]) -> None:
    page = Page(DOCS / "contributing.rst")
    page.run(namespace)
    assert len(namespace["peer"].sent) == 1
    (line,) = [text.strip() for _, text in page.blocks("none")]
    table = (SOURCE / "engine" / "extensions.py").read_text(encoding="utf-8")
    assert line.partition("ECHO")[0] in table, "the line that is to be changed"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.interop] if path.stem in NEEDED else [], id=name_of(path))
        for path in PROGRAMS
    ],
)
def test_the_programs_of_the_how_to_pages_run(path: Path, namespace: Dict[str, Any]) -> None:
    for package in NEEDED.get(path.stem, ()):
        require_peer(package)
    if path.stem == "fsspec":  # the package may not be installed, or without this entry point
        fsspec = importlib.import_module("fsspec")
        fsspec.register_implementation("torrent", "bittorrent_threads.filesystem.TorrentFileSystem", clobber=True)
    Page(DOCS / "howto" / "index.rst").run(namespace)
    if path.name != "index.rst":
        Page(path).run(namespace)


def test_what_the_tutorial_says_it_prints(tmp_path: Path) -> None:
    (said,) = re.findall(r"# ('photos' made .*)", Page(DOCS / "tutorial.rst").text)
    (tmp_path / "photos").write_bytes(b"light")
    with bt.Client(bt.create(tmp_path / "photos"), tmp_path / "none") as client:
        client.wait("checked", timeout=60)
        with pytest.raises(bt.Stalled) as caught:
            client.wait(stall_timeout=0.5)
    assert str(caught.value) == said


def test_no_page_with_a_program_is_left_out() -> None:
    with_programs = {path for path in PAGES if any(Page(path).blocks("python"))}
    assert with_programs == {DOCS / "tutorial.rst", DOCS / "contributing.rst", *PROGRAMS}


def test_every_command_line_parses() -> None:
    shown = {name_of(path): check_commands(Page(path)) for path in PAGES}
    (verbs,) = [action.choices for action in cli.parser()._actions if isinstance(action.choices, dict)]
    assert shown["command-line.rst"] == set(verbs)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_stays_within_its_columns(path: Path) -> None:
    page = Page(path)
    assert [number for number, line in enumerate(page.lines, 1) if len(line) > 120 or line != line.rstrip()] == []
    assert page.text.isascii()


# -- what is generated ---------------------------------------------------------------------------------------------


def test_every_generated_part_is_in_one_page(generated: ModuleType) -> None:
    asked = [name for path in PAGES for name in re.findall(r"^\.\. generated:: (\w+)$", Page(path).text, re.M)]
    assert len(asked) == len(set(asked))
    for name in asked:
        assert generated.text(name).strip()
    with pytest.raises(KeyError):
        generated.text("nothing")


def test_every_command_and_option_has_a_description(generated: ModuleType) -> None:
    text = generated.commands() + generated.common_options()
    (verbs,) = [action for action in cli.parser()._actions if isinstance(action, argparse._SubParsersAction)]
    for verb, parser in verbs.choices.items():
        assert f"\n{verb}\n{'-' * len(verb)}\n" in f"\n{text}"
        for action in parser._actions:
            assert action.help, (verb, action)
            for option in action.option_strings:
                assert option in text
    assert {action.dest for action in verbs._choices_actions if action.help} == set(verbs.choices)
    assert "%(" not in text


def test_every_exit_code_is_described(generated: ModuleType) -> None:
    described = {int(code) for code in re.findall(r"\b(\d+) [a-z]", generated.exit_codes().split("sizes")[0])}
    known = {outcome.DONE, outcome.FAILED, outcome.USAGE, outcome.LATE, outcome.DISK, outcome.BAD_TORRENT}
    assert described == known | {outcome.INTERRUPTED}


def test_the_table_of_events_has_all_with_their_fields(generated: ModuleType) -> None:
    table = generated.event_table()
    found = [kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.Event)]
    assert set(generated.event_classes()) == set(found) - {events.Event}
    common = {field.name for field in dataclasses.fields(events.Event)}
    for kind in generated.event_classes():
        row = table.split(f"events.{kind.__name__}`\n")[1].split("\n   * ")[0]
        kept, what, fields = (cell.strip() for cell in row.split("     -")[1:4])
        assert kept == ("newest" if kind.coalescing else "frequent" if kind.frequent else "")
        assert len(what) > 10
        assert {f"``{field.name}``" for field in dataclasses.fields(kind) if field.name not in common} == set(
            filter(None, fields.strip().split(", "))
        )


def test_the_tree_of_errors_has_all_below_their_bases(generated: ModuleType) -> None:
    tree: Dict[str, str] = {}
    parents: List[str] = []
    for indent, name in re.findall(r"^( *)- :exc:`~bittorrent_threads\.(\w+)`: \S", generated.error_tree(), re.M):
        parents[len(indent) // 2 :] = [name]
        tree[name] = parents[-2] if len(parents) > 1 else "Exception"
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert tree == {kind.__name__: kind.__bases__[0].__name__ for kind in kinds}


def test_every_constant_of_the_table_has_a_value_and_a_description(generated: ModuleType) -> None:
    table = generated.constants()
    assert table.count("   * - ``") == len(generated.CONSTANTS) == len(set(generated.CONSTANTS))
    assert "     - 32 MiB\n" in table
    with pytest.raises(LookupError, match="protocol has 2 descriptions of MAX_PEERS"):
        generated.described_constant("protocol", "MAX_PEERS")


def test_indented_blocks_of_docstrings_are_literal(generated: ModuleType) -> None:
    lines = ["Head.", "", "    a  one", "    b  two", "", "    c", "", "Text::", "", "    d", "", "- item", "    e"]
    assert generated.with_literal_blocks(lines) == [*lines[:2], "::", "", *lines[2:]]


# -- what is described ---------------------------------------------------------------------------------------------


def documented() -> Set[str]:
    """Names that a page hands to autodoc."""
    pattern = r"^\.\. (?:auto(?:class|exception|function)|data):: (?:bittorrent_threads\.)?([\w.]+)"
    return {name for path in PAGES for name in re.findall(pattern, Page(path).text, re.M)}


def test_every_public_name_is_in_the_reference() -> None:
    assert set(bt.__all__) - {"events"} - documented() == set()
    assert ".. automodule:: bittorrent_threads.events" in Page(DOCS / "events.rst").text


@pytest.mark.parametrize("kind", PUBLIC, ids=lambda kind: kind.__name__)
def test_every_public_member_is_described(kind: Any) -> None:
    described = described_attributes(kind)
    for name in dir(kind):
        thing = getattr(kind, name)
        if callable(thing) or isinstance(thing, property):
            described |= {name} if inspect.getdoc(thing) else set()
    names = {name for base in own_bases(kind) for name in vars(base)} | attributes(kind)
    assert sorted(name for name in names - described if not name.startswith("_")) == []


def own_bases(kind: Any) -> List[Any]:
    """The class, and those of its bases that are in this package."""
    return [base for base in kind.__mro__ if base.__module__.startswith("bittorrent_threads")]


def statements(kind: Any) -> Iterator[Tuple[str, ast.stmt]]:
    """Yield the attribute that each statement assigns, in the bodies of the classes and of their constructors."""
    for base in own_bases(kind):
        (node,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base))).body
        assert isinstance(node, ast.ClassDef)
        yield from ((name_of_target(statement, ast.Name), statement) for statement in node.body)
        for part in node.body:
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                yield from ((name_of_target(statement, ast.Attribute), statement) for statement in part.body)


def name_of_target(node: ast.stmt, kind: Any) -> str:
    """The name, or the attribute, to which a statement assigns; empty for other statements."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    if not isinstance(target, kind):
        return ""
    return target.attr if isinstance(target, ast.Attribute) else str(getattr(target, "id", ""))


def attributes(kind: Any) -> Set[str]:
    """The fields of a class, and the attributes that its constructor sets."""
    return {name for name, _ in statements(kind)} - {""}


def described_attributes(kind: Any) -> Set[str]:
    """Those that have a string below them."""
    found = list(statements(kind))
    return {
        name
        for (name, _), (_, text) in zip(found, found[1:])
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def test_every_bep_that_a_module_names_is_told(generated: ModuleType) -> None:
    page = Page(DOCS / "protocols.rst").text
    told = {int(number) for number in re.findall(r"^    \* - (\d+)$", page, re.M)}
    absent = {int(number) for numbers in re.findall(r"\(BEP ([\d and]+)\)", page) for number in numbers.split(" and ")}
    assert set(generated.modules_by_bep()) - told - absent == set()
    assert told & absent <= {19, 52}


def test_the_modules_of_the_path_of_a_block_exist() -> None:
    paths = Page(DOCS / "block.rst").literals(r"[\w/]+\.py")
    assert len(paths) > 8
    assert [path for path in paths if not (SOURCE / path).is_file()] == []


def test_every_layer_has_its_design_page() -> None:
    layers = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert set(re.findall(r"automodule:: bittorrent_threads\.(\w+)", Page(DOCS / "design.rst").text)) == layers


@pytest.mark.parametrize("layer", sorted(path.parent.name for path in SOURCE.glob("*/__init__.py")))
def test_the_design_page_of_a_layer_names_what_there_is(layer: str) -> None:
    page = ast.get_docstring(ast.parse((SOURCE / layer / "__init__.py").read_text(encoding="utf-8"))) or ""
    modules = {path.stem for path in (SOURCE / layer).glob("*.py")} - {"__init__"}
    columns = set(re.findall(r"^    (\w+) +\S", page, re.M))
    assert columns - modules == set(), "modules that there are not"
    if columns:
        assert modules - set(re.findall(r"\w+", page)) == set(), "modules that it does not name"
    classes = {
        node.name
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    named = set(re.findall(r"``([A-Z][a-z]\w+)\b", page))
    assert {name for name in named - classes if not hasattr(threading, name)} == set(), "classes that there are not"

"""README.rst is true: its program runs, its commands parse, and its tables agree with the code."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import io
import re
import shlex
import threading
import warnings
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest

import bittorrent_threads as bt
from bittorrent_threads import cli, commands, errors, events

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.rst").read_text(encoding="utf-8")
LINES = README.splitlines()
LITERALS = re.findall(r"``(.+?)``", README.replace("\n", " "))
UNITS = {"KiB": 2**10, "MiB": 2**20}


def blocks(kind: str) -> Iterator[Tuple[int, str]]:
    """The first line and the text of every code block of a kind; indentation stays, as does the number of lines."""
    for number, line in enumerate(LINES):
        if line == f".. code-block:: {kind}":
            end = number + 1
            while end < len(LINES) and (not LINES[end] or LINES[end].startswith("    ")):
                end += 1
            yield number + 1, "\n".join(text[4:] for text in LINES[number + 1 : end])


def table(head: str) -> List[List[str]]:
    """The rows of the table whose first heading is ``head``; a row may go on in the lines below it."""
    (top,) = [n for n, line in enumerate(LINES) if line.startswith(head + " ") and LINES[n + 1].startswith("===")]
    starts = [match.start() for match in re.finditer("=+", LINES[top + 1])]
    rows: List[List[str]] = []
    for line in LINES[top + 2 :]:
        if line.startswith("==="):
            return rows
        cells = [line[a:b].strip() for a, b in zip(starts, [*starts[1:], len(line)] if line else [])]
        if cells[0]:
            rows.append(cells + [""] * (len(starts) - len(cells)))
        else:
            rows[-1] = [f"{above} {cell}".strip() for above, cell in zip(rows[-1], cells)]
    raise AssertionError(f"the table of {head!r} has no end")


def names(text: str) -> List[str]:
    return re.findall(r"``(.+?)``", text)


def section(title: str) -> str:
    """The text below a heading, up to the next of its kind."""
    begin = LINES.index(title)
    rest = LINES[begin + 2 :]
    rule = LINES[begin + 1]
    assert set(rule) == {"-"}
    ends = [n for n, line in enumerate(rest) if line and set(line) == {"-"}]
    return "\n".join(rest[: ends[0] - 1] if ends else rest)


def value(text: str) -> Any:
    """``64 MiB``, ``3,000`` or a literal of Python."""
    text = text.strip("`")
    number, _, unit = text.partition(" ")
    return int(number) * UNITS[unit] if unit else ast.literal_eval(text.replace(",", ""))


def module_of(path: str) -> Any:
    assert (ROOT / "bittorrent_threads" / path).is_file(), path
    return importlib.import_module("bittorrent_threads." + path[: -len(".py")].replace("/", "."))


def public(thing: type) -> Set[str]:
    return {name for name in dir(thing) if not name.startswith("_")}


# -- what runs -----------------------------------------------------------------------------------------------------


def test_the_program_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: Dict[str, Any] = {"__name__": "__main__"}
    try:
        for first, source in blocks("python"):
            # The empty lines make tracebacks name the lines of the README.
            exec(compile("\n" * first + source, str(ROOT / "README.rst"), "exec"), names)
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("bittorrent-")]
    finally:
        for thing in names.values():
            if isinstance(thing, (bt.Client, bt.Tracker)):
                thing.close()


def test_what_the_program_says_it_prints(tmp_path: Path) -> None:
    (said,) = re.findall(r"# ('photos' made .*)", README)
    with pytest.raises(bt.Stalled) as caught:
        (tmp_path / "photos").write_bytes(b"light")
        with bt.Client(bt.create(tmp_path / "photos"), tmp_path / "none") as client:
            client.wait("checked", timeout=60)
            client.wait(stall_timeout=0.5)
    assert str(caught.value) == said


def test_every_command_line_parses(capsys: pytest.CaptureFixture[str]) -> None:
    parsed = []
    for _, text in blocks("console"):
        for line in filter(None, text.split("\n")):
            prompt, *words = shlex.split(line)
            assert prompt == "$"
            if words[:2] == ["python3", "tools/demo.py"]:
                words = ["bittorrent-threads", *(words[2:] or ["demo"])]
            if words[0] == "bittorrent-threads":
                parsed.append(cli.parser().parse_args(words[1:]).command)
            else:
                assert words[0] == "python3"
                assert words[1:] == ["-m", "pip", "install", "."] or (ROOT / words[1]).is_file()
    assert set(parsed) == {name.split()[0] for row in table("Command") for name in names(row[0])}


def test_docutils_has_nothing_to_say() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        core = importlib.import_module("docutils.core")
        said = io.StringIO()
        overrides = {"report_level": 1, "halt_level": 5, "warning_stream": said, "syntax_highlight": "none"}
        core.publish_string(README, writer_name="html", settings_overrides=overrides)
    assert said.getvalue() == ""


def test_it_stays_within_its_columns() -> None:
    assert [number for number, line in enumerate(LINES, 1) if len(line) > 120 or line != line.rstrip()] == []
    assert README.isascii()


# -- what is said --------------------------------------------------------------------------------------------------


def test_every_setting_has_its_default() -> None:
    said = {names(row[0])[0]: value(row[1]) for row in table("Setting")}
    assert said == {field.name: field.default for field in dataclasses.fields(bt.Settings)}


def test_every_constant_has_its_value() -> None:
    for name, path, number, _ in table("Constant"):
        assert getattr(module_of(path.strip("`")), name.strip("`")) == value(number), name


@pytest.mark.parametrize("head", ["BEP", "What"])
def test_the_modules_exist(head: str) -> None:
    paths = [path for row in table(head) for path in names(row[-1])]
    assert paths
    for path in paths:
        module_of(path)


def test_every_bep_that_a_module_names_is_told() -> None:
    told = {int(row[0]) for row in table("BEP")}
    absent = {int(number) for number in re.findall(r"BEP (\d+)", section("What is not there yet"))}
    found = set()
    for path in (ROOT / "bittorrent_threads").rglob("*.py"):
        found |= {int(number) for number in re.findall(r"\bBEP (\d+)", path.read_text(encoding="utf-8"))}
    assert found - told - absent == set()


def test_the_modules_of_the_path_of_a_block_exist() -> None:
    for path in names(section("How a block travels")):
        if path.endswith(".py"):
            module_of(path)


def test_every_event_is_told_with_its_fields() -> None:
    said = {names(name)[0]: (kind, names(text)) for name, kind, text in table("Event")}
    found = [kind for kind in vars(events).values() if isinstance(kind, type)]
    classes = {kind.__name__: kind for kind in found if issubclass(kind, events.Event)}
    del classes["Event"]
    assert set(said) == set(classes)
    common = {field.name for field in dataclasses.fields(events.Event)}
    for name, kind in classes.items():
        mark, literals = said[name]
        assert mark == ("newest" if kind.coalescing else "frequent" if kind.frequent else ""), name
        assert {field.name for field in dataclasses.fields(kind)} - common <= set(literals), name


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    tree = {}
    parents: List[str] = []
    for line in section("Errors").splitlines():
        match = re.match(r"    ([|` -]*)([A-Z]\w+)\b(.*)", line)
        if match:
            depth = len(match[1]) // 4
            parents[depth:] = [match[2]]
            tree[match[2]] = parents[depth - 1] if depth else "Exception"
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert tree == {kind.__name__: kind.__bases__[0].__name__ for kind in classes}


def test_every_exit_code_is_told() -> None:
    codes = {int(row[0]) for row in table("Exit code")}
    known = (commands.DONE, commands.FAILED, commands.USAGE, commands.LATE, commands.DISK, commands.BAD_TORRENT)
    assert codes == {*known, commands.INTERRUPTED}


def test_every_option_is_told_with_its_commands() -> None:
    top = cli.parser()
    (verbs,) = [action.choices for action in top._actions if isinstance(action.choices, dict)]
    found: Dict[str, Set[str]] = {}
    for verb, parser in verbs.items():
        for action in parser._actions:
            for option in action.option_strings:
                found.setdefault(option, set()).add(verb)
    for action in top._actions:
        for option in action.option_strings:
            found.setdefault(option, set())
    said = {}
    for options, where, _ in table("Option"):
        for option in names(options):
            of = {"all": set(verbs), "(none)": set()}.get(where)
            said[option.split()[0]] = set(where.split(", ")) if of is None else of
    assert said == found


def test_every_public_name_is_told() -> None:
    classes = {name for name in bt.__all__ if isinstance(getattr(bt, name), type)}
    exceptions = {name for name in classes if issubclass(getattr(bt, name), Exception)}
    told = {name for row in table("Name") for name in names(row[0])}
    assert told == set(bt.__all__) - exceptions
    assert exceptions <= set(re.findall(r"\w+", section("Errors")))


@pytest.mark.parametrize("name", ["Client", "Session", "File", "Hashcheck", "Metainfo", "Tracker", "Status"])
def test_every_public_attribute_is_told(name: str) -> None:
    kind = getattr(importlib.import_module("bittorrent_threads.file"), name) if name == "File" else getattr(bt, name)
    words = {word for literal in LITERALS for word in re.findall(r"\w+", literal)}
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    assert {word for word in public(kind) | fields if not word.startswith("_")} - words == set()


@pytest.mark.parametrize("kind", [bt.PeerStatus, bt.TrackerStatus])
def test_every_field_of_the_smaller_statuses_is_told(kind: Any) -> None:
    (begin,) = [n for n, line in enumerate(LINES) if line.startswith(f"A ``{kind.__name__}`` has ")]
    text = " ".join(LINES[begin : LINES.index("", begin)])
    assert {field.name for field in dataclasses.fields(kind)} - set(names(text)) == set()

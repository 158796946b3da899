"""The architecture, held by reading the imports: DESIGN's layers, the purity of the pure ones, tests beside modules."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Set, Tuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "bittorrent_threads"
SOURCE = ROOT / PACKAGE
MODULES = sorted(SOURCE.rglob("*.py"))
LAYERS = (
    *("threads", "metainfo", "protocol", "swarm", "dht", "disk", "net", "engine"),
    *("notebook", "reading", "serving"),
)
PURE_LAYERS = ("metainfo", "protocol", "swarm", "dht")
MAX_LINES = 450

LEAVES = frozenset(
    {
        *("address_scope", "amounts", "buffers", "errors", "events", "explanation", "lazy_names", "packed_address"),
        *("plain_data", "settings", "shown", "source_answer", "stall", "status", "text", "version"),
    }
)
FACADE = frozenset(
    {
        "__init__",
        "blocking_download",
        "callback_thread",
        "client",
        "conditions",
        "event_dispatcher",
        "file",
        "file_verbs",
        "hashcheck",
        "ip_filter",
        "options",
        "origin",
        "runtime",
        "session",
        "session_dht",
        "several_clients",
        "shutdown",
        "status_view",
        "timeouts",
        "torrent_handle",
        "torrent_view",
        "tracker_verbs",
        "wait",
    }
)
APPLICATIONS = frozenset({"dask", "filesystem", "testing"})
"""What uses the public interface: for Dask, for fsspec, for tests.  Nothing else imports these, nor they each other."""
COMMAND_LINE = frozenset({"__main__", "cli", "command_line", "file_report", "progress"})

ALLOWED = {
    "amounts": frozenset(),
    "buffers": frozenset(),
    "errors": frozenset({"text", "explanation"}),
    "address_scope": frozenset(),
    "lazy_names": frozenset(),
    "packed_address": frozenset(),
    "plain_data": frozenset(),
    "shown": frozenset(),
    "text": frozenset(),
    "version": frozenset(),
    "settings": frozenset({"errors"}),
    "events": frozenset({"errors"}),
    "status": frozenset({"amounts", "plain_data", "shown"}),
    "source_answer": frozenset({"amounts", "status"}),
    "stall": frozenset({"amounts", "source_answer", "status"}),
    "explanation": frozenset({"amounts", "source_answer", "stall", "status"}),
    "threads": frozenset({"errors"}),
    "event_queue": frozenset({"events", "net", "threads"}),
    "tracker": frozenset({"errors", "address_scope", "net", "protocol", "threads", "udp_answers"}),
    "udp_answers": frozenset({"metainfo", "protocol"}),
    "net": frozenset({"buffers", "errors", "address_scope", "settings", "text", "threads", "version"}),
    "metainfo": LEAVES,
    "progress_bar": frozenset({"amounts", "explanation", "status", "text"}),
    "disk": LEAVES | {"metainfo", "threads", "progress_bar"},
    "protocol": LEAVES | {"metainfo"},
    "swarm": LEAVES | {"metainfo", "protocol"},
    "dht": LEAVES | {"metainfo", "protocol"},
    "notebook": LEAVES | {"metainfo"},
    "engine": LEAVES | {"metainfo", "protocol", "swarm", "dht", "disk", "net"},
    "serving": LEAVES | {"metainfo", "net", "protocol", "threads"},
    "reading": LEAVES | {"metainfo", "swarm", "disk", "net", "engine", "threads", "torrent_handle", "file"},
}
"""What of ours each module or layer may import besides itself; the façade and the command line, all below them."""

IMPURE = (
    *("time", "random", "os", "signal", "logging", "tempfile", "subprocess", "mmap", "ctypes"),
    *("threading", "queue", "asyncio", "concurrent", "multiprocessing"),
    *("socket", "select", "selectors", "socketserver", "ssl", "http", "urllib.request"),
)


def module_id(path: Path) -> str:
    """``"engine.peer"`` for engine/peer.py, ``"engine"`` for its ``__init__``, ``"__init__"`` for the package's."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imports(path: Path) -> Iterator[Tuple[int, str]]:
    """Line and absolute dotted name of everything that a file imports, wherever in it."""
    package = [PACKAGE, *path.relative_to(SOURCE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{name}.{alias.name}"


def our_target(name: str) -> str:
    """The module of ours behind an imported name, as ``module_id`` writes it; empty for a foreign one."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return ""
    parts = parts[1:]
    while parts and not (SOURCE.joinpath(*parts).is_dir() or SOURCE.joinpath(*parts).with_suffix(".py").is_file()):
        parts.pop()
    return ".".join(parts) or "__init__"


def allowed(importer: str, target: str) -> bool:
    """Whether the arrow from one module to another goes down."""
    layer, goal = importer.split(".")[0], target.split(".")[0]
    if layer == goal or layer in COMMAND_LINE:
        return True
    if layer in FACADE or layer in APPLICATIONS:
        return goal not in {*COMMAND_LINE, *APPLICATIONS}
    return goal in ALLOWED[layer]


def bad_arrows(paths: List[Path]) -> List[str]:
    """A sentence for each import of ours that goes up or sideways."""
    return [
        f"{path.relative_to(ROOT)}:{line}: {module_id(path)} imports {target}"
        for path in paths
        for line, name in imports(path)
        for target in [our_target(name)]
        if target and not allowed(module_id(path), target)
    ]


def import_graph(paths: List[Path]) -> Dict[str, Set[str]]:
    """Which of the other modules in ``paths`` each of them imports; for type checkers only counts, too."""
    modules = {module_id(path) for path in paths}
    return {
        module_id(path): {our_target(name) for _, name in imports(path)} & modules - {module_id(path)} for path in paths
    }


def cycles(graph: Dict[str, Set[str]]) -> List[List[str]]:
    """The groups of modules in which each imports every other one, directly or through others."""
    reached = {module: reachable(graph, module) for module in graph}
    groups = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in graph
        if module in reached[module]
    }
    return sorted(map(list, groups))


def reachable(graph: Dict[str, Set[str]], start: str) -> Set[str]:
    """The modules that ``start`` imports, directly or through others; itself only if it is in a cycle."""
    found: Set[str] = set()
    waiting = [start]
    while waiting:
        following = graph[waiting.pop()] - found
        found |= following
        waiting.extend(following)
    return found


def impure_imports(path: Path) -> FrozenSet[str]:
    """What a file imports that knows the time, the system, other threads or chance."""
    names = {name for _, name in imports(path)}
    return frozenset(bad for bad in IMPURE for name in names if f"{name}.".startswith(f"{bad}."))


def test_imports_only_go_down() -> None:
    assert bad_arrows(MODULES) == []


def test_an_import_that_goes_up_is_found() -> None:
    assert not allowed("metainfo.layout", "protocol.wire")
    assert not allowed("swarm.picker", "engine.peer")
    assert not allowed("disk.disk", "engine.interfaces")
    assert not allowed("net.loop", "metainfo.bencode")
    assert not allowed("errors", "settings")
    assert not allowed("client", "cli")
    assert not allowed("client", "testing.seeder")
    assert not allowed("testing.seeder", "cli")
    assert not allowed("dask.distribution", "testing.seeder")
    assert allowed("testing.seeder", "client")
    assert not allowed("engine.engine", "client")
    assert allowed("engine.peer", "swarm.choker")
    assert allowed("engine.interfaces", "disk.results")


def test_no_import_is_in_a_cycle() -> None:
    assert cycles(import_graph(MODULES)) == []


def test_an_import_cycle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    programs = {
        "peer": "from .torrent import Torrent",
        "torrent": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import dialer",
        "dialer": "def dial():\n    from ..swarm import picker\n    from .peer import Peer",
        "engine": "from . import torrent, engine",
        "clock": "import time",
        "timers": f"import {PACKAGE}.swarm.alarms",
        "alarms": f"from {PACKAGE}.swarm import timers",
    }
    for name, program in programs.items():
        path = tmp_path / ("swarm" if name in ("timers", "alarms") else "engine") / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(program)
    assert cycles(import_graph(sorted((tmp_path / "engine").glob("*.py")))) == [
        ["engine.dialer", "engine.peer", "engine.torrent"]
    ]
    assert cycles(import_graph(sorted((tmp_path / "swarm").glob("*.py")))) == [["swarm.alarms", "swarm.timers"]]
    assert len(cycles(import_graph(sorted(tmp_path.rglob("*.py"))))) == 2


def test_every_module_has_its_layer() -> None:
    known = {*ALLOWED, *FACADE, *APPLICATIONS, *COMMAND_LINE}
    assert [module for module in map(module_id, MODULES) if module.split(".")[0] not in known] == []


def test_names_of_relative_imports_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    program = "def f():\n    from .. import errors\n    from ..engine.interfaces import Timer\n    import time\n"
    for name in ("errors.py", "engine/interfaces.py", "swarm/picker.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(program)
    found = list(imports(tmp_path / "swarm/picker.py"))
    assert found == [(2, f"{PACKAGE}.errors"), (3, f"{PACKAGE}.engine.interfaces.Timer"), (4, "time")]
    assert [our_target(name) for _, name in found] == ["errors", "engine.interfaces", ""]
    assert impure_imports(tmp_path / "swarm/picker.py") == {"time"}


@pytest.mark.parametrize("layer", PURE_LAYERS)
def test_pure_layers_know_no_world(layer: str) -> None:
    found = {path.name: impure_imports(path) for path in (SOURCE / layer).rglob("*.py")}
    assert {name: sorted(bad) for name, bad in found.items() if bad} == {}


@pytest.mark.parametrize("layer", [*LAYERS, "command_line"])
def test_the_init_of_a_layer_is_its_design_page(layer: str) -> None:
    tree = ast.parse((SOURCE / layer / "__init__.py").read_text(encoding="utf-8"))
    assert len(tree.body) == 1, "only a docstring"
    page = ast.get_docstring(tree)
    assert page is not None
    assert len(page.splitlines()) >= 8


@pytest.mark.parametrize("layer", [*LAYERS, "command_line"])
def test_tests_mirror_the_package(layer: str) -> None:
    modules = {path.stem for path in (SOURCE / layer).glob("*.py")} - {"__init__"}
    modules |= {path.parent.name for path in (SOURCE / layer).glob("*/__init__.py")}
    tests = {path.stem[len("test_") :] for path in (ROOT / "tests" / layer).glob("test_*.py")}
    # The property tests of a module may have a file of their own.
    tests = {name[: -len("_properties")] if name.endswith("_properties") else name for name in tests}
    assert sorted(modules - tests) == [], "modules without a test file"
    assert sorted(tests - modules) == [], "test files without a module"


def test_no_module_is_long() -> None:
    lengths = {module_id(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {module: length for module, length in lengths.items() if length > MAX_LINES} == {}


def test_every_module_says_what_it_is() -> None:
    assert [str(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize("first", [PACKAGE, f"{PACKAGE}.client"])
def test_importing_the_package_is_light(first: str) -> None:
    heavy = "argparse concurrent.futures http.client http.server multiprocessing ssl subprocess urllib.request"
    program = f"import sys, {first}; print([name for name in {heavy.split()} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert answer.stdout.strip() == "[]"

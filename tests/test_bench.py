"""The measuring behind ``tools/bench.py``: its arguments, its arithmetic, and one quick line from end to end."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the figures come from Linux's /proc")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))


def run(*arguments: str) -> Any:
    """The JSON document that a run of the benchmarks prints."""
    search = os.pathsep.join([str(TOOLS), str(TOOLS.parent)])
    command = [sys.executable, "-m", "benchmarks", *arguments, "--json"]
    environment = {**os.environ, "PYTHONPATH": search}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_every_line_can_be_asked_for() -> None:
    from benchmarks.__main__ import LINES, parser

    for name in LINES:
        assert parser().parse_args([name, "--size", "64Mi"]).lines == [name]
    assert parser().parse_args(["all"]).size == 1 << 30


@pytest.mark.parametrize("arguments", [["nonsense"], [], ["import", "--size", "64Qi"]])
def test_other_arguments_are_refused(arguments: List[str], capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.__main__ import parser

    with pytest.raises(SystemExit):
        parser().parse_args(arguments)
    assert "usage: bench.py" in capsys.readouterr().err


def test_a_line_is_measured() -> None:
    document = run("import", "--rounds", "1")
    (line,) = document["lines"]
    assert line["name"] == "import"
    assert line["figures"]["interpreter"]["ms"] > 0
    assert all(target["held"] in (True, False) for target in line["targets"])


def test_a_transfer_is_measured(tmp_path: Path) -> None:
    from benchmarks.bench import Bench
    from benchmarks.transfers import RATE, Transfer

    bench = Bench(tmp_path, size=1 << 20, rounds=1)
    figures = Transfer("ours", "ours", bench.size, delay=0.001).run(bench)
    assert figures[RATE] > 0
    assert figures["down CPU s/GiB"] > 0
    assert figures["whole s"] >= figures["start s"] > 0


def test_the_notes_of_aria2_are_no_payload(tmp_path: Path) -> None:
    from benchmarks.data import PAYLOAD
    from benchmarks.transfers import FirstWrite

    first = FirstWrite(tmp_path)
    (tmp_path / f"{PAYLOAD}.aria2").write_bytes(bytes(range(256)) * 64)
    assert not first._written()
    (tmp_path / PAYLOAD).write_bytes(bytes(range(256)) * 64)
    os.sync()  # until then some file systems have given it no block
    assert first._written()


def test_rounds_are_spread_over_a_second_and_run_every_variant(tmp_path: Path) -> None:
    from benchmarks.bench import Bench

    bench = Bench(tmp_path, size=1 << 20, rounds=4)
    ran: List[Tuple[float, str]] = []

    def variant(name: str) -> Dict[str, float]:
        ran.append((bench.phase, name))
        return {"order": float(len(ran))}

    bench.in_turns({name: functools.partial(variant, name) for name in ("a", "b", "c")})
    assert sorted(ran) == [(phase, name) for phase in (0.0, 0.25, 0.5, 0.75, 1.0) for name in ("a", "b", "c")]
    assert len({tuple(name for _, name in ran[at : at + 3]) for at in range(0, 15, 3)}) > 1


def test_a_profile_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.bench import Bench
    from benchmarks.transfers import Transfer

    bench = Bench(tmp_path, size=1 << 20, rounds=1, profiling=True)
    bench.in_turns({"ours": lambda: Transfer("ours", "ours", bench.size).run(bench)})
    bench.show_profiles()
    shown = capsys.readouterr().out
    assert "network thread of ours, seeding" in shown
    assert "recv_into" in shown


def test_a_ratio_is_taken_round_by_round() -> None:
    from benchmarks.report import Rounds

    rounds = Rounds()
    for ours, theirs in ((100, 50), (10, 5), (9, 1)):
        rounds.add("ours", {"MB/s": ours})
        rounds.add("theirs", {"MB/s": theirs})
    assert rounds.ratio("MB/s", "ours", "theirs") == 2
    assert rounds.medians() == {"ours": {"MB/s": 10}, "theirs": {"MB/s": 5}}
    assert rounds.ratio("MB/s", "ours", "absent") is None


def test_a_target_says_whether_it_holds() -> None:
    from benchmarks.report import Target

    assert Target("rate", 1.3, "at least", 1.3).held
    assert not Target("time", 61.0, "at most", 60).held
    assert Target("rate", None, "at least", 1).held is None
    assert "MISSED" in str(Target("time", 61.0, "at most", 60))


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.012"), (1.4567, "1.46"), (66.12, "66.1"), (1259, "1259")]
)
def test_numbers_have_the_digits_that_mean_something(value: float, text: str) -> None:
    from benchmarks.report import number

    assert number(value) == text


def test_the_fullest_second_is_found() -> None:
    from benchmarks.limits import between

    samples = [(0.0, 0), (0.5, 10), (1.0, 30), (1.6, 31)]
    assert between(samples, 0.0, 1.0) == 30
    assert between(samples, 0.6, 1.6) == 21

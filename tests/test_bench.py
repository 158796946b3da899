"""The measuring behind ``tools/bench.py``: its arguments, its arithmetic, and one quick line from end to end."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections import Counter
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
    assert figures["down CPU s/GiB"] >= figures["down unsynced"] > 0
    assert figures["down CPU s/GiB"] == pytest.approx(figures["down user"] + figures["down system"])
    assert figures["whole s"] >= figures["start s"] > 0
    assert figures["close s"] > 0


def test_the_floor_moves_the_same_bytes(tmp_path: Path) -> None:
    from benchmarks.child import Child
    from benchmarks.data import Data
    from benchmarks.peers import FloorPeer

    data, target = Data(tmp_path), tmp_path / "target"
    torrent = data.torrent(3 << 19, 1 << 16)
    source = data.file(3 << 19)
    with FloorPeer(torrent, source.parent, seed=True) as seeder, FloorPeer(torrent, target, seed=False) as downloader:
        assert isinstance(downloader.child, Child)
        downloader.dial(seeder.addresses)
        assert downloader.wait_complete() == {"complete": True}
        assert (target / source.name).read_bytes() == source.read_bytes()
        assert downloader.finish().whole.whole > 0
        assert seeder.finish().peak > 0


def test_memory_is_warm_or_has_rested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import temperature

    rests: List[float] = []
    monkeypatch.setattr("time.sleep", rests.append)
    for degree in temperature.Temperature:
        degree.prepare(tmp_path, 3 << 20)
    assert rests == [temperature.REST]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_orders_are_balanced(count: int) -> None:
    from benchmarks.bench import balanced

    rows = balanced(list(range(count)))
    assert all(sorted(row) == list(range(count)) for row in rows)
    places = Counter((place, item) for row in rows for place, item in enumerate(row))
    assert len(set(places.values())) == 1
    assert len(places) == count * count
    pairs = Counter(pair for row in rows for pair in zip(row, row[1:]))
    assert len(pairs) == count * (count - 1)
    assert len(set(pairs.values())) <= 1


def test_runs_are_summed_up_by_the_median_and_the_worst(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.__main__ import main
    from benchmarks.report import Line, Target

    paths = []
    for number, (rate, cpu) in enumerate([(1.2, 0.7), (1.1, 0.9), (1.4, None)]):
        line = Line(
            "it", "a line", targets=[Target("rate", rate, "at least", 1.15), Target("cpu", cpu, "at most", 0.8)]
        )
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps({"lines": [line.plain()]}))
    assert main(["summary", *map(str, paths)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "it:",
        "    rate: median 1.20, worst 1.10 of 3 runs, at least 1.15",
        "    cpu: median 0.800, worst 0.900 of 2 runs, at most 0.8",
    ]


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


def test_a_transfer_runs_at_each_temperature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import temperature
    from benchmarks.bench import Bench
    from benchmarks.report import Line
    from benchmarks.swarms import Comparison
    from benchmarks.temperature import Temperature
    from benchmarks.transfers import DOWN_CPU, Transfer

    monkeypatch.setattr(temperature, "REST", 0.1)
    line = Line("it", "a line")
    transfers = {name: Transfer("ours", "ours", 1 << 20) for name in ("ours", "others")}
    bench = Bench(tmp_path, size=1 << 20, rounds=1, temperatures=[Temperature.COLD])
    Comparison(bench, line, transfers).require(DOWN_CPU, "ours", "others", "at most", 100.0)
    assert list(line.figures) == ["ours, cold", "others, cold"]
    (target,) = line.targets
    assert (target.what, target.held) == ("down CPU s/GiB of ours, cold / others", True)
    assert target.spread == (target.value, target.value)


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

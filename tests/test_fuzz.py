"""The fuzz programs: a bounded run of every target by chance, and how a failure is found, kept and repeated."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
NAMES = sorted(path.stem for path in (TOOLS / "fuzz" / "targets").glob("[a-z]*.py"))
SECONDS = 0.6
"""Processor time of each of the two runs of a target."""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TOOLS))


def target_of(check: Any, *seeds: bytes) -> Any:
    from fuzz.target import Target

    return Target(check, lambda: list(seeds), (b"token",))


def findings_of(target: Any, folder: Path, **limits: Any) -> Any:
    from fuzz import plain
    from fuzz.findings import Findings

    findings = Findings("it", folder)
    plain.run(target, findings, seed=1, **limits)
    return findings


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join(map(str, (TOOLS, ROOT / "tests", ROOT)))
    command = [sys.executable, "-m", "fuzz", *arguments]
    environment = {**os.environ, "PYTHONPATH": search}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=100)


def test_every_target_has_its_name() -> None:
    from fuzz import targets

    assert list(targets.NAMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_bounded_run(name: str, tmp_path: Path) -> None:
    from fuzz import plain
    from fuzz.findings import Findings
    from fuzz.targets import load

    target = load(name)
    for seed in (1, random.SystemRandom().randrange(2**31)):
        print(f"{name}: seed {seed}")
        findings = Findings(name, tmp_path)
        tried = plain.run(target, findings, seed=seed, seconds=SECONDS)
        assert not findings, f"seed {seed}\n{findings.report()}\n" + "".join(
            findings.path(place).with_suffix(".txt").read_text(encoding="utf-8") for place in findings.counts
        )
        assert tried > len(target.seeds())


def test_seeds_are_different_and_not_too_long() -> None:
    from fuzz.targets import load

    for name in NAMES:
        target = load(name)
        seeds = target.seeds()
        assert len({*seeds}) == len(seeds) > 3, name
        assert max(map(len, seeds)) <= target.longest, name


# -- finding -----------------------------------------------------------------------------------------------------------


def test_a_failure_is_found_and_its_input_made_short(tmp_path: Path) -> None:
    from fuzz.target import require

    target = target_of(lambda data: require(b"x" not in data, "an x"), b"a long one without")
    findings = findings_of(target, tmp_path, inputs=5000)
    (place,) = findings.counts
    assert place.startswith("Violation at test_fuzz.py:")
    assert findings.path(place).read_bytes() == b"x"
    assert "an x" in findings.path(place).with_suffix(".txt").read_text()
    assert str(findings.path(place)) in findings.report()


def test_failures_at_two_places_are_two(tmp_path: Path) -> None:
    def check(data: bytes) -> None:
        if data[:1] == b"a":
            raise KeyError(data)
        if data[:1] == b"b":
            raise KeyError(data)

    assert len(findings_of(target_of(check, b"a", b"b"), tmp_path, inputs=2).counts) == 2


def test_what_does_not_end_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fuzz import attempt

    def check(data: bytes) -> None:
        while data:
            with contextlib.suppress(Exception):
                data = data + b""

    monkeypatch.setattr(attempt, "MAX_SECONDS", 0.05)
    monkeypatch.setattr("fuzz.findings.MAX_TRIES", 1)
    (place,) = findings_of(target_of(check, b"x"), tmp_path, inputs=1).counts
    assert place == "Endless at test_fuzz.py:0"


def test_what_takes_memory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fuzz import attempt

    most = iter([0, attempt.MAX_GROWTH, attempt.MAX_GROWTH, 3 * attempt.MAX_GROWTH] + [0] * 100)
    monkeypatch.setattr(attempt, "_most_memory", lambda: next(most))
    monkeypatch.setattr("fuzz.findings.MAX_TRIES", 1)
    findings = findings_of(target_of(lambda data: None, b"1", b"2"), tmp_path, inputs=2)
    ((place, count),) = findings.counts.items()
    assert place.startswith("Violation")
    assert count == 1


def test_inputs_are_the_same_for_the_same_seed() -> None:
    from fuzz.plain import inputs_of

    def first(seed: int) -> List[bytes]:
        inputs = inputs_of(target_of(None, b"seed", b"other"), seed)
        return [next(inputs) for _ in range(200)]

    assert first(3) == first(3) != first(4)
    assert len({*first(3)}) > 100
    assert any(b"token" in data for data in first(3))


def test_cuts_are_whole() -> None:
    from fuzz.choices import MOST_CHUNKS, cut

    data = bytes(range(256)) * 3
    ways = [cut(data, way) for way in range(256)]
    assert all(b"".join(chunks) == data for chunks in ways)
    assert {len(chunks) for chunks in ways} >= {1, MOST_CHUNKS}
    assert [len(chunk) for chunk in ways[1][:-1]] == [1] * (MOST_CHUNKS - 1)
    assert all(all(chunks) for chunks in ways)


def test_a_recipe_is_the_value_it_was_made_of() -> None:
    from fuzz.choices import Choices
    from fuzz.loose import recipe, written

    from bittorrent_threads.metainfo import bencode

    words = (b"a", b"b", b"word")
    value = {b"a": [1, 300, -5, b"word", b"text", [], {}, b"20 bytes, repeated. " * 100], b"b": {b"a": b""}}
    assert written(Choices(recipe(value, words)), words) == bencode.encode(value)


def test_every_recipe_is_bencoding() -> None:
    from fuzz.choices import Choices
    from fuzz.loose import written

    from bittorrent_threads.errors import BencodeError
    from bittorrent_threads.metainfo import bencode

    chance = random.Random(5)
    for _ in range(300):
        text = written(Choices(chance.getrandbits(800).to_bytes(100, "big")), (b"a", b"bb", b"c"))
        try:
            bencode.decode(text, max_depth=200, sorted_keys=False)
        except BencodeError as error:
            assert "occurs twice" in error.reason


# -- the command -------------------------------------------------------------------------------------------------------


def test_a_run_without_coverage(tmp_path: Path) -> None:
    answer = run("handshake", "extension", "--plain", "--inputs", "300", "--seed", "9", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "handshake: 300 inputs" in answer.stdout
    assert "seed 9" in answer.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_a_run_guided_by_coverage(tmp_path: Path) -> None:
    answer = run("handshake", "--inputs", "300", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "handshake: 300 inputs" in answer.stdout
    assert "guided by coverage" in answer.stdout


def test_an_input_is_replayed(tmp_path: Path) -> None:
    (tmp_path / "input.bin").write_bytes(b"d1:a")
    answer = run("bencode", "--replay", "input.bin", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (0, "bencode input.bin: passes\n")


def test_a_failing_input_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fuzz import __main__ as program

    def check(data: bytes) -> None:
        raise KeyError("the reason")

    monkeypatch.setattr(program, "load", lambda name: target_of(check))
    (tmp_path / "input.bin").write_bytes(b"")
    assert program.main(["wire", "--replay", str(tmp_path / "input.bin")]) == 1
    assert "the reason" in capsys.readouterr().out
    assert program.main(["wire", "--plain", "--inputs", "1", "--findings", str(tmp_path)]) == 1
    assert "1 failed" in capsys.readouterr().out


def test_where_atheris_cannot_be_installed_it_goes_on_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import environment

    spec = importlib.util.spec_from_file_location("fuzz_run", TOOLS / "fuzz" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    asked: List[str] = []

    def prepare(extra: str = "") -> Path:
        asked.append(extra)
        if extra:
            raise environment.PreparationError("pip: exit code 1\nno wheel of atheris")
        return Path("python")

    monkeypatch.setattr(environment, "prepare", prepare)
    assert program.prepared() == Path("python")
    assert asked == ["fuzz", ""]
    assert "went on without atheris: no wheel of atheris" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nonsense"], [], ["wire", "--inputs", "many"]])
def test_other_arguments_are_refused(arguments: List[str], capsys: pytest.CaptureFixture[str]) -> None:
    from fuzz.__main__ import parser

    with pytest.raises(SystemExit):
        parser().parse_args(arguments)
    assert "usage: run.py" in capsys.readouterr().err

"""README.rst is true: its program runs, its commands parse, and it is well-formed."""

from __future__ import annotations

import importlib
import io
import os
import threading
import warnings
import zipfile
from pathlib import Path
from typing import Any, Dict

import pytest
from support.pages import ROOT, Page, check_commands

import bittorrent_threads as bt

README = Page(ROOT / "README.rst")


def test_the_program_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.raw").write_bytes(b"light")
    (tmp_path / "seeder" / "debian").mkdir(parents=True)
    (tmp_path / "seeder" / "debian" / "image.iso").write_bytes(os.urandom(1_000_000))
    with zipfile.ZipFile(tmp_path / "seeder" / "debian" / "notes.zip", "w") as archive:
        archive.writestr("notes.txt", "read while it arrives")
    monkeypatch.chdir(tmp_path)
    with bt.Tracker() as tracker:
        bt.create("seeder/debian", trackers=[tracker.url]).save("debian.torrent")
        with bt.Client("debian.torrent", "seeder") as seeder:
            seeder.wait("seed", timeout=60)
            names: Dict[str, Any] = {"__name__": "__main__"}
            try:
                README.run(names)
            finally:
                for thing in names.values():
                    if isinstance(thing, bt.Client):
                        thing.close()
    copy = tmp_path / "downloads" / "debian" / "image.iso"
    assert copy.read_bytes() == (tmp_path / "seeder" / "debian" / "image.iso").read_bytes()
    assert bt.Metainfo.load("photos.torrent").trackers == (("http://192.0.2.1:6969/announce",),)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bittorrent-")]


def test_every_command_line_parses() -> None:
    shown = check_commands(README)
    assert shown == {"download", "seed", "stream", "create", "info", "verify", "tracker", "demo"}


def test_it_names_the_command_that_the_checks_run() -> None:
    assert "tools/test.py" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "\n    $ python3 tools/test.py\n" in README.text


def test_docutils_has_nothing_to_say() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        core = importlib.import_module("docutils.core")
        said = io.StringIO()
        overrides = {"report_level": 1, "halt_level": 5, "warning_stream": said, "syntax_highlight": "none"}
        core.publish_string(README.text, writer_name="html", settings_overrides=overrides)
    assert said.getvalue() == ""


def test_it_stays_within_its_columns() -> None:
    wrong = [number for number, line in enumerate(README.lines, 1) if len(line) > 120 or line != line.rstrip()]
    assert wrong == []
    assert README.text.isascii()


def test_a_visitor_can_read_it_in_one_go() -> None:
    assert len(README.lines) <= 320


def test_the_commands_of_the_figures_can_be_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tools")
    from benchmarks.__main__ import parser

    commands = README.literals("python3 tools/bench.py .+?")
    assert commands
    for command in commands:
        assert parser().parse_args(command.split()[2:]).lines

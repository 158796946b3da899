"""Progress of calls that wait: lines, bars on real terminals of several widths, functions, and what goes wrong."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any, Dict, List

import pytest
from support.loopback import run_child
from support.pairs import LOCAL, PATIENCE, SMALL, pair, seeder
from support.peers_required import require_peer

import bittorrent_threads as bt
from bittorrent_threads.progress_bar import PIECES, SHORT, Pace, line, report_of, reporting
from bittorrent_threads.stall import CAUSES

PROGRAM = """
    import sys
    import bittorrent_threads as bt

    options = {"settings": bt.Settings(host="127.0.0.1", dht=False, local_discovery=False)}
    bt.download("small.torrent", "down", peers=[("127.0.0.1", int(sys.argv[1]))], timeout=30, progress=True, **options)
    with bt.Client("small.torrent", "down", state="stopped", **options) as client:
        assert client.hashcheck(progress=True).failed == ()
"""

NOTEBOOK = """
import sys
import nbclient
import nbformat

folder, *sources = sys.argv[1:]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": folder}}).execute()
with open(f"{folder}/outputs", "w") as file:
    file.write("\\n".join([repr(cell.outputs) for cell in notebook.cells]))
"""


def on_a_terminal(argv: List[str], folder: Path, *, columns: int, **environment: str) -> str:
    """What a program writes to a terminal of so many columns; it must end well."""
    import fcntl
    import pty
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**{key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}, **environment}
    env["PYTHONPATH"] = str(Path(bt.__file__).parent.parent)
    child = subprocess.Popen(argv, cwd=folder, env=env, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    data = b""
    with contextlib.suppress(OSError):  # EIO: the child has ended
        while True:
            part = os.read(master, 65536)
            if not part:
                break
            data += part
    os.close(master)
    assert child.wait(PATIENCE) == 0, data.decode()
    return data.decode()


@pytest.mark.interop
@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
@pytest.mark.parametrize("columns", [100, 20])
def test_a_bar_on_a_terminal(tmp_path: Path, columns: int) -> None:
    require_peer("tqdm")
    SMALL.write_torrent(tmp_path)
    with seeder(tmp_path / "seed") as seed:
        argv = [sys.executable, "-W", "error", "-c", textwrap.dedent(PROGRAM), str(seed.port)]
        shown = on_a_terminal(argv, tmp_path, columns=columns, NO_COLOR="1", PYTHONIOENCODING="ascii")
    drawn = [text for text in shown.replace("\r", "\n").split("\n") if text.startswith("small:")]
    assert shown.isascii()
    assert "\x1b[3" not in shown, "no colour"
    assert max(map(len, drawn)) < columns
    if columns == 100:
        assert any("100%" in text and "410k/410k" in text for text in drawn)
        assert any("13/13" in text and "pieces/s" in text for text in drawn)
        assert any("peer" in text for text in drawn)


@pytest.mark.interop
@pytest.mark.parametrize("widgets", [True, False])
def test_a_bar_in_a_notebook(tmp_path: Path, widgets: bool) -> None:
    for name in ("tqdm", "ipykernel", "nbclient", "nbformat"):
        require_peer(name)
    SMALL.write_torrent(tmp_path)
    program = textwrap.dedent(PROGRAM).replace("sys.argv[1]", "port")
    with seeder(tmp_path / "seed") as seed:
        begin = f"import sys; port = {seed.port}" + ("" if widgets else "; sys.modules['ipywidgets'] = None")
        run_child(NOTEBOOK, str(tmp_path), begin, program, "import threading; threading.enumerate()")
    first, second, third = (tmp_path / "outputs").read_text().split("\n")
    assert (first, "small: 100%" in second, "TMonitor" in third) == ("[]", True, False)
    if not widgets:  # the text of a widget is that of its first moment
        assert "13/13" in second


def test_without_a_terminal_there_are_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with seeder(tmp_path / "seed") as seed:
        options: Any = {"settings": LOCAL, "peers": [("127.0.0.1", seed.port)], "progress": True}
        bt.download(SMALL.metainfo(), tmp_path / "down", timeout=PATIENCE, **options)
        assert seed.hashcheck(progress=True).failed == ()
    shown = capsys.readouterr().err.splitlines()
    assert shown[0].startswith("small: 0.0% of 410.2 KiB, 0 peers")
    assert any(text.startswith("small: 100.0% of 410.2 KiB") for text in shown)
    assert shown[-1] == "small: 100.0% of 13 pieces"
    assert len(shown) <= 5


def test_a_function_gets_reports_in_the_thread_that_waits(tmp_path: Path) -> None:
    reports: List[bt.Report] = []
    threads = set()

    def show(report: bt.Report) -> None:
        reports.append(report)
        threads.add(threading.get_ident())

    with pair(tmp_path) as (seed, down):
        down.wait(timeout=PATIENCE, progress=show)
        assert reports[-1].done == reports[-1].total == SMALL.size
        assert [each.done for each in reports] == sorted([each.done for each in reports])
        reports.clear()
        assert down.hashcheck(0, 1, 2, progress=show).failed == ()
        assert reports[-1] == bt.Report(3, 3, PIECES)
        reports.clear()
        assert bt.wait_all([seed, down], progress=show).not_done == ()
        assert (reports[-1].total, reports[-1].text.partition(",")[0]) == (2 * SMALL.size, "2 of 2 done")
        reports.clear()
        bt.wait_all([down], lambda status: False, timeout=0.1, progress=show)
        assert reports
    assert threads == {threading.get_ident()}


def test_what_is_waited_for_is_shown(tmp_path: Path) -> None:
    reports: List[bt.Report] = []
    with bt.Client(SMALL.metainfo(), tmp_path / "a", settings=LOCAL) as client:
        with pytest.raises(bt.WaitTimeout):
            client.wait(timeout=1, progress=reports.append)
        client.stop()
        assert report_of(client.status()).text == "0 peers, stopped"
    assert reports[-1].text == "0 peers, no peers"
    assert len(reports) >= 3
    magnet = f"magnet:?xt=urn:btih:{SMALL.infohash.hex()}"
    with bt.Client(magnet, tmp_path / "b", settings=LOCAL) as client:
        assert report_of(client.status()) == bt.Report(0, 0, "B", "0 peers, fetching the metadata, no peers")
    assert set(SHORT) <= set(CAUSES)


def test_lines() -> None:
    assert line(bt.Report(0, 0, "B", "0 peers")) == "0 peers"
    assert (
        line(bt.Report(1 << 19, 1 << 20, "B", "2 peers", 1 << 18))
        == "50.0% of 1.0 MiB, 256.0 KiB/s, 2.0 s left, 2 peers"
    )
    assert line(bt.Report(5, 10, PIECES, "", 5)) == "50.0% of 10 pieces, 5 pieces/s, 1.0 s left"
    assert line(bt.Report(10, 10, "B", "a\nb", 5)) == "100.0% of 10 B, a\\nb"


def test_the_pace_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    assert pace.rate(0, 100.0) == pace.rate(50, 100.1) == 0, "it is not known yet"
    assert pace.rate(100, 101.0) == 100
    for second in range(2, 30):
        pace.rate(100 + second, 100.0 + second)
    assert pace.rate(130, 130.0) == pytest.approx(1)
    assert pace.rate(0, 130.1) == 0, "a check that begins anew has no rate"


def test_lines_of_a_call_that_reports_no_rate_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, stream = [0.0], io.StringIO()
    monkeypatch.setattr("bittorrent_threads.progress_bar.time.monotonic", lambda: clock[0])
    with reporting(True, "made", stream) as report:
        assert report is not None
        for step in range(8):
            clock[0] = step * 1.0
            report(bt.Report(step * 1024, 20 * 1024))
    first, second, last = stream.getvalue().splitlines()
    assert first == "made: 0.0% of 20.0 KiB"
    assert second == "made: 25.0% of 20.0 KiB, 1.0 KiB/s, 15.0 s left"
    assert last == "made: 35.0% of 20.0 KiB, 1.0 KiB/s, 13.0 s left"


def test_an_error_of_the_function_ends_the_call_and_nothing_else(tmp_path: Path) -> None:
    def fails(report: bt.Report) -> None:
        raise ZeroDivisionError

    with pair(tmp_path) as (_, down):
        with pytest.raises(ZeroDivisionError):
            down.wait(progress=fails)
        with pytest.raises(ZeroDivisionError):
            bt.wait_all([down], progress=fails)
        down.wait(timeout=PATIENCE)
        assert not down._handle.changed, "no latch is left"


def test_the_progress_that_was_last_is_shown_after_an_error() -> None:
    stream = io.StringIO()

    def interrupted() -> None:
        with reporting(True, "x\x1b[31m", stream) as report:
            assert report is not None
            report(bt.Report(1, 4))
            report(bt.Report(2, 4))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert stream.getvalue() == "x\\x1b[31m: 25.0% of 4 B\nx\\x1b[31m: 50.0% of 4 B\n"


def test_a_stream_that_cannot_be_written(tmp_path: Path) -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    with reporting(True, "f\xfcr dich", ascii_only) as report:
        assert report is not None
        report(bt.Report(1, 4))
    ascii_only.seek(0)
    assert ascii_only.read() == "f\\xfcr dich: 25.0% of 4 B\n"
    ascii_only.close()
    broken: Any = None
    for stream in (ascii_only, broken):
        with reporting(True, "small", stream) as report:
            assert report is not None
            report(bt.Report(1, 4))


def test_a_torrent_that_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SMALL.write(tmp_path)
    wrong: Any = "yes"
    bt.create(tmp_path / "small", progress=True)
    assert capsys.readouterr().err.splitlines()[-1] == "small: 100.0% of 410.2 KiB"
    amounts = []
    bt.create(tmp_path / "small", progress=lambda done, total: amounts.append((done, total)))
    assert amounts[-1] == (SMALL.size, SMALL.size)
    with pytest.raises(TypeError, match="progress must be True, False or a function"):
        bt.create(tmp_path / "small", progress=wrong)


def test_what_is_no_progress(tmp_path: Path) -> None:
    wrong: Any = "yes"
    with reporting(False, "nothing") as report:
        assert report is None
    options: Any = {"settings": LOCAL, "state": "stopped"}
    with bt.Client(SMALL.metainfo(), tmp_path, **options) as client:
        for call in (
            lambda: client.wait(progress=wrong),
            lambda: client.hashcheck(progress=wrong),
            lambda: bt.wait_all([client], progress=wrong),
            lambda: bt.download(SMALL.metainfo(), tmp_path, progress=wrong),
        ):
            with pytest.raises(TypeError, match="progress must be True, False or a function of a Report, not 'yes'"):
                call()


def test_without_tqdm_a_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    absent: Dict[str, Any] = {"tqdm": None}
    monkeypatch.setitem(sys.modules, "tqdm", absent["tqdm"])
    stream = Terminal()
    with reporting(True, "small", stream) as report:
        assert report is not None
        report(bt.Report(1, 4))
    assert stream.getvalue() == "small: 25.0% of 4 B\n"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_the_client_usable(tmp_path: Path) -> None:
    with pair(tmp_path, state="stopped") as (_, down):
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            down.wait(progress=True)
        timer.join()
        down.start()
        down.wait(timeout=PATIENCE)

"""The library in a notebook: a real ipykernel runs cells, which are interrupted, run twice, and killed."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Callable, Sequence

import pytest
from support.loopback import ROOT, run_child
from support.pairs import seeder

from bittorrent_threads.testing.sample_torrent import KIB, SampleTorrent

pytestmark = pytest.mark.interop

SAMPLE = SampleTorrent({"big.bin": 4_000_000, "small.bin": 1000}, piece_length=64 * KIB, name="notes")
TOUR = ROOT / "tools" / "tour.ipynb"
SETUP = """
FIRST = '''
import bittorrent_threads as bt
settings = bt.Settings(host="127.0.0.1", dht=False, local_discovery=False)
torrent, peers = "notes.torrent", [("127.0.0.1", PORT)]
'''
"""


@pytest.fixture(autouse=True)
def notebook(require_peer: Callable[[str], str]) -> None:
    """Skip or fail the test where notebooks cannot run."""
    for name in ("ipykernel", "nbclient", "nbformat"):
        require_peer(name)


def run(program: str, folder: Path, port: int = 0, arguments: Sequence[str] = ()) -> None:
    """Run a program that has ``folder``, ``FIRST``, the first cell, and ``kernel``."""
    head = SETUP.replace("PORT", str(port)) + "import sys\nfrom support.kernels import CellFailed, kernel\n"
    head += "folder = sys.argv[1]\n"
    run_child(head + textwrap.dedent(program), str(folder), *arguments)


def test_an_interrupted_cell_leaves_the_client_as_it_is(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed", SAMPLE) as seed:
        SAMPLE.write_torrent(tmp_path)
        run(
            """
            with kernel(folder, FIRST) as notebook:
                notebook.run('client = bt.Client(torrent, "down", settings=settings)')
                cell = notebook.start('print("begun"); client.watch(timeout=60)\\nprint("never")')
                card = notebook.wait_for(cell, "display_data")
                assert "bt-card" in card["data"]["text/html"], card
                assert "notes: 0.0%" in card["data"]["text/plain"], card
                notebook.interrupt()
                rest = notebook.finish(cell)
                (update, *_) = [m["content"] for m in rest if m["msg_type"] == "update_display_data"][::-1]
                assert update["transient"]["display_id"] == card["transient"]["display_id"]
                assert "Interrupted: the client goes on" in update["data"]["text/html"]
                (error,) = [m["content"] for m in rest if m["msg_type"] == "error"]
                assert error["ename"] == "WatchInterrupted", error
                assert len(error["traceback"]) == 1, error
                assert notebook.run('client.state, client.status().closed') == "('active', False)"
                notebook.run('client.add_peer(*peers[0])')
                assert notebook.run('client.watch(timeout=60).complete') == "True"
                # An interrupted wait, too.
                cell = notebook.start('print("begun", flush=True); client.wait(lambda status: False)')
                notebook.wait_for(cell, "stream")
                notebook.interrupt()
                (error,) = [m["content"] for m in notebook.finish(cell) if m["msg_type"] == "error"]
                assert error["ename"] == "KeyboardInterrupt", error
                assert notebook.run('client.hashcheck(); client.seed') == "True"
                notebook.run('client.close()')
            """,
            tmp_path,
            seed.port,
        )


def test_a_cell_that_runs_twice(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed", SAMPLE) as seed:
        SAMPLE.write_torrent(tmp_path)
        run(
            """
            with kernel(folder, FIRST) as notebook:
                again = 'client = bt.Client(torrent, "down", settings=settings)\\nclient.state'
                assert notebook.run(again) == "'active'"
                notebook.run('client.wait("checked", timeout=30)')
                notebook.run('other = bt.Client(torrent, "down", settings=settings)')
                said = notebook.run('print(other.wait(lambda status: status.error, timeout=30).error)')
                assert "in this process, by the client made at Cell In[2], line 1; close that one first" in said, said
                assert "Cell In[2], line 1" in notebook.run('other._repr_html_()')
                notebook.run('other.close()')
                # The name is bound anew: the client before it is collected, and closes.
                assert notebook.run(again) == "'active'"
                notebook.run('client.add_peer(*peers[0])')
                assert notebook.run('client.wait(timeout=60).complete') == "True"
                # Without a name for the first one, in one session.
                notebook.run('session = bt.Session(settings)\\nkept = session.add(torrent, "three")')
                try:
                    notebook.run('session.add(torrent, "three")')
                except CellFailed as error:
                    assert "already, by the client made at Cell In[" in str(error), error
                else:
                    raise AssertionError("the session took it twice")
                notebook.run('session.close(); client.close()')
            """,
            tmp_path,
            seed.port,
        )


def test_a_killed_kernel_loses_nothing(tmp_path: Path) -> None:
    with seeder(tmp_path / "seed", SAMPLE) as seed:
        seed.upload_limit = 1_500_000
        SAMPLE.write_torrent(tmp_path)
        run(
            """
            make = 'client = bt.Client(torrent, "down", peers=peers, settings=settings)'
            with kernel(folder, FIRST) as notebook:
                notebook.run(make)
                notebook.run('client.wait(lambda s: s.progress > 0.5, timeout=60); client.download_limit = 50_000')
                process = notebook.run('import os; os.getpid()')
                # The second kernel is told that the first one has the files.
                with kernel(folder, FIRST) as second:
                    second.run(make)
                    said = second.run('print(client.wait(lambda status: status.error, timeout=30).error)')
                    assert f"in process {process}, by the client made at Cell In[" in said, said
                have = int(notebook.run('client.status().pieces_have'))
                assert have < 62, "it is killed while it downloads"
            with kernel(folder, FIRST) as notebook:
                notebook.run(make)
                left = notebook.run('client.wait("complete", timeout=60).downloaded')
                # What was in flight or not yet written is fetched again: pieces of the 64 MiB buffer at most.
                assert int(left) <= (62 - have + 1) * 65536, (left, have)
                notebook.run('client.close()')
            """,
            tmp_path,
            seed.port,
        )
        assert SAMPLE.differences(tmp_path / "down") == []


def test_the_tour_runs(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer("pandas")
    require_peer("matplotlib")
    program = """
        import nbformat
        from nbclient import NotebookClient

        tour = nbformat.read(sys.argv[2], 4)
        NotebookClient(tour, timeout=60, resources={"metadata": {"path": folder}}).execute()
        nbformat.write(tour, folder + "/tour.ipynb")
    """
    run(program, tmp_path, arguments=[str(TOUR)])
    tour = json.loads((tmp_path / "tour.ipynb").read_text(encoding="utf-8"))
    shown = {"".join(cell["source"]).split("\n")[-1]: cell["outputs"] for cell in tour["cells"] if "outputs" in cell}
    assert "stderr" not in {output.get("name") for outputs in shown.values() for output in outputs}
    (card,) = shown["client.watch(timeout=60);"]
    assert "100.0% of" in "".join(card["data"]["text/plain"]), "the display has its last state"
    assert "photos/summer/lake.raw" in "".join(card["data"]["text/html"])
    (plot,) = shown["client.plot()"]
    assert plot["data"]["image/png"]
    cards = [output for outputs in shown.values() for output in outputs if "bt-card" in str(output)]
    assert len(cards) == 6


def test_the_tour_is_stored_without_outputs() -> None:
    tour = json.loads(TOUR.read_text(encoding="utf-8"))
    code = [cell for cell in tour["cells"] if cell["cell_type"] == "code"]
    assert len(code) > 8
    assert [cell["source"] for cell in code if cell["outputs"] or cell["execution_count"]] == []

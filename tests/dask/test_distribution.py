"""``distribute`` on a local cluster of four worker processes, with workers that are killed and restarted.

The cluster runs in a process of its own, because Dask leaves threads and sockets to the end of a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from support.loopback import ROOT, run_child

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

PROGRAM = '''
import hashlib, json, os, signal, sys, threading, time
from pathlib import Path

from bittorrent_threads.dask import LocalCopy, distribute


def digest(path):
    found = hashlib.sha1()
    for file in sorted(file for file in Path(path).rglob("*") if file.is_file() and ".bittorrent" not in str(file)):
        found.update(file.name.encode() + file.read_bytes())
    return found.hexdigest()


def read(dataset, part):
    """What a task of a user does."""
    assert type(dataset) is LocalCopy
    return os.getpid(), dataset.path(timeout=60), digest(dataset.path(timeout=60))


def missing(dataset):
    try:
        dataset.path()
    except LookupError as error:
        return str(error)


def workers(client):
    return set(client.scheduler_info(n_workers=-1)["workers"])


def others(client, known, count):
    """The workers that are not ``known``, as soon as there are ``count`` of all."""
    deadline = time.monotonic() + 60
    while len(workers(client)) != count or workers(client) <= known:
        assert time.monotonic() < deadline, workers(client)
        time.sleep(0.05)
    return sorted(workers(client) - known)


def main():
    from distributed import Client, LocalCluster

    path, said = Path(sys.argv[1]), {}
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, "local_directory": sys.argv[2]}
    with LocalCluster(n_workers=4, **options) as cluster, Client(cluster) as client:
        ask = lambda worker, dataset: client.submit(read, dataset, worker, workers=[worker], pure=False).result(60)
        said["original"] = digest(path)
        with distribute(client, path, upload_limit=10_000_000, timeout=60) as dataset:
            while dataset.uploaded < int(sys.argv[3]):  # a snapshot of the last second
                time.sleep(0.05)
            said["uploaded"] = dataset.uploaded
            said["here"] = dataset.path()
            first = workers(client)
            said["first"] = [ask(worker, dataset) for worker in sorted(first)]

            os.kill(said["first"][0][0], signal.SIGKILL)
            (born,) = others(client, first, 4)
            said["killed"] = ask(born, dataset)

            known = workers(client) | first
            client.restart_workers([born])
            said["restarted"] = [ask(worker, dataset) for worker in others(client, known, 4)]

            copies = dataset.wait(timeout=60)
            said["copies"] = len(copies)
        dataset.close()
        said["left"] = [copy for copy in copies.values() if os.path.exists(copy)]
        said["after"] = client.submit(missing, dataset, pure=False).result(60)
    said["threads"] = [thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-")]
    print("SAID " + json.dumps(said))


if __name__ == "__main__":
    main()
'''

SIZE = 5_000_000


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Any]:
    """What the program said, in a folder of its own."""
    from support.peers_required import require_peer

    require_peer("distributed")
    folder = tmp_path_factory.mktemp("dask")
    data = folder / "dataset"
    (data / "sub").mkdir(parents=True)
    (data / "a.bin").write_bytes(os.urandom(SIZE))
    (data / "sub" / "b.txt").write_bytes(b"small")
    program = folder / "program.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(program), str(data), str(folder / "workers"), str(SIZE)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("SAID ")]
    found: Dict[str, Any] = json.loads(line[len("SAID ") :])
    found["folder"] = str(folder)
    return found


def test_each_of_four_worker_processes_has_a_copy_of_its_own(said: Dict[str, Any]) -> None:
    assert len({process for process, _, _ in said["first"]}) == 4
    assert len({path for _, path, _ in said["first"]}) == 4
    assert {found for _, _, found in said["first"]} == {said["original"]}
    assert said["here"] == f"{said['folder']}/dataset"


def test_the_workers_get_much_from_each_other(said: Dict[str, Any]) -> None:
    assert SIZE <= said["uploaded"] < 3 * SIZE


def test_a_worker_in_place_of_a_killed_one_gets_it_too(said: Dict[str, Any]) -> None:
    process, path, found = said["killed"]
    assert found == said["original"]
    assert process not in {process for process, _, _ in said["first"]}
    assert path not in {path for _, path, _ in said["first"]}


def test_a_restarted_worker_gets_it_too(said: Dict[str, Any]) -> None:
    assert [found for _, _, found in said["restarted"]] == [said["original"]]
    assert said["copies"] == 4


def test_after_the_end_nothing_is_left(said: Dict[str, Any]) -> None:
    assert said["left"] == []
    assert said["threads"] == []
    assert "is not distributed to this worker" in said["after"]


def test_a_single_file_workers_in_threads_and_what_is_refused(
    tmp_path: Path, require_peer: Callable[[str], str]
) -> None:
    require_peer("distributed")
    (tmp_path / "one.bin").write_bytes(b"1" * 100_000)
    program = """
import sys
import bittorrent_threads as bt
from distributed import Client, LocalCluster
from bittorrent_threads.dask import distribute

def size(dataset):
    return len(open(dataset.path(), "rb").read())

folder = sys.argv[1]
options = {"processes": False, "dashboard_address": None, "local_directory": folder + "/workers"}
with LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster, Client(cluster) as client:
    with distribute(client, folder + "/one.bin", timeout=60) as dataset:
        assert client.submit(size, dataset).result(60) == 100_000
        assert len(set(dataset.wait().values())) == 2
    try:
        distribute(client, folder + "/nothing")
    except bt.StorageError as error:
        print(error.errno)
class Other:
    asynchronous = True
try:
    distribute(Other(), folder)
except ValueError as error:
    print(error)
"""
    said = run_child(program, str(tmp_path))
    assert said.splitlines() == ["2", "distribute() needs a synchronous client, such as Client(address)"]


def test_the_program_of_the_manual_runs(tmp_path: Path, require_peer: Callable[[str], str]) -> None:
    require_peer("distributed")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "beach.raw").write_bytes(bytes(300_000))
    (tmp_path / "photos" / "notes.txt").write_bytes(b"beach")
    program = """
import os, sys
from pathlib import Path
from distributed import LocalCluster
from support.pages import ROOT, Page

os.chdir(sys.argv[1])
names = {"__name__": "__main__", "os": os}
Page(ROOT / "tools" / "docs" / "howto" / "dask.rst").run(names)
with LocalCluster(n_workers=2, processes=False, dashboard_address=None, local_directory="workers") as cluster:
    print(names["run"](cluster.scheduler_address))
"""
    assert run_child(program, str(tmp_path)).strip() == "[300000, 5]"

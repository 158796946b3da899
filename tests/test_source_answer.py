"""What each source of peers answered, in simulated swarms."""

from __future__ import annotations

from typing import Dict

from support.bench import Bench, torrent_of

from bittorrent_threads.settings import Settings
from bittorrent_threads.source_answer import SourceAnswer, answers_of
from bittorrent_threads.swarm.peer_list import Source
from bittorrent_threads.testing.simulation import tracker
from bittorrent_threads.testing.simulation.tracker import SimTracker


def answers(bench: Bench) -> Dict[str, SourceAnswer]:
    return {answer.url or answer.source: answer for answer in answers_of(bench.status)}


def test_trackers() -> None:
    urls = [f"http://{name}.sim/announce" for name in ("full", "empty", "down", "slow")]
    bench = Bench(torrent_of(*urls), state="stopped")
    for url, mood in zip(urls, (tracker.UP, tracker.UP, tracker.DOWN, tracker.SLOW)):
        there = bench.web.trackers[url[7:].partition("/")[0]] = SimTracker(bench.world)
        there.mood = mood
    swarm = bench.web.trackers["full.sim"].swarms.setdefault(bench.content.metainfo.infohash, {})
    swarm.update({("10.9.0.1", 1): 0, ("10.9.0.2", 2): 0})
    bench.set_state("active")
    bench.run(2)
    found = answers(bench)
    assert list(found) == urls
    assert (found[urls[0]].answer, found[urls[0]].failed, found[urls[0]].peers) == ("named 2 peers", False, 2)
    assert (found[urls[1]].answer, found[urls[1]].failed, found[urls[1]].peers) == ("named none", False, 0)
    assert (found[urls[2]].answer, found[urls[2]].failed) == ("connection refused", True)
    assert (found[urls[3]].answer, found[urls[3]].failed) == ("being asked", False)
    assert str(found[urls[2]]) == f"{urls[2]}: connection refused"


def test_addresses_that_were_told() -> None:
    bench = Bench(settings=Settings(local_discovery=True))
    host = bench.host().name
    bench.act(bench.torrent.add_peer, host, 1)
    for port, source in enumerate((Source.PEX, Source.PEX, Source.RESUME, Source.INCOMING), 2):
        bench.act(bench.torrent.learn, [(host, port)], source)
    bench.run(1)
    found = answers(bench)
    assert {source: found[source].peers for source in ("user", "pex", "resume", "incoming")} == {
        "user": 1,
        "pex": 2,
        "resume": 1,
        "incoming": 1,
    }
    assert found["pex"].answer == "peer exchange told 2 peers"
    assert found["user"].answer == "the program gave 1 peer"
    assert not any(answer.failed for answer in found.values() if answer.source != "lsd")


def test_of_a_stopped_torrent_there_is_no_answer() -> None:
    assert answers_of(Bench(state="stopped", settings=Settings(local_discovery=True, dht=True)).status) == ()

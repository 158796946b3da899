"""Nodes of libtorrent's DHT, each in a session at a loopback address of its own; the tests run this program, too.

    python -I libtorrent_dht.py '{"count": 8}'

``network`` may be the first two bytes of other addresses of this machine.

It prints one JSON document a line: ``nodes`` once they know each other, ``announced`` for an announce that a node
received, ``found`` for the peers in an answer, and ``took`` for the seconds to the first of them.  It reads commands
from its standard input, ``{"announce": INFOHASH, "port": PORT}`` and ``{"find": INFOHASH}``, which two of the nodes
carry out, and ends at any other, or when that is closed.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from typing import Any, Dict, List

import libtorrent as lt

SETTINGS: Dict[str, Any] = {
    "enable_dht": True,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "dht_bootstrap_nodes": "",
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_enforce_node_id": False,
    "dht_prefer_verified_node_ids": False,
    "dht_ignore_dark_internet": False,
    "dht_upload_rate_limit": 1_000_000,
    "dht_block_ratelimit": 1000,
    "alert_mask": int(lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification),
}
POLL = 0.01
JOINING = 10.0
"""Seconds in which the nodes learn of each other."""
SEARCH_TIMEOUT = 30.0
NEIGHBOURS = 8
"""Nodes that each is told of at the start."""


def say(**facts: Any) -> None:
    """Print a JSON document."""
    print(json.dumps(facts), flush=True)


def host_of(network: str, number: int) -> str:
    """The address of a node."""
    return f"{network}.{number // 250}.{number % 250 + 1}"


def join(count: int, network: str) -> List[Any]:
    """Start the sessions, each of which is told of the next ones in a circle."""
    sessions: List[Any] = []
    for number in range(count):
        settings: Any = {**SETTINGS, "listen_interfaces": f"{host_of(network, number)}:0"}
        sessions.append(lt.session(settings))
    while not all(session.listen_port() for session in sessions):
        time.sleep(POLL)
    for number, session in enumerate(sessions):
        for other in range(number + 1, number + 1 + min(NEIGHBOURS, count - 1)):
            session.add_dht_node((host_of(network, other % count), sessions[other % count].listen_port()))
    return sessions


def wait_joined(sessions: List[Any]) -> None:
    """Wait until each knows as many others as a small table has, at least."""
    least = min(len(sessions) - 1, NEIGHBOURS)
    deadline = time.monotonic() + JOINING
    for session in sessions:
        session.post_dht_stats()
    waiting = set(range(len(sessions)))
    while waiting and time.monotonic() < deadline:
        for number in list(waiting):
            for alert in sessions[number].pop_alerts():
                if isinstance(alert, lt.dht_stats_alert):
                    if sum(bucket["num_nodes"] for bucket in alert.routing_table) >= least:
                        waiting.discard(number)
                    else:
                        sessions[number].post_dht_stats()
        time.sleep(POLL)


def announce(session: Any, infohash: str, port: int) -> None:
    """Announce a peer at the address of a node."""
    session.dht_announce(lt.sha1_hash(bytes.fromhex(infohash)), port, 0)


def find(session: Any, infohash: str) -> None:
    """Look for peers, and tell when the first was found and when the search ended; nothing else is done meanwhile."""
    wanted = lt.sha1_hash(bytes.fromhex(infohash))
    peers: List[Any] = []
    first = 0.0
    began = time.perf_counter()
    session.dht_get_peers(wanted)
    while time.perf_counter() - began < SEARCH_TIMEOUT:
        session.post_dht_stats()
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.info_hash == wanted and alert.num_peers():
                first = first or time.perf_counter() - began
                peers += [peer for peer in alert.peers() if peer not in peers]
            elif isinstance(alert, lt.dht_stats_alert):
                under_way = any(request["type"] == "get_peers" for request in alert.active_requests)
                if first and not under_way:
                    say(took={"ms to the first peer": first, "ms to the end": time.perf_counter() - began})
                    say(found=infohash, peers=peers)
                    return


def tell_announces(sessions: List[Any]) -> None:
    """Print the announces that nodes have received."""
    for session in sessions:
        for alert in session.pop_alerts():
            if isinstance(alert, lt.dht_announce_alert):
                say(announced=alert.info_hash.to_bytes().hex(), peer=[str(alert.ip), alert.port])


def run(options: Dict[str, Any]) -> None:
    """Run the nodes until told to end."""
    network = options.get("network", "127.1")
    sessions = join(options["count"], network)
    wait_joined(sessions)
    say(nodes=[(host_of(network, number), session.listen_port()) for number, session in enumerate(sessions)])
    announcing, asking = sessions[-2:]
    commands: queue.SimpleQueue[Dict[str, Any]] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            commands.put(json.loads(line))
        commands.put({})

    threading.Thread(target=listen, daemon=True).start()
    while True:
        tell_announces(sessions)
        try:
            command = commands.get(timeout=POLL)
        except queue.Empty:
            continue
        if "announce" in command:
            announce(announcing, command["announce"], command["port"])
        elif "find" in command:
            find(asking, command["find"])
        else:
            return


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))

"""The program that LibtorrentPeer runs: one torrent, or magnet link, in one libtorrent session.

    python -I libtorrent_node.py '{"torrent": …, "directory": …, "host": …, "checked": …, "settings": {…}}'

It prints one JSON document a line: ``port``, ``complete``, ``hash_failed`` and ``banned`` as they happen, and its
figures every tenth of a second.  It reads commands from its standard input (``add_peer HOST PORT``, ``quit``) and ends
when that is closed, so that it does not outlive its parent.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any, Dict

import libtorrent as lt

SETTINGS: Dict[str, Any] = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "in_enc_policy": int(lt.enc_policy.pe_enabled),
    "out_enc_policy": int(lt.enc_policy.pe_disabled),
    "allowed_enc_level": int(lt.enc_level.both),
    "allow_multiple_connections_per_ip": True,
    "unchoke_interval": 1,
    "stop_tracker_timeout": 1,
    "alert_mask": int(
        lt.alert.category_t.status_notification
        | lt.alert.category_t.storage_notification
        | lt.alert.category_t.peer_notification
        | lt.alert.category_t.error_notification
    ),
}
TICK_MS = 100
FLUSH_TIMEOUT_MS = 5000


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def tell(torrent: Any, alert: Any) -> None:
    if isinstance(alert, lt.torrent_finished_alert):
        torrent.flush_cache()
    elif isinstance(alert, lt.cache_flushed_alert) and torrent.status().is_seeding:
        say(complete=True)
    elif isinstance(alert, lt.hash_failed_alert):
        say(hash_failed=int(alert.piece_index))
    elif isinstance(alert, lt.peer_ban_alert):
        say(banned=list(alert.endpoint))
    elif alert.category() & (lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification):
        say(alert=alert.message())


def run(options: Dict[str, Any]) -> None:
    settings: Any = {**SETTINGS, "listen_interfaces": f"{options['host']}:0", **options["settings"]}
    session = lt.session(settings)
    # Without this, rate limits and upload slots do not hold for peers on loopback.
    everywhere = lt.ip_filter()
    everywhere.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
    session.set_peer_class_filter(everywhere)
    if options["torrent"].startswith("magnet:"):
        params = lt.parse_magnet_uri(options["torrent"])
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(options["torrent"])
    params.save_path = options["directory"]
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    if not options["checked"]:
        params.have_pieces = [True] * lt.torrent_info(options["torrent"]).num_pieces()
    torrent = session.add_torrent(params)

    ended = threading.Event()

    def listen() -> None:
        for line in sys.stdin:
            verb, *words = line.split()
            if verb == "add_peer":
                torrent.connect_peer((words[0], int(words[1])))
            elif verb == "quit":
                break
        ended.set()

    threading.Thread(target=listen, daemon=True).start()
    say(port=session.listen_port())
    while not ended.is_set():
        session.wait_for_alert(TICK_MS)
        for alert in session.pop_alerts():
            tell(torrent, alert)
        status = torrent.status()
        say(
            state=str(status.state),
            done=status.total_done,
            downloaded=status.total_payload_download,
            uploaded=status.total_payload_upload,
            peers=status.num_peers,
        )
    torrent.pause()
    session.wait_for_alert(FLUSH_TIMEOUT_MS)


run(json.loads(sys.argv[1]))

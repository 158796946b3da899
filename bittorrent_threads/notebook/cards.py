"""Cards: a status, a client, a torrent and a session as HTML, for ``_repr_html_``.

Each function is given values, and its result has a bounded size.
"""

from __future__ import annotations

import datetime
from typing import Iterable, List, Sequence, Tuple

from ..amounts import duration_text, size_text
from ..metainfo.metainfo import Metainfo
from ..status import PeerStatus, Row, Status, TrackerStatus
from ..text import masked
from .markup import Column, Html, bar, element, facts, join, section, table, text
from .piece_map import PieceMap
from .style import STYLE

MAX_FILES = 8
MAX_PEERS = 6
MAX_TRACKERS = 4
MAX_TORRENTS = 20
MAX_REASON = 400
"""Most characters of a reason, which may have the answers of several trackers."""
DONE, MOVE, WARN, ERROR, MUTED = "bt-done", "bt-move", "bt-warn", "bt-error", "bt-muted"

_FILE_COLUMNS = (
    Column("name", "wide"),
    Column("size", "num"),
    Column("progress"),
    Column("", "num"),
    Column("priority"),
)
_PEER_COLUMNS = (
    *(Column("address"), Column("client", "wide"), Column("has", "num")),
    *(Column("down", "num"), Column("up", "num"), Column("")),
)
_TRACKER_COLUMNS = (Column("tracker", "wide"), Column("state"), Column("seeds", "num"), Column("others", "num"))
_TORRENT_COLUMNS = (
    *(Column("name", "wide"), Column("state"), Column("progress"), Column("", "num")),
    *(Column("down", "num"), Column("up", "num"), Column("peers", "num")),
)


def status_card(status: Status) -> Html:
    """Return the card of a status."""
    return _card(*_status_parts(status), *_peer_parts(status))


def client_card(status: Status, files: Sequence[Row], file_count: int, note: str = "") -> Html:
    """Return the card of a client.

    Args:
        status: Its newest status.
        files: Rows of its first files, at most ``MAX_FILES`` of which are shown.
        file_count: Number of all of them.
        note: A line at the end, such as that a cell was interrupted.
    """
    shown = files[:MAX_FILES]
    rows = [
        (
            row["name"],
            size_text(float(row["length"])),
            bar(float(row["progress"])),
            f"{float(row['progress']):.0%}",
            "not wanted" if not row["priority"] else row["priority"],
        )
        for row in shown
    ]
    title = f"{file_count:,} file{'' if file_count == 1 else 's'}"
    parts = [section(title, table(_FILE_COLUMNS, rows, file_count - len(shown)))] if shown else []
    end = [element("div", note, kind="bt-note bt-warn")] if note else []
    return _card(*_status_parts(status), *parts, *_peer_parts(status), *end)


def metainfo_card(metainfo: Metainfo) -> Html:
    """Return the card of a torrent: its files and trackers, and what its author wrote."""
    count, urls = len(metainfo.files), [url for tier in metainfo.trackers for url in tier]
    made = metainfo.creation_date
    date = "" if made is None else f"{datetime.datetime.fromtimestamp(made, datetime.timezone.utc):%Y-%m-%d}"
    notes = {"comment": metainfo.comment, "made by": metainfo.created_by, "made on": date, "source": metainfo.source}
    files = [("/".join(file.path), size_text(file.length)) for file in metainfo.files[: 2 * MAX_FILES] if not file.pad][
        :MAX_FILES
    ]
    pads = sum([file.pad for file in metainfo.files])
    parts: List[Html] = [
        _head(metainfo.name, "torrent", MUTED, *(["private"] if metainfo.private else [])),
        facts(
            [
                size_text(metainfo.total_size),
                f"{count - pads:,} file{'' if count - pads == 1 else 's'}",
                f"{metainfo.piece_count:,} pieces of {size_text(metainfo.piece_length)}",
                element("code", metainfo.infohash.hex()),
            ]
        ),
        facts([f"{name}: {value}" for name, value in notes.items() if value]),
        section("Files", table((Column("name", "wide"), Column("size", "num")), files, count - pads - len(files))),
    ]
    sources = [("tracker", url) for url in urls] + [("web seed", url) for url in metainfo.web_seeds]
    if sources:
        rows = [(kind, masked(url)) for kind, url in sources[:MAX_TRACKERS]]
        columns = (Column("source"), Column("URL", "wide"))
        parts.append(section("Sources", table(columns, rows, len(sources) - len(rows))))
    return _card(*parts)


def session_card(statuses: Sequence[Status], port: int, limits: Tuple[int, int], *, closed: bool) -> Html:
    """Return the card of a session.

    Args:
        statuses: The newest status of each of its clients.
        port: Its listening port; 0 for none.
        limits: Bytes a second to receive and to send; 0 for no limit.
        closed: It is closed.
    """
    down, up = sum(status.download_rate for status in statuses), sum(status.upload_rate for status in statuses)
    limited = [f"{word} at most {size_text(limit)}/s" for word, limit in zip(("receives", "sends"), limits) if limit]
    rows = []
    for status in statuses[:MAX_TORRENTS]:
        word, kind = condition(status)
        rates = f"{size_text(status.download_rate)}/s", f"{size_text(status.upload_rate)}/s"
        share = bar(status.progress, kind), f"{status.progress:.0%}"
        rows.append((status.name, element("span", word, kind=kind), *share, *rates, f"{status.connected:,}"))
    listening = f"port {port}" if port else "not listening"
    parts = [
        _head("Session", "closed" if closed else listening, MUTED if closed else DONE),
        facts([f"{len(statuses):,} torrents", _rate("\u2193", down), _rate("\u2191", up), *limited]),
    ]
    if rows:
        parts.append(section("Torrents", table(_TORRENT_COLUMNS, rows, len(statuses) - len(rows))))
    return _card(*parts)


def condition(status: Status) -> Tuple[str, str]:
    """Return what a torrent does, in a word or two, and the class of their color."""
    if status.closed:
        return "closed", MUTED
    if status.error:
        return "disk error", ERROR
    if status.state != "active":
        return status.state, MUTED
    if not status.metadata:
        return "fetching metadata", MOVE
    if status.checking:
        return "checking", MOVE
    if status.complete:
        return ("seeding" if status.seed else "complete"), DONE
    return "downloading", MOVE


# -- the parts of a card -------------------------------------------------------------------------------------------


def _card(*parts: object) -> Html:
    return Html(f'<div class="bt-card">{STYLE}{join(parts)}</div>')


def _head(name: str, word: str, kind: str, *further: str) -> Html:
    badges = [element("span", word, kind=f"bt-badge {kind}")]
    badges += [element("span", other, kind=f"bt-badge {MUTED}") for other in further]
    return element("div", element("span", name, kind="bt-name"), *badges, kind="bt-head")


def _status_parts(status: Status) -> Iterable[Html]:
    word, kind = condition(status)
    yield _head(status.name, word, kind)
    yield bar(status.progress if status.metadata else 0.0, kind)
    known = [f"{status.progress:.1%} of {size_text(status.size)}"] if status.metadata else []
    left = (
        [f"{duration_text(status.left / status.download_rate)} left"]
        if status.left and status.download_rate >= 1
        else []
    )
    peers = f"{status.connected:,} peer{'' if status.connected == 1 else 's'}"
    rates = [_rate("\u2193", status.download_rate), _rate("\u2191", status.upload_rate)]
    moved = [f"received {size_text(status.downloaded)}"] if status.downloaded else []
    moved += [f"sent {size_text(status.uploaded)}"] if status.uploaded else []
    yield facts([*known, *rates, peers, *left, *(element("span", part, kind=MUTED) for part in moved)])
    if status.error:
        yield element("div", text(status.error, MAX_REASON), kind=f"bt-note {ERROR}")
    elif status.stall and not status.closed:
        yield element("div", text(status.stall, MAX_REASON), kind=f"bt-note {WARN}")
    if status.piece_count:
        squares = PieceMap(status.bitfield, status.wanted, status.piece_count)
        each = f"; each square is {squares.per_square:,} pieces" if squares.per_square > 1 else ""
        pieces = f"{status.pieces_have:,} of {status.piece_count:,} pieces of {size_text(status.piece_length)}{each}"
        yield join([squares.svg(), element("div", pieces, kind=f"{MUTED} bt-small")])


def _peer_parts(status: Status) -> Iterable[Html]:
    if status.peers:
        peers = sorted(status.peers, key=lambda peer: -(peer.download_rate + peer.upload_rate))[:MAX_PEERS]
        rows = [_peer_row(peer, status.piece_count) for peer in peers]
        title = f"{len(status.peers):,} peer{'' if len(status.peers) == 1 else 's'}"
        yield section(title, table(_PEER_COLUMNS, rows, len(status.peers) - len(rows)))
    if status.trackers:
        failing = any(tracker.error for tracker in status.trackers)
        trackers = sorted(status.trackers, key=lambda tracker: not tracker.error)[:MAX_TRACKERS]
        title = f"{len(status.trackers):,} tracker{'' if len(status.trackers) == 1 else 's'}"
        found = table(_TRACKER_COLUMNS, map(_tracker_row, trackers), len(status.trackers) - len(trackers))
        yield section(title, found, opened=failing)


def _peer_row(peer: PeerStatus, piece_count: int) -> Sequence[object]:
    host, port = peer.address
    if peer.snubbed:
        note = "lets requests wait"
    elif peer.interested and peer.choked:
        note = "chokes this client"
    else:
        note = "seed" if peer.seed else ""
    return (
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        peer.client,
        f"{peer.pieces / piece_count:.0%}" if piece_count else "",
        f"{size_text(peer.download_rate)}/s",
        f"{size_text(peer.upload_rate)}/s",
        element("span", note, kind=MUTED),
    )


def _tracker_row(tracker: TrackerStatus) -> Sequence[object]:
    kind = ERROR if tracker.error else DONE if tracker.working else MUTED
    said = element("div", tracker.error, kind=f"{ERROR} bt-small") if tracker.error else ""
    seeds, leechers = (f"{number:,}" if number >= 0 else "" for number in (tracker.seeds, tracker.leechers))
    return join([tracker.url, said]), element("span", tracker.state, kind=kind), seeds, leechers


def _rate(arrow: str, rate: float) -> str:
    return f"{arrow} {size_text(rate)}/s"

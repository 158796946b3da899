"""The table of tracker clients: which scheme is served by which client."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Callable, Iterator, List, Set

import pytest

import bittorrent_threads
from bittorrent_threads.engine.interfaces.tracker_client import Endpoint, ScrapeAnswer, TrackerAnswer
from bittorrent_threads.engine.tracker_clients import TrackerClients
from bittorrent_threads.protocol.announce import AnnounceRequest


class Recording:
    """A client that notes which URLs it is given."""

    def __init__(self, objection: str) -> None:
        self._objection = objection
        self.urls: List[str] = []

    def objection(self, url: str) -> str:
        return self._objection

    def announce(
        self,
        url: str,
        request: AnnounceRequest,
        deliver: Callable[[TrackerAnswer], None],
        *,
        endpoint: Endpoint,
        timeout: float,
        trusted: bool,
    ) -> None:
        self.urls.append(url)

    def scrape(
        self, url: str, infohash: bytes, deliver: Callable[[ScrapeAnswer], None], *, timeout: float, trusted: bool
    ) -> None:
        self.urls.append(url)


@pytest.mark.parametrize(
    ("url", "objection"),
    [
        ("http://t/announce", "no HTTP"),
        ("https://t/announce", "no HTTP"),
        ("HTTP://t/announce", "no HTTP"),
        ("udp://t:6969/announce", ""),
        ("wss://t/announce", "wss trackers are not supported"),
    ],
)
def test_a_scheme_without_a_client_is_an_objection(url: str, objection: str) -> None:
    assert TrackerClients(Recording("no HTTP"), Recording("")).objection(url) == objection


def test_each_scheme_goes_to_its_client() -> None:
    http, udp = Recording(""), Recording("")
    answers: List[object] = []
    clients = TrackerClients(http, udp)
    request = AnnounceRequest(infohash=b"i" * 20, peerid=b"p" * 20, port=1, uploaded=0, downloaded=0, left=0)
    for url in ("http://a", "https://b", "udp://c:1"):
        clients.announce(url, request, answers.append, endpoint=Endpoint(4, ""), timeout=1.0, trusted=False)
        clients.scrape(url, b"i" * 20, answers.append, timeout=1.0, trusted=False)
    assert http.urls == ["http://a", "http://a", "https://b", "https://b"]
    assert udp.urls == ["udp://c:1"] * 2


# -- one place ---------------------------------------------------------------------------------------------------------

SCHEMES = ("http", "https", "udp")
WHERE = {
    "metainfo/urls.py": "which schemes a URL may have",
    "net/http.py": "the default port, and whether TLS is used",
    "tracker.py": "the URL of our own tracker",
}
SERVERS = ("serving/", "testing/")
"""Folders that make URLs of their own servers, and use no tracker."""


def scheme_literals(path: Path) -> Iterator[str]:
    """The strings in a module that are the name of a scheme, or begin a URL with one; docstrings are none."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in statements:
            scheme, separator, _ = node.value.partition("://")
            if node.value in SCHEMES or (separator and scheme in SCHEMES):
                yield node.value


def test_schemes_are_compared_in_one_place() -> None:
    root = Path(bittorrent_threads.__file__).parent
    found: Set[str] = {
        path.relative_to(root).as_posix() for path in sorted(root.rglob("*.py")) if any(scheme_literals(path))
    }
    assert {name for name in found if not name.startswith(SERVERS)} == set(WHERE)


def test_a_comparison_elsewhere_is_found(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('"""http"""\nif url.startswith("http://") or url == "udp":\n    "https"\n')
    assert list(scheme_literals(path)) == ["http://", "udp"]

from __future__ import annotations

from typing import Dict

import pytest

from bittorrent_threads.serving.access import host_objection, host_of, page_objection

HERE = frozenset({"https://example.org"})


@pytest.mark.parametrize(
    "host", ["", "localhost", "localhost:80", "127.0.0.1:1", "[::1]:80", "LOCALHOST", "nas.lan:8000"]
)
def test_the_names_of_this_machine(host: str) -> None:
    assert host_objection(host, "NAS.lan") == ""


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "1.2.3.4", "[::2]"]
)
def test_another_name_may_be_rebound(host: str) -> None:
    assert host_objection(host, "127.0.0.1")
    assert host_objection(host, "::1")


def test_an_address_cannot_be_rebound_where_the_server_has_all_of_them() -> None:
    for bound in ("0.0.0.0", "::"):
        assert host_objection("192.168.1.5:80", bound) == ""
        assert host_objection("[fd00::1]:80", bound) == ""
        assert host_objection("evil.example", bound)
        assert host_objection("[evil", bound)


def test_the_host_without_its_port() -> None:
    assert [host_of(host) for host in ("A:1", "[::1]:1", "[::1", "", ":1")] == ["a", "::1", "::1", "", ""]


def page(
    site: str = "", origin: str = "", referer: str = "", mode: str = "no-cors", dest: str = "video"
) -> Dict[str, str]:
    given = {
        "sec-fetch-site": site,
        "origin": origin,
        "referer": referer,
        "sec-fetch-mode": mode,
        "sec-fetch-dest": dest,
    }
    return {name: value for name, value in given.items() if value}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"referer": "http://whatever.example/"},  # a browser that tells no more of it
        page("none"),
        page("same-origin"),
        page("same-site", referer="http://127.0.0.1:8888/lab"),
        page("cross-site", referer="http://localhost:8888/"),
        page("cross-site", origin="http://[::1]:9"),
        page("cross-site", origin="https://example.org"),
        page("cross-site", referer="https://example.org/a/b"),
        page("cross-site", mode="navigate", dest="document"),
        page("", origin="http://localhost"),
    ],
)
def test_pages_that_may_use_it(fields: Dict[str, str]) -> None:
    assert page_objection(fields, HERE) == ""


@pytest.mark.parametrize(
    "fields",
    [
        page("cross-site"),
        page("same-site"),
        page("cross-site", origin="null"),
        page("cross-site", origin="https://evil.example"),
        page("cross-site", referer="https://evil.example/"),
        page("cross-site", referer="https://localhost.evil.example/"),
        page("cross-site", referer="http://localhost@evil.example/"),
        page("cross-site", referer="https://example.org.evil.example/"),
        page("cross-site", origin="file://localhost"),
        page("cross-site", origin="http://[", mode="cors"),
        page("cross-site", mode="navigate", dest="iframe"),
        page("", origin="https://evil.example"),
        page("same-origin", origin="https://evil.example"),
    ],
)
def test_pages_that_may_not(fields: Dict[str, str]) -> None:
    assert page_objection(fields, HERE)
    assert page_objection(fields, {"*"}) == ""

from __future__ import annotations

import selectors
import socket
import sys
from typing import Iterator, List, Tuple

import pytest

from bittorrent_threads.net import selection as module
from bittorrent_threads.net.selection import Selection

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Owner:
    """Closes its socket as the sockets of the library do: it is removed first."""

    def __init__(self, selection: Selection, sock: socket.socket) -> None:
        self.sock = sock
        self.closes = 0
        self._selection = selection
        selection.add(self)

    def on_readable(self) -> None:
        """The tests call the selector themselves."""

    def on_writable(self) -> None:
        """Likewise."""

    def close(self) -> None:
        self.closes += 1
        self._selection.remove(self.sock, self)
        self.sock.close()


@pytest.fixture
def selection() -> Iterator[Selection]:
    made = Selection()
    yield made
    made.close()


@pytest.fixture
def owner(selection: Selection) -> Iterator[Owner]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(b"x")
        yield Owner(selection, ours)


def ready(selection: Selection) -> List[Tuple[object, int]]:
    return [(key.data, mask) for key, mask in selection.selector.select(0)]


def test_a_socket_is_selected_for_what_is_asked(selection: Selection, owner: Owner) -> None:
    assert owner in selection
    assert selection.mask(owner) == 0
    assert ready(selection) == []
    for mask in (READ, WRITE, READ | WRITE, 0, READ):
        selection.select(owner.sock, mask, owner)
        assert selection.mask(owner) == mask
        assert ready(selection) == ([(owner, mask)] if mask else [])
    selection.remove(owner.sock, owner)
    assert owner not in selection
    assert ready(selection) == []


def test_nothing_is_told_to_the_system_if_nothing_changes(selection: Selection, owner: Owner) -> None:
    selection.select(owner.sock, 0, owner)
    selection.select(owner.sock, READ, owner)
    selection.selector.modify = selection.selector.register = None  # type: ignore[method-assign, assignment]
    selection.select(owner.sock, READ, owner)
    assert ready(selection) == [(owner, READ)]


def test_one_that_was_never_selected_can_be_removed_twice(selection: Selection, owner: Owner) -> None:
    selection.remove(None, owner)
    selection.remove(owner.sock, owner)
    assert len(selection) == 0


def test_it_is_full_at_its_capacity(selection: Selection, owner: Owner) -> None:
    assert not selection.full
    selection.capacity = 1
    assert selection.full
    owner.close()
    assert not selection.full


@pytest.mark.parametrize("inherited", [False, True])
def test_closing_closes_every_owner(owner: Owner, selection: Selection, inherited: bool) -> None:
    selection.select(owner.sock, READ, owner)
    (selection.close_inherited if inherited else selection.close)()
    assert owner.closes == 1
    assert owner.sock.fileno() == -1
    assert len(selection) == 0


def test_a_broken_selector_leaves_no_socket_open(owner: Owner, selection: Selection) -> None:
    selection.select(owner.sock, READ, owner)
    selection.selector.close()
    selection.close()
    assert owner.closes == 1
    assert selection.selector.get_map() is None
    owner.sock.close()


def test_the_capacity_where_the_system_tells_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert module._capacity(object()) == module.SELECT_SOCKETS

from __future__ import annotations

import collections
import threading
from typing import Callable, List

import pytest

from bittorrent_threads.errors import SessionClosed
from bittorrent_threads.net.mailbox import Mailbox


def numbered(count: int, made: List[int]) -> List[Callable[[], None]]:
    return [lambda number=number: made.append(number) for number in range(count)]  # type: ignore[misc]


def test_keeps_the_order_and_wakes_for_each() -> None:
    woken: List[int] = []
    made: List[int] = []
    mailbox = Mailbox(lambda: woken.append(len(mailbox)))
    for callback in numbered(3, made):
        mailbox.post(callback)
    for callback in mailbox.take(100):
        callback()
    assert (made, woken, len(mailbox)) == ([0, 1, 2], [1, 2, 3], 0)


def test_takes_a_bounded_number() -> None:
    mailbox = Mailbox(lambda: None)
    callbacks = numbered(5, [])
    for callback in callbacks:
        mailbox.post(callback)
    assert mailbox.take(2) == callbacks[:2]
    assert len(mailbox) == 3


def test_hands_back_what_waits_and_refuses_what_comes_later() -> None:
    mailbox = Mailbox(lambda: None)
    waiting = numbered(2, [])
    for callback in waiting:
        mailbox.post(callback)
    cause = ValueError("broken")
    assert mailbox.close("it is over", cause) == waiting
    with pytest.raises(SessionClosed, match="it is over") as caught:
        mailbox.post(print)
    assert caught.value.__cause__ is cause
    assert mailbox.close("again") == []
    assert mailbox.refusal().reason == "it is over"
    assert mailbox.refusal() is not mailbox.refusal()


def test_a_post_that_meets_the_close_is_refused_and_not_kept() -> None:
    class Late(List[Callable[[], None]]):
        """The callbacks of a mailbox that is closed by another thread in the middle of ``post``."""

        popleft = list.pop

        def append(self, callback: Callable[[], None]) -> None:
            mailbox.close("meanwhile")
            super().append(callback)

    mailbox = Mailbox(lambda: None)
    late = Late()
    mailbox._callbacks = late  # type: ignore[assignment]
    with pytest.raises(SessionClosed):
        mailbox.post(print)
    assert late == []


def test_a_post_that_close_handed_back_is_not_refused_too() -> None:
    handed: List[Callable[[], None]] = []

    class Early(List[Callable[[], None]]):
        def append(self, callback: Callable[[], None]) -> None:
            super().append(callback)
            handed.extend(mailbox.close("meanwhile"))

        def popleft(self) -> Callable[[], None]:
            return self.pop(0)

    mailbox = Mailbox(lambda: None)
    mailbox._callbacks = Early()  # type: ignore[assignment]
    mailbox.post(print)
    assert handed == [print]


def test_every_post_of_many_threads_is_made_handed_back_or_refused() -> None:
    mailbox = Mailbox(lambda: None)
    start = threading.Barrier(5)
    refused: List[int] = []

    def poster() -> None:
        start.wait()
        for callback in numbered(5_000, []):
            try:
                mailbox.post(callback)
            except SessionClosed:
                refused.append(1)

    threads = [threading.Thread(target=poster) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.wait()
    taken = 0
    while taken < 5_000:
        taken += len(mailbox.take(100))
    handed = len(mailbox.close("over"))
    for thread in threads:
        thread.join()
    assert taken + handed + len(refused) == 20_000
    assert len(mailbox) == 0


def test_a_callback_is_withdrawn_while_another_thread_changes_the_queue() -> None:
    mailbox = Mailbox(lambda: None)

    class Contended(collections.deque):  # type: ignore[type-arg]
        """Fails once, as a deque does that changes during a search."""

        failures = 1

        def append(self, callback: object) -> None:
            super().append(callback)
            mailbox._reason = "closed meanwhile"

        def remove(self, callback: object) -> None:
            if self.failures:
                self.failures -= 1
                raise IndexError("deque mutated during remove().")
            super().remove(callback)

    mailbox._callbacks = Contended()
    with pytest.raises(SessionClosed, match="closed meanwhile"):
        mailbox.post(lambda: None)
    assert not mailbox

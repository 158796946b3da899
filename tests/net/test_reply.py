from __future__ import annotations

import threading
from typing import Any, List

import pytest

from bittorrent_threads.errors import BencodeError, BitTorrentError, SessionClosed, WaitTimeout
from bittorrent_threads.net.reply import Reply


def test_a_value_reaches_every_waiter() -> None:
    reply = Reply()
    values: List[Any] = []
    threads = [threading.Thread(target=lambda: values.append(reply.wait(30))) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert not reply.done
    reply.set("value")
    for thread in threads:
        thread.join()
    assert values == ["value"] * 5
    assert reply.done
    assert reply.wait() == "value"


def test_the_first_answer_counts() -> None:
    reply = Reply()
    reply.set(1)
    reply.set(2)
    reply.fail(ValueError())
    assert reply.wait() == 1


def test_each_waiter_gets_its_own_error_chained_to_the_original() -> None:
    def failing() -> None:
        raise BencodeError("not a digit", 7, key="info")

    reply = Reply()
    try:
        failing()
    except BencodeError as error:
        original = error
        reply.fail(error)
    caught = []
    for _ in range(2):
        with pytest.raises(BencodeError) as info:
            reply.wait()
        caught.append(info.value)
    assert caught[0] is not caught[1]
    assert all(error is not original and error.__cause__ is original for error in caught)
    assert (caught[0].offset, caught[0].key, str(caught[0])) == (7, "info", str(original))


def test_an_error_that_was_never_raised_gives_its_cause() -> None:
    cause = ZeroDivisionError()
    closed = SessionClosed("gone")
    closed.__cause__ = cause
    reply = Reply()
    reply.fail(closed)
    with pytest.raises(SessionClosed, match="gone") as info:
        reply.wait()
    assert info.value.__cause__ is cause


def test_waiting_again_and_again_keeps_no_traceback() -> None:
    reply = Reply()
    original = OSError(28, "No space left on device")
    reply.fail(original)
    for _ in range(3):
        with pytest.raises(OSError, match="No space") as info:
            reply.wait()
        assert info.value.errno == 28
    assert original.__traceback__ is None


class Picky(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("picky")


def test_an_error_that_cannot_be_copied_is_named() -> None:
    reply = Reply()
    reply.fail(Picky(1, 2))
    with pytest.raises(BitTorrentError, match="Picky: picky"):
        reply.wait()


@pytest.mark.parametrize("timeout", [0, 0.01])
def test_no_answer_in_time(timeout: float) -> None:
    reply = Reply()
    with pytest.raises(WaitTimeout, match=f"within {timeout:g} s"):
        reply.wait(timeout)
    reply.set("late")
    assert reply.wait(0) == "late"

from __future__ import annotations

import functools
import threading
import weakref
from functools import partial
from typing import Any, Callable, Iterator, List

import pytest
from support.network_thread import NetworkThread

from bittorrent_threads.disk.pool import MAX_OVERTAKEN, Outcome, Pool
from bittorrent_threads.errors import SessionClosed, ThreadError


@pytest.fixture
def network() -> NetworkThread:
    return NetworkThread()


@pytest.fixture
def start(network: NetworkThread) -> Iterator[Callable[..., Pool]]:
    pools: List[Pool] = []

    def start(threads: int, **options: Any) -> Pool:
        pool = Pool(threads, network.post, "bittorrent-test", **options)
        pool.start()
        pools.append(pool)
        return pool

    yield start
    for pool in pools:
        assert pool.close(30)


class Gate:
    """A job that takes as long as the test wants."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.open = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.open.wait(30)


def raised(outcome: Outcome[Any]) -> BaseException:
    assert outcome.error is not None
    return outcome.error


def ignore(outcome: Outcome[Any]) -> None:
    pass


# -- answers -------------------------------------------------------------------------------------------------------


def test_a_job_is_answered_with_its_value(start: Callable[..., Pool], network: NetworkThread) -> None:
    outcome = network.ask(start(2).submit, lambda: 42)
    assert outcome.value(lambda error: 0) == 42


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(), KeyboardInterrupt(), MemoryError()])
def test_a_worker_survives_every_exception(
    start: Callable[..., Pool], network: NetworkThread, error: BaseException
) -> None:
    pool = start(1)

    def job() -> None:
        raise error

    outcome = network.ask(pool.submit, job)
    assert outcome.error is error
    assert outcome.value(lambda error: f"rescued {type(error).__name__}") == f"rescued {type(error).__name__}"
    assert network.ask(pool.submit, lambda: "alive").value(raised) == "alive"


def test_jobs_run_on_named_daemon_threads(start: Callable[..., Pool], network: NetworkThread) -> None:
    thread = network.ask(start(1).submit, threading.current_thread).value(raised)
    assert (thread.name, thread.daemon) == ("bittorrent-test-1", True)


def test_every_thread_is_started_by_start(start: Callable[..., Pool]) -> None:
    start(3)
    names = {thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-test")}
    assert names == {"bittorrent-test-1", "bittorrent-test-2", "bittorrent-test-3"}


def test_waiting_counts_the_jobs_that_have_not_begun(start: Callable[..., Pool], network: NetworkThread) -> None:
    pool, gate = start(1), Gate()
    pool.submit(gate, ignore)
    assert gate.begun.wait(30)
    pool.submit(gate, ignore)
    pool.submit(gate, ignore, background=True)
    assert pool.waiting == 2
    gate.open.set()
    for _ in range(3):
        network.turn()
    assert pool.waiting == 0


# -- nothing is kept alive -----------------------------------------------------------------------------------------


class Thing:
    pass


def test_an_exception_does_not_keep_the_variables_of_its_job(
    start: Callable[..., Pool], network: NetworkThread
) -> None:
    thing = Thing()
    alive = weakref.ref(thing)

    def inner(thing: Thing) -> None:
        raise OSError("inner")

    def job(thing: Thing) -> None:
        try:
            inner(thing)
        except OSError as error:
            raise ValueError("outer") from error

    pool = start(1)
    outcome = network.ask(pool.submit, partial(job, thing))
    del thing
    network.ask(pool.submit, lambda: None)  # the worker lets go of a job after it has posted
    assert str(outcome.error) == "outer"
    assert outcome.error.__traceback__ is not None, "the lines are still there"
    assert alive() is None


def test_an_idle_worker_does_not_keep_its_last_job(start: Callable[..., Pool], network: NetworkThread) -> None:
    thing, gone = Thing(), threading.Event()
    weakref.finalize(thing, gone.set)
    network.ask(start(1).submit, partial(id, thing))
    del thing
    assert gone.wait(30)


# -- foreground and background -------------------------------------------------------------------------------------


def test_background_jobs_never_take_the_last_worker(start: Callable[..., Pool], network: NetworkThread) -> None:
    pool = start(3)
    gates = [Gate() for _ in range(4)]
    for gate in gates:
        pool.submit(gate, ignore, background=True)
    assert gates[0].begun.wait(30)
    assert gates[1].begun.wait(30)
    assert network.ask(pool.submit, lambda: "at once").value(raised) == "at once"
    assert not gates[2].begun.is_set()
    gates[0].open.set()
    assert gates[2].begun.wait(30), "the next one takes the place of the one that ended"
    for gate in gates:
        gate.open.set()
    for _ in gates:
        network.turn()


def test_a_single_worker_does_both(start: Callable[..., Pool], network: NetworkThread) -> None:
    pool = start(1)
    order: List[str] = []
    pool.submit(lambda: order.append("back"), ignore, background=True)
    network.turn()
    pool.submit(lambda: order.append("front"), ignore)
    network.turn()
    assert order == ["back", "front"]


def test_background_jobs_wait_for_all_others_but_not_for_ever(
    start: Callable[..., Pool], network: NetworkThread
) -> None:
    pool, gate = start(1), Gate()
    order: List[str] = []
    pool.submit(gate, ignore)
    assert gate.begun.wait(30)
    for number in range(2):
        pool.submit(functools.partial(order.append, f"back {number}"), ignore, background=True)
    for _ in range(MAX_OVERTAKEN + 5):
        pool.submit(lambda: order.append("front"), ignore)
    gate.open.set()
    network.turn_until(lambda: len(order) == MAX_OVERTAKEN + 7 and pool.waiting == 0 and network.idle)
    assert order == ["front"] * MAX_OVERTAKEN + ["back 0"] + ["front"] * 5 + ["back 1"]


def test_urgent_jobs_begin_first_and_take_turns_with_the_others(
    start: Callable[..., Pool], network: NetworkThread
) -> None:
    pool, gate = start(1), Gate()
    order: List[str] = []
    pool.submit(gate, ignore)
    assert gate.begun.wait(30)
    pool.submit(functools.partial(order.append, "back"), ignore, background=True)
    for number in range(3):
        pool.submit(functools.partial(order.append, f"front {number}"), ignore)
    for number in range(3):
        pool.submit(functools.partial(order.append, f"urgent {number}"), ignore, urgent=True)
    assert pool.waiting == 7
    gate.open.set()
    network.turn_until(lambda: pool.waiting == 0 and network.idle and len(order) == 7)
    turns = [f"{kind} {number}" for number in range(3) for kind in ("urgent", "front")]
    assert order == [*turns, "back"]


# -- the end -------------------------------------------------------------------------------------------------------


def test_close_answers_the_jobs_that_have_not_begun(start: Callable[..., Pool], network: NetworkThread) -> None:
    pool, gate = start(1), Gate()
    outcomes: List[Outcome[None]] = []
    pool.submit(gate, outcomes.append)
    assert gate.begun.wait(30)
    ran: List[int] = []
    pool.submit(lambda: ran.append(1), outcomes.append)
    pool.submit(lambda: ran.append(2), outcomes.append, background=True)
    pool.submit(lambda: ran.append(3), outcomes.append, urgent=True)
    assert pool.close(0.01) is False, "one job still runs"
    gate.open.set()
    assert pool.close(30) is True
    while not network.idle:
        network.turn()
    assert ran == []
    names = sorted(type(outcome.error).__name__ for outcome in outcomes)
    assert names == ["NoneType", "SessionClosed", "SessionClosed", "SessionClosed"]


def test_a_closed_pool_refuses_jobs(start: Callable[..., Pool]) -> None:
    pool = start(2)
    assert pool.close(30)
    assert pool.close(30)
    with pytest.raises(SessionClosed):
        pool.submit(lambda: None, ignore)


def test_a_pool_that_never_started_can_be_closed(network: NetworkThread) -> None:
    assert Pool(2, network.post).close(0)


def test_an_ended_network_thread_is_no_error(start: Callable[..., Pool], network: NetworkThread) -> None:
    pool = start(1)
    network.closed = True
    done = threading.Event()
    pool.submit(lambda: None, ignore)
    pool.submit(done.set, ignore)
    assert done.wait(30), "the worker lives"


def test_the_last_worker_to_end_calls_finish(start: Callable[..., Pool], network: NetworkThread) -> None:
    finished: List[bool] = []
    gate = Gate()
    pool = start(3, finish=lambda: finished.append(gate.open.is_set()))
    pool.submit(gate, ignore)
    assert gate.begun.wait(30)
    assert pool.close(0.01) is False
    assert finished == []
    gate.open.set()
    assert pool.close(30)
    assert finished == [True]


def test_joining_takes_no_lock_that_a_worker_needs(start: Callable[..., Pool]) -> None:
    pool = start(2)
    with pool._lock:
        assert not pool.join(0.01)


def test_a_pool_that_got_too_few_threads_ends_those_it_has(
    network: NetworkThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, started = threading.Thread.start, []

    def start(thread: threading.Thread) -> None:
        if thread.name == "bittorrent-test-3":
            raise RuntimeError("can't start new thread")
        started.append(thread.name)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    finished: List[int] = []
    pool = Pool(4, network.post, "bittorrent-test", finish=lambda: finished.append(1))
    with pytest.raises(ThreadError, match="bittorrent-test-3: can't start new thread") as caught:
        pool.start()
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert pool.close(30)
    assert pool.close(30)
    assert (started, finished) == (["bittorrent-test-1", "bittorrent-test-2"], [1])


def test_in_a_fork_nothing_is_touched(start: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch) -> None:
    pool = start(1)
    with monkeypatch.context() as patch, pool._lock:
        patch.setattr("bittorrent_threads.disk.pool.os.getpid", lambda: -1)
        with pytest.raises(SessionClosed, match="parent process"):
            pool.submit(lambda: None, ignore)
        assert pool.close(30)


def test_many_jobs_from_many_threads_are_answered_once_each(start: Callable[..., Pool], network: NetworkThread) -> None:
    pool = start(4)
    values: List[int] = []

    def refused(error: BaseException) -> int:
        raise error

    def submit(first: int) -> None:
        for number in range(first, first + 200):
            pool.submit(
                functools.partial(int, number),
                lambda outcome: values.append(outcome.value(refused)),
                background=bool(number % 3),
            )

    threads = [threading.Thread(target=submit, args=(first,)) for first in range(0, 1000, 200)]
    for thread in threads:
        thread.start()
    network.turn_until(lambda: len(values) == 1000)
    for thread in threads:
        thread.join()
    assert sorted(values) == list(range(1000))

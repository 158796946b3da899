from __future__ import annotations

import logging
import os
import queue
import selectors
import signal
import socket
import subprocess
import sys
import threading
from typing import Any, List, Optional

import pytest
from support.loopback import PATIENCE, ROOT, Plain, Recorder, close_all, dialled, run_child

from bittorrent_threads.errors import BencodeError, SessionClosed, StateError, WaitTimeout
from bittorrent_threads.net import loop as loop_module
from bittorrent_threads.net import selection as selection_module
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings


@pytest.fixture
def events() -> List[str]:
    return []


def nothing() -> None:
    pass


# -- the life of the thread --------------------------------------------------------------------------------------------


def test_runs_on_its_own_daemon_thread(loop: Loop) -> None:
    thread = loop.call(threading.current_thread)
    assert (thread.name, thread.daemon) == ("bittorrent-net", True)
    assert thread is not threading.current_thread()


def test_starts_once(loop: Loop) -> None:
    with pytest.raises(StateError, match="start: the network thread was started already"):
        loop.start()


def test_needs_a_start_for_a_call_but_not_for_an_end() -> None:
    loop = Loop(Settings())
    with pytest.raises(StateError, match="call: the network thread was not started"):
        loop.call(int)
    assert loop.join(0)
    reply = loop.reply()
    loop.stop()
    loop.stop()
    for late in (reply.wait, lambda: loop.call(int), lambda: loop.post(nothing), loop.reply, loop.start):
        with pytest.raises(SessionClosed, match="the session is closed"):
            late()


def test_callbacks_posted_before_the_stop_are_made_and_those_after_it_refused(events: List[str]) -> None:
    loop = Loop(Settings())
    for _ in range(3000):
        loop.post(lambda: events.append("made"))
    loop.stop()
    assert events == []  # it was never started: no thread could make them

    loop = Loop(Settings())
    loop.start()
    for _ in range(3000):
        loop.post(lambda: events.append("made"))
    loop.stop()
    assert loop.join(PATIENCE)
    assert len(events) == 3000
    with pytest.raises(SessionClosed) as caught:
        loop.post(nothing)
    assert caught.value.__cause__ is None


def test_stopping_on_its_own_thread(events: List[str]) -> None:
    loop = Loop(Settings())
    loop.start()
    loop.call(loop.stop)
    assert loop.join(PATIENCE)


def test_stopping_closes_every_socket_and_wakes_every_waiter(plain: Plain) -> None:
    loop = Loop(Settings())
    loop.start()
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    listener = loop.call(lambda: loop.listen("", 0, lambda stream: None))
    reply = loop.reply()
    loop.stop()
    with sock:
        assert sock.recv(1) == b""
    with pytest.raises(SessionClosed):
        reply.wait(PATIENCE)
    assert loop.join(PATIENCE)
    assert stream.closed
    assert handler.closes == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port))


def test_join_gives_up_in_time(loop: Loop) -> None:
    assert not loop.join(0.01)
    with pytest.raises(StateError, match="cannot wait for its own end"):
        loop.call(loop.join)


# -- calls from other threads ------------------------------------------------------------------------------------------


def test_call_returns_and_raises_what_the_function_does(loop: Loop) -> None:
    assert loop.call(lambda: 6 * 7) == 42

    def fail() -> None:
        raise BencodeError("not a digit", 7)

    with pytest.raises(BencodeError) as caught:
        loop.call(fail)
    assert isinstance(caught.value.__cause__, BencodeError)
    assert caught.value.offset == 7


def test_call_on_the_loops_own_thread_is_refused(loop: Loop) -> None:
    with pytest.raises(StateError, match="cannot wait for itself"):
        loop.call(lambda: loop.call(int))


def test_call_times_out_while_the_loop_is_stuck(loop: Loop) -> None:
    stuck, release = threading.Event(), threading.Event()

    def hold() -> None:
        stuck.set()
        release.wait(PATIENCE)

    loop.post(hold)
    assert stuck.wait(PATIENCE)
    with pytest.raises(WaitTimeout):
        loop.call(int, timeout=0.05)
    release.set()


def test_posts_of_many_threads_keep_their_order(loop: Loop) -> None:
    made: List[Any] = []

    def numbered(name: int) -> None:
        for number in range(2000):
            loop.post(lambda number=number: made.append((name, number)))  # type: ignore[misc]

    threads = [threading.Thread(target=numbered, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loop.call(int)
    for name in range(4):
        assert [number for who, number in made if who == name] == list(range(2000))


def test_an_idle_loop_is_woken_by_every_post(loop: Loop) -> None:
    for number in range(300):
        assert loop.call(lambda number=number: number, timeout=PATIENCE) == number  # type: ignore[misc]


def test_a_post_just_before_the_wait_is_not_overlooked(loop: Loop) -> None:
    posted = threading.Event()
    arm = loop._wakeup.arm

    def arm_too_late() -> None:
        loop._wakeup.arm = arm  # type: ignore[method-assign]
        loop.post(posted.set)
        arm()

    loop._wakeup.arm = arm_too_late  # type: ignore[method-assign]
    loop.call(int)
    assert posted.wait(PATIENCE)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="POSIX timers")
def test_posting_from_a_signal_handler_in_the_middle_of_posting(loop: Loop) -> None:
    made: List[int] = []
    posted: List[int] = []

    def on_alarm(*_: Any) -> None:
        posted.append(1)
        loop.post(lambda: made.append(1))

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        while len(posted) < 50:
            loop.call(int)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    loop.call(int)
    assert len(made) == len(posted)


# -- the pass ----------------------------------------------------------------------------------------------------------


def test_the_order_of_a_pass(loop: Loop, plain: Plain, events: List[str]) -> None:
    handler = Recorder(lambda data: events.append("read"))
    stream, sock = dialled(loop, plain, handler)
    handler.on_drained = lambda: events.append("output")  # type: ignore[method-assign]
    select = loop.selection.selector.select

    def select_with_all_ready(timeout: Optional[float] = None) -> Any:
        sock.sendall(b"x")
        loop.selection.selector.select = select  # type: ignore[method-assign]
        ready = select(PATIENCE)
        while not any(key.data is stream for key, _ in ready):
            ready = select(PATIENCE)
        loop.post(posted)
        return ready

    def posted() -> None:
        events.append("posted")
        stream.send([b"y"])
        loop.defer(deferred)
        loop.call_later(0, lambda: events.append("timer"))

    def deferred() -> None:
        events.append("deferred")
        loop.post(lambda: events.append("posted meanwhile"))
        loop.defer(lambda: events.append("deferred again"))

    with sock:
        loop.selection.selector.select = select_with_all_ready  # type: ignore[method-assign]
        loop.call(int)
        while len(events) < 7:
            loop.call(int)
        loop.call(stream.close)
    assert events == ["posted", "timer", "read", "deferred", "output", "posted meanwhile", "deferred again"]


def test_what_is_deferred_comes_after_all_reading_and_before_output(
    loop: Loop, plain: Plain, events: List[str]
) -> None:
    def on_received(data: bytes) -> None:
        events.append("read")
        loop.defer(lambda: events.append("deferred"))

    pairs = [dialled(loop, plain, Recorder(on_received)) for _ in range(5)]

    def all_ready() -> None:
        for _, sock in pairs:
            sock.sendall(b"x")

    loop.call(all_ready)
    while len(events) < 10:
        loop.call(int)
    assert events == ["read"] * 5 + ["deferred"] * 5
    close_all(loop, pairs)


def test_now_stands_still_in_a_pass_and_moves_between_passes() -> None:
    ticks = iter(range(1, 1_000_000))
    loop = Loop(Settings(), clock=lambda: float(next(ticks)))
    loop.start()

    times: List[float] = []
    done = threading.Event()

    def note() -> None:
        times.extend([loop.now(), loop.now()])

    def in_two_passes() -> None:
        note()
        loop.call_later(0.5, note)
        loop.call_later(0.6, done.set)

    loop.post(in_two_passes)
    assert done.wait(PATIENCE)
    assert times[0] == times[1] < times[2] == times[3]
    loop.stop()
    assert loop.join(PATIENCE)


def test_timers(loop: Loop, events: List[str]) -> None:
    done = threading.Event()

    def begin() -> None:
        loop.call_later(0.02, lambda: events.append("later"))
        loop.call_later(0.01, lambda: events.append("sooner"))
        loop.call_later(0.01, lambda: events.append("never")).cancel()
        loop.call_later(0.03, done.set)

    loop.call(begin)
    assert done.wait(PATIENCE)
    assert events == ["sooner", "later"]


def test_callbacks_that_beget_callbacks_do_not_shut_out_the_sockets(loop: Loop, plain: Plain) -> None:
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    running = [True]

    def breed_deferred() -> None:
        if running[0]:
            loop.defer(breed_deferred)

    def breed_posted() -> None:
        if running[0]:
            loop.post(breed_posted)

    def breed_timed() -> None:
        if running[0]:
            loop.call_later(0, breed_timed)

    with sock:
        for breed in (breed_deferred, breed_posted, breed_timed):
            loop.call(breed)
        sock.sendall(b"x")
        handler.wait_received(1)
        running[0] = False
        loop.call(stream.close)


def test_an_idle_loop_waits(loop: Loop) -> None:
    idle: queue.SimpleQueue[Optional[float]] = queue.SimpleQueue()
    select = loop.selection.selector.select

    def noted(timeout: Optional[float] = None) -> Any:
        if not loop._mailbox:  # else something was posted a moment ago, and it must not wait
            idle.put(timeout)
        return select(timeout)

    loop.selection.selector.select = noted  # type: ignore[method-assign]
    loop.call(int)
    waits = [idle.get(timeout=PATIENCE)]
    loop.call(lambda: loop.call_later(1e9, nothing))
    while waits[-1] != loop_module.MAX_SELECT:
        waits.append(idle.get(timeout=PATIENCE))
    del loop.selection.selector.select
    loop.call(int)
    while not idle.empty():
        waits.append(idle.get())
    assert set(waits) == {None, loop_module.MAX_SELECT}


def test_a_busy_loop_is_not_woken(loop: Loop) -> None:
    bytes_sent: List[int] = []
    writer = loop._wakeup._writer

    class Writer:
        def send(self, data: bytes) -> int:
            bytes_sent.append(len(data))
            return writer.send(data)

        def close(self) -> None:
            writer.close()

    loop.call(int)
    while not loop._wakeup._armed:
        pass
    loop._wakeup._writer = Writer()  # type: ignore[assignment]

    def busy() -> None:
        for _ in range(100):
            loop.post(nothing)

    loop.call(busy)
    loop.call(int)
    assert 1 <= len(bytes_sent) <= 2


# -- faults ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["post", "defer", "call_later"])
def test_a_callback_that_raises_is_logged_and_the_loop_goes_on(
    loop: Loop, faults: List[Exception], caplog: pytest.LogCaptureFixture, how: str
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("a bug")

    begin = {"post": fail, "defer": lambda: loop.defer(fail), "call_later": lambda: loop.call_later(0, fail)}[how]
    loop.post(begin)  # type: ignore[arg-type]
    while not faults:
        loop.call(int)
    assert [str(error) for error in faults] == ["a bug"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is faults[0]
    faults.clear()


def test_a_hook_that_raises_is_logged_too(
    loop: Loop, faults: List[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def hook(error: Exception) -> None:
        raise KeyError("in the hook")

    loop.on_fault = hook
    loop.post(lambda: 1 / 0)  # type: ignore[arg-type]
    loop.call(int)
    assert [record.getMessage() for record in caplog.records] == [
        "a callback on the network thread failed",
        "a hook of the network thread failed",
    ]


def test_a_crash_of_the_loop_wakes_every_waiter_with_the_cause(plain: Plain, caplog: pytest.LogCaptureFixture) -> None:
    loop = Loop(Settings())
    loop.start()
    crashes: List[Any] = []
    loop.on_end = crashes.append
    stream, sock = dialled(loop, plain, Recorder())
    held, release = threading.Event(), threading.Event()
    outcomes: List[BaseException] = []

    def wait_for_answer() -> None:
        try:
            loop.call(int)
        except BaseException as error:
            outcomes.append(error)

    def sabotage() -> None:
        def select(timeout: Optional[float] = None) -> Any:
            held.set()
            release.wait(PATIENCE)
            raise OSError(9, "Bad file descriptor")

        loop.selection.selector.select = select  # type: ignore[method-assign]

    reply = loop.reply()
    loop.post(sabotage)
    held.wait(PATIENCE)
    waiters = [threading.Thread(target=wait_for_answer) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    while len(loop._mailbox) < 3:
        pass
    release.set()
    for waiter in waiters:
        waiter.join()
    with sock:
        assert sock.recv(1) == b""
    with pytest.raises(SessionClosed, match="the network thread failed: OSError:") as caught:
        reply.wait(PATIENCE)
    outcomes.append(caught.value)
    with pytest.raises(SessionClosed) as caught:
        loop.call(int)
    outcomes.append(caught.value)
    assert loop.join(PATIENCE)
    assert len(crashes) == 1
    assert all(isinstance(error, SessionClosed) and error.__cause__ is crashes[0] for error in outcomes)
    assert len({id(error) for error in outcomes}) == 5
    assert stream.closed
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]


def test_a_socket_that_the_selector_refuses_costs_only_itself(
    loop: Loop, plain: Plain, faults: List[Exception]
) -> None:
    handler = Recorder()
    register = loop.selection.selector.register

    def refuse(*args: Any) -> Any:
        raise OSError(28, "No space left on device")

    loop.selection.selector.register = refuse  # type: ignore[method-assign,assignment]
    loop.call(lambda: loop.connect(plain.address, handler, 5))
    while not faults:
        loop.call(int)
    loop.selection.selector.register = register  # type: ignore[method-assign]
    faults.clear()
    plain.accept().close()
    stream, sock = dialled(loop, plain, Recorder())
    sock.close()
    loop.call(stream.close)


# -- the process -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("selector", [selectors.SelectSelector, getattr(selectors, "PollSelector", None)])
def test_works_with_the_selectors_of_other_systems(
    monkeypatch: pytest.MonkeyPatch, plain: Plain, selector: Any
) -> None:
    if selector is None:
        pytest.skip("no such selector")
    monkeypatch.setattr(selection_module, "DefaultSelector", selector)
    loop = Loop(Settings())
    assert 0 < loop.capacity <= (500 if selector is selectors.SelectSelector else 1 << 20)
    loop.start()
    handler = Recorder()
    stream, sock = dialled(loop, plain, handler)
    with sock:
        sock.sendall(b"x")
        handler.wait_received(1)
        loop.call(lambda: stream.send([bytes(10_000_000)]))
        total = 0
        while total < 10_000_000:
            total += len(sock.recv(1 << 20))
    loop.stop()
    assert loop.join(PATIENCE)


FORKED = """
import os, socket, warnings
from bittorrent_threads.errors import SessionClosed
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings
from support.loopback import Plain, Recorder, dialled, received_by

warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12, about forking with threads: that is the test
loop = Loop(Settings())
loop.start()
plain = Plain()
handler = Recorder()
stream, sock = dialled(loop, plain, handler)
sockets = lambda: sum(os.readlink(f"/proc/self/fd/{name}").startswith(("socket", "anon_inode"))
                      for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}"))
child = os.fork()
if not child:
    code = 1
    try:
        for call in (lambda: loop.call(int), lambda: loop.post(int), loop.reply):
            try:
                call()
            except SessionClosed as error:
                assert "belongs to the parent" in str(error), error
            else:
                raise AssertionError("not refused")
        before = sockets()
        loop.close_inherited()
        loop.stop()
        assert loop.join(30)
        assert before - sockets() == 4, (before, sockets())  # the stream, both ends of the wake-up, the selector
        code = 0
    finally:
        os._exit(code)
assert os.waitpid(child, 0)[1] == 0
sock.sendall(b"after the fork")
handler.wait_received(14)
loop.call(lambda: stream.send([b"the parent goes on"]))
assert received_by(sock, 18) == b"the parent goes on"
loop.stop()
assert loop.join(30)
sock.close()
plain.socket.close()
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts descriptors in /proc")
def test_after_a_fork_the_child_is_dead_and_the_parent_goes_on() -> None:
    run_child(FORKED)


INTERRUPTED = """
import threading
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings

loop = Loop(Settings())
loop.start()
release = threading.Event()
try:
    loop.call(lambda: (print("waiting", flush=True), release.wait(30)))
except KeyboardInterrupt:
    print("interrupted", flush=True)
release.set()
print(loop.call(lambda: "usable"), flush=True)
loop.stop()
print(loop.join(30))
"""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_ends_a_call_and_leaves_the_loop_usable() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "waiting\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.read().split() == ["interrupted", "usable", "True"], child.stderr.read()


def test_a_program_that_forgets_the_loop_still_ends() -> None:
    run_child(
        "from bittorrent_threads.net.loop import Loop\n"
        "from bittorrent_threads.settings import Settings\n"
        "loop = Loop(Settings())\nloop.start()\nloop.call(int)\n"
    )

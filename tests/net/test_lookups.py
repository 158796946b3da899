from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import Any, Iterator, List

import pytest
from support.loopback import PATIENCE, run_child
from support.webserver import WebServer, ok, silence

from bittorrent_threads.errors import SettingsError, TrackerError
from bittorrent_threads.net import lookups as lookups_module
from bittorrent_threads.net import resolver as resolver_module
from bittorrent_threads.net.interfaces import Fetched, Resolved
from bittorrent_threads.net.lookups import Lookups
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings
from bittorrent_threads.version import __version__


@pytest.fixture
def settings() -> Settings:
    return Settings(lookup_threads=2)


@pytest.fixture
def lookups(loop: Loop, settings: Settings) -> Iterator[Lookups]:
    lookups = Lookups(settings, loop)
    yield lookups
    assert lookups.close(PATIENCE)


class Answers:
    """What was delivered, and on which thread."""

    def __init__(self) -> None:
        self.given: List[Any] = []
        self.threads: List[str] = []
        self._changed = threading.Condition()

    def __call__(self, answer: Any) -> None:
        with self._changed:
            self.given.append(answer)
            self.threads.append(threading.current_thread().name)
            self._changed.notify_all()

    def wait(self, count: int = 1) -> List[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.given) >= count, PATIENCE)
            return self.given


def workers() -> List[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("bittorrent-lookup"))


class Resolver:
    """A resolver of the system that hangs until it is released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hanging = threading.Semaphore(0)
        self.release = threading.Event()
        self.asked: List[str] = []
        monkeypatch.setattr(socket, "getaddrinfo", self._ask)

    def _ask(self, host: str, port: int, **_: Any) -> Any:
        self.asked.append(host)
        if host != "quick":
            self.hanging.release()
            self.release.wait(PATIENCE)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    def wait(self) -> None:
        assert self.hanging.acquire(timeout=PATIENCE)


def pass_minutes(loop: Loop) -> None:
    """Move the clock of this loop alone forward, and call what is due by then."""
    loop._clock = lambda: time.monotonic() + 600
    due = threading.Event()
    loop.call(lambda: loop.call_later(0, due.set))
    assert due.wait(PATIENCE)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver(monkeypatch)
    yield resolver
    resolver.release.set()


# -- answers -----------------------------------------------------------------------------------------------------------


def test_fetches(loop: Loop, lookups: Lookups) -> None:
    answers = Answers()
    assert workers() == []
    with WebServer(ok(b"", "Location: /announce/moved", status="302 Found"), ok(b"body", status="404 No")) as server:
        loop.call(lambda: lookups.fetch(server.url(), PATIENCE, 1000, answers))
        assert answers.wait() == [Fetched(server.url("/announce/moved"), 404, b"body", None, "127.0.0.1")]
    assert answers.threads == ["bittorrent-net"]
    assert workers() == ["bittorrent-lookup-1"]
    assert f"User-Agent: bittorrent_threads/{__version__}\r\n".encode() in server.requests[0]


def test_resolves(loop: Loop, lookups: Lookups) -> None:
    answers = Answers()
    loop.call(lambda: lookups.resolve("::1", 6881, PATIENCE, answers))
    assert answers.wait() == [Resolved((("::1", 6881),), None)]
    assert answers.threads == ["bittorrent-net"]


def test_errors_are_answers(loop: Loop, lookups: Lookups) -> None:
    answers = Answers()
    loop.call(lambda: lookups.fetch("ftp://example.com/x", PATIENCE, 1000, answers))
    loop.call(lambda: lookups.resolve("a..b", 1, PATIENCE, answers))
    fetched, resolved = sorted(answers.wait(2), key=len, reverse=True)
    assert fetched[:3] == ("ftp://example.com/x", 0, b"")
    assert isinstance(fetched.error, TrackerError)
    assert fetched.error.url == "ftp://example.com/x"
    assert resolved.addresses == ()
    assert isinstance(resolved.error, TrackerError)


def test_an_answer_is_never_given_inside_the_call(
    loop: Loop, lookups: Lookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups_module, "MAX_WAITING", -10)
    answers = Answers()

    def ask() -> int:
        lookups.resolve("quick", 1, PATIENCE, answers)
        return len(answers.given)

    assert loop.call(ask) == 0
    (answer,) = answers.wait()
    assert "look-ups wait already" in str(answer.error)


def test_a_bug_in_a_worker_is_an_answer_and_the_worker_lives(
    loop: Loop, lookups: Lookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a bug")

    answers = Answers()
    with monkeypatch.context() as patched:
        patched.setattr("bittorrent_threads.net.resolver.resolve", broken)
        loop.call(lambda: lookups.resolve("127.0.0.1", 1, PATIENCE, answers))
        (answer,) = answers.wait()
    assert answer.error.reason == "look-up failed: ZeroDivisionError: a bug"
    assert isinstance(answer.error.__cause__, ZeroDivisionError)
    loop.call(lambda: lookups.resolve("127.0.0.1", 1, PATIENCE, answers))
    assert answers.wait(2)[1].error is None


def test_settings_reach_the_request(loop: Loop) -> None:
    settings = Settings(user_agent="mine/2", allow_private_trackers=False)
    lookups = Lookups(settings, loop)
    answers = Answers()
    with WebServer(ok(b"x")) as server:
        loop.call(lambda: lookups.fetch(server.url(), PATIENCE, 1000, answers))
        loop.call(lambda: lookups.resolve("127.0.0.1", 1, PATIENCE, answers))
        assert ["not public" in str(answer.error) for answer in answers.wait(2)] == [True, True]
        lookups._allow_private = True
        loop.call(lambda: lookups.fetch(server.url(), PATIENCE, 1000, answers))
        answers.wait(3)
        assert b"User-Agent: mine/2\r\n" in server.requests[0]
    assert lookups.close(PATIENCE)


def test_a_malformed_url_is_an_answer(loop: Loop, lookups: Lookups) -> None:
    answers = Answers()
    loop.call(lambda: lookups.fetch("http://[::1", PATIENCE, 1000, answers))
    (answer,) = answers.wait()
    assert "URL is malformed" in str(answer.error)


def test_a_name_that_waited_too_long_for_a_worker_is_not_resolved(loop: Loop, lookups: Lookups) -> None:
    found: List[Any] = []

    queue, late = lookups._dispatched, Answers()

    class Intercepted:
        """Keeps requests from the workers."""

        get = staticmethod(queue.get)
        put = staticmethod(found.append)

    lookups._dispatched = Intercepted()  # type: ignore[assignment]
    loop.call(lambda: lookups.resolve("127.0.0.1", 1, 0.0, late))
    assert "no answer within 0 s" in str(late.wait()[0].error)
    with pytest.raises(TrackerError, match="not resolved in time"):
        found[0].work()
    lookups._dispatched = queue
    loop.call(lambda: queue.put(found[0]))


def test_a_request_comes_from_the_address_of_the_session(loop: Loop) -> None:
    lookups = Lookups(Settings(host="127.0.0.5"), loop)
    answers = Answers()
    came: List[str] = []

    def note(sock: socket.socket, server: WebServer) -> None:
        came.append(sock.getpeername()[0])
        sock.sendall(ok(b"x"))

    with WebServer(note) as server:
        loop.call(lambda: lookups.fetch(server.url(), PATIENCE, 1000, answers))
        answers.wait()
        loop.call(lambda: lookups.fetch(server.url(), PATIENCE, 1000, answers, source="127.0.0.6"))
        answers.wait(2)
    assert came == ["127.0.0.5", "127.0.0.6"]
    assert lookups.close(PATIENCE)


@pytest.mark.parametrize("name", ["a\r\nb", "ü", "a\tb"])
def test_a_user_agent_that_is_no_header(loop: Loop, name: str) -> None:
    with pytest.raises(SettingsError, match="user_agent"):
        Lookups(Settings(user_agent=name), loop)


def test_one_tls_context_for_all(loop: Loop, lookups: Lookups, monkeypatch: pytest.MonkeyPatch) -> None:
    made: List[ssl.SSLContext] = []

    def context() -> ssl.SSLContext:
        made.append(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return made[-1]

    monkeypatch.setattr(lookups_module, "default_context", context)
    answers = Answers()
    with WebServer(silence, wrap=lambda sock: (sock.sendall(b"no TLS here"), sock)[1]) as server:
        for _ in range(4):
            loop.call(lambda: lookups.fetch(server.url(scheme="https"), PATIENCE, 1000, answers))
        assert all("TLS failed" in str(answer.error) for answer in answers.wait(4))
    assert len(made) == 1


# -- time and limits ---------------------------------------------------------------------------------------------------


def test_a_resolver_that_hangs_is_answered_for_in_time(loop: Loop, lookups: Lookups, resolver: Resolver) -> None:
    answers = Answers()
    loop.call(lambda: lookups.resolve("hanging", 1, 60, answers))
    loop.call(lambda: lookups.fetch("http://hanging/", 60, 1000, answers))
    resolver.wait()
    resolver.wait()
    pass_minutes(loop)
    reasons = {type(answer): str(answer.error) for answer in answers.wait(2)}
    assert reasons == {
        Resolved: "hanging: no answer within 60 s",
        Fetched: "http://hanging/: no answer within 60 s",
    }
    loop.call(lambda: lookups.resolve("quick", 2, PATIENCE, answers))  # both workers still hang, and another is hired
    assert answers.wait(3)[2].addresses == (("192.0.2.1", 2),)
    resolver.release.set()
    while loop.call(lambda: len(lookups._pending)):
        pass
    assert len(answers.given) == 3  # what came too late was not delivered
    assert lookups._slow == 0


def test_silent_hosts_do_not_keep_a_good_one_waiting(
    loop: Loop, lookups: Lookups, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups_module, "SLOW", 0.05)
    answers = Answers()
    for number in range(6):
        loop.call(lambda number=number: lookups.resolve(f"hanging{number}", 1, 600, answers))  # type: ignore[misc]
    loop.call(lambda: lookups.resolve("quick", 1, 600, answers))
    assert answers.wait()[0].addresses == (("192.0.2.1", 1),)
    assert len(workers()) <= 7
    assert "hanging5" in resolver.asked
    resolver.release.set()
    answers.wait(7)


def test_a_family_that_leads_nowhere_does_not_hold_up_the_other(
    loop: Loop, lookups: Lookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups_module, "SLOW", 0.05)
    answers, silent = Answers(), Answers()
    with WebServer(silence, host="::1") as six, WebServer(ok(b"4")) as four:
        addresses = (("::1", six.port), ("127.0.0.1", four.port))
        monkeypatch.setattr(resolver_module, "resolve", lambda *_, **__: addresses)
        for _ in range(10):
            loop.call(lambda: lookups.fetch("http://tracker.test/announce", 600, 1000, silent, family=6))
        loop.call(lambda: lookups.fetch("http://tracker.test/announce", 600, 1000, answers, family=4))
        assert answers.wait()[0].body == b"4"
        assert silent.given == []
        lookups.close(PATIENCE)


def test_the_slow_are_bounded_too(
    loop: Loop, lookups: Lookups, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups_module, "SLOW", 0.0)
    answers = Answers()
    for number in range(40):
        loop.call(lambda number=number: lookups.resolve(f"hanging{number}", 1, 600, answers))  # type: ignore[misc]
    for _ in range(16):
        resolver.wait()
    assert len(workers()) == 16
    resolver.release.set()
    answers.wait(40)


def test_what_waited_in_vain_never_reaches_a_worker(loop: Loop, lookups: Lookups, resolver: Resolver) -> None:
    answers = Answers()
    for _ in range(4):
        loop.call(lambda: lookups.resolve("hanging", 1, 0.05, answers))  # three at a host, and there are two workers
    answers.wait(4)
    resolver.release.set()
    loop.call(lambda: lookups.resolve("quick", 1, PATIENCE, answers))
    answers.wait(5)
    assert resolver.asked.count("hanging") == 2


def test_one_that_hangs_does_not_hold_up_the_others(loop: Loop, lookups: Lookups, resolver: Resolver) -> None:
    answers = Answers()
    loop.call(lambda: lookups.resolve("hanging", 1, PATIENCE, answers))
    resolver.wait()
    loop.call(lambda: lookups.resolve("quick", 2, PATIENCE, answers))
    assert answers.wait()[0].addresses == (("192.0.2.1", 2),)


def test_no_more_threads_than_set_and_none_before_they_are_needed(
    loop: Loop, lookups: Lookups, resolver: Resolver
) -> None:
    answers = Answers()
    for port in range(3):
        loop.call(lambda port=port: lookups.resolve("quick", port, PATIENCE, answers))  # type: ignore[misc]
        answers.wait(port + 1)
        loop.call(int)
    assert workers() == ["bittorrent-lookup-1"]
    for port in range(10):
        loop.call(lambda port=port: lookups.resolve("hanging", port, PATIENCE, answers))  # type: ignore[misc]
    assert workers() == ["bittorrent-lookup-1", "bittorrent-lookup-2"]
    resolver.release.set()
    answers.wait(13)


def test_no_more_wait_than_are_allowed(
    loop: Loop, lookups: Lookups, resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups_module, "MAX_WAITING", 5)
    answers = Answers()
    for port in range(10):
        loop.call(lambda port=port: lookups.resolve("hanging", port, PATIENCE, answers))  # type: ignore[misc]
    refused = answers.wait(3)
    assert [str(answer.error) for answer in refused] == ["hanging: more than 5 look-ups wait already"] * 3
    resolver.release.set()
    assert sum(answer.error is None for answer in answers.wait(10)) == 7


def test_without_a_thread(loop: Loop, lookups: Lookups, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    answers = Answers()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        loop.call(lambda: lookups.resolve("127.0.0.1", 1, PATIENCE, answers))
        assert "no thread could be started" in str(answers.wait()[0].error)
    loop.call(lambda: lookups.resolve("127.0.0.1", 1, PATIENCE, answers))
    assert answers.wait(2)[1].error is None


# -- the end -----------------------------------------------------------------------------------------------------------


def test_closing_does_not_wait_for_a_hanging_resolver(loop: Loop, settings: Settings, resolver: Resolver) -> None:
    lookups = Lookups(settings, loop)
    answers = Answers()
    loop.call(lambda: lookups.resolve("hanging", 1, 60, answers))
    resolver.wait()
    assert not lookups.close()
    pass_minutes(loop)
    resolver.release.set()
    assert lookups.close(PATIENCE)
    loop.call(int)
    assert answers.given == []


def test_closing_ends_the_requests_under_way(loop: Loop, settings: Settings) -> None:
    lookups = Lookups(settings, loop)
    answers = Answers()
    asked = threading.Semaphore(0)

    def ask(sock: socket.socket, server: WebServer) -> None:
        asked.release()
        silence(sock, server)

    with WebServer(ask) as server:
        for _ in range(5):
            loop.call(lambda: lookups.fetch(server.url(), 60, 1000, answers))
        assert asked.acquire(timeout=PATIENCE)
        assert asked.acquire(timeout=PATIENCE)
        assert lookups.close(PATIENCE)
    loop.call(int)
    assert (answers.given, workers()) == ([], [])


def test_new_work_is_refused_after_the_close(loop: Loop, settings: Settings) -> None:
    lookups = Lookups(settings, loop)
    assert lookups.close()
    assert lookups.close()
    answers = Answers()
    loop.call(lambda: lookups.fetch("http://127.0.0.1/", PATIENCE, 1000, answers))
    assert "look-ups are closed" in str(answers.wait()[0].error)
    assert workers() == []


def test_workers_end_when_there_is_no_loop_to_answer_to(settings: Settings, resolver: Resolver) -> None:
    loop = Loop(settings)
    loop.start()
    lookups = Lookups(settings, loop)
    loop.call(lambda: lookups.resolve("hanging", 1, PATIENCE, print))
    resolver.wait()
    loop.stop()
    assert loop.join(PATIENCE)
    resolver.release.set()
    assert lookups.close(PATIENCE)


HANGING = """
import socket, threading
from bittorrent_threads.net.lookups import Lookups
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings

asked = threading.Event()
socket.getaddrinfo = lambda *_, **__: (asked.set(), threading.Event().wait())
loop = Loop(Settings())
loop.start()
lookups = Lookups(Settings(), loop)
loop.call(lambda: lookups.resolve("hanging", 1, 60, print))
asked.wait()
lookups.close(0.1)
loop.stop()
print(loop.join(30))
"""


def test_a_hanging_resolver_does_not_keep_the_interpreter() -> None:
    assert run_child(HANGING) == "True\n"


FORKED = """
import os, threading, warnings
from bittorrent_threads.net.lookups import Lookups
from bittorrent_threads.net.loop import Loop
from bittorrent_threads.settings import Settings
from support.webserver import WebServer, ok

warnings.simplefilter("ignore", DeprecationWarning)
loop = Loop(Settings())
loop.start()
lookups = Lookups(Settings(), loop)
asked, go, answered = threading.Event(), threading.Event(), threading.Event()
bodies = []

def ask(sock, server):
    asked.set()
    go.wait(30)
    sock.sendall(ok(b"for the parent"))

with WebServer(ask) as server:
    loop.call(lambda: lookups.fetch(server.url(), 30, 1000, lambda answer: (bodies.append(answer), answered.set())))
    asked.wait(30)
    child = os.fork()
    if not child:
        loop.close_inherited()
        lookups.close_inherited()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    go.set()
    assert answered.wait(30)
    assert bodies[0].body == b"for the parent", bodies
    assert lookups.close(30)
loop.stop()
assert loop.join(30)
"""


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="forks")
def test_a_fork_does_not_disturb_a_request_of_the_parent() -> None:
    run_child(FORKED)

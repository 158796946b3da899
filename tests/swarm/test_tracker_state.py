"""What is remembered of a tracker and of its host."""

from __future__ import annotations

import math

from bittorrent_threads.protocol.announce import AnnounceReply
from bittorrent_threads.swarm.tracker_state import HOST_PATIENCE, Host, Tracker


def test_a_host_that_failed_often_is_avoided_and_risked_with_one_announce() -> None:
    host = Host()
    trackers = [Tracker(f"http://a/{number}/announce", host, 0.0, trusted=False) for number in range(9)]
    assert [host.room(under_way) for under_way in (0, 2, 3)] == [True, True, False]
    for tracker in trackers[:HOST_PATIENCE]:
        assert not host.avoided
        tracker.failed("refused", 1.0)
    assert host.avoided
    assert trackers[-1].failing
    assert not trackers[-1].failures
    assert [host.room(under_way) for under_way in (0, 1)] == [True, False]
    trackers[0].answered(AnnounceReply(), 0)
    assert not host.avoided
    assert not trackers[-1].failing
    assert trackers[1].failing


def test_a_new_run_forgets_failures_and_no_objection() -> None:
    good, bad = (Tracker("http://a/", Host(), 0.0, trusted=False, objection=each) for each in ("", "not supported"))
    for tracker in (good, bad):
        tracker.failed("refused", 5.0)
        tracker.refused = True
        tracker.retry_at = math.inf
        tracker.begin(9.0)
        assert (tracker.failures, tracker.retry_at, tracker.due_at, tracker.named) == (0, -math.inf, 9.0, None)
    assert (good.refused, bad.refused) == (False, True)


def test_only_our_own_back_off_is_cut_short() -> None:
    tracker = Tracker("http://a/announce", Host(), 0.0, trusted=False)
    tracker.retry_at, tracker.held = 100.0, True
    tracker.forgive()
    assert tracker.retry_at == 100.0
    tracker.held = False
    tracker.forgive()
    assert tracker.retry_at == -math.inf


def test_a_tracker_id_is_kept_until_there_is_another() -> None:
    tracker = Tracker("http://a/announce", Host(), 0.0, trusted=False)
    for given, kept in ((b"one", b"one"), (b"", b"one"), (b"two", b"two")):
        tracker.answered(AnnounceReply(trackerid=given), 3)
        assert (tracker.trackerid, tracker.named, tracker.started) == (kept, 3, True)


def test_a_completion_is_not_owed_to_a_tracker_that_never_knew_us() -> None:
    tracker = Tracker("http://a/announce", Host(), 0.0, trusted=False)
    tracker.completed_owed = True
    tracker.failed("refused", 0.0)
    assert not tracker.completed_owed

"""The table of transitions: every pair of a phase and an event, and what the user asked for meanwhile."""

from __future__ import annotations

import itertools
from typing import List, Optional

import pytest

from bittorrent_threads.engine.phase import (
    CONNECTED,
    LIVE,
    STARTED,
    TRANSITIONS,
    Event,
    IllegalTransition,
    Lifecycle,
    Phase,
)


def in_phase(phase: Phase) -> Lifecycle:
    """A lifecycle that has come to this phase."""
    lifecycle = Lifecycle()
    lifecycle.phase = phase
    return lifecycle


@pytest.mark.parametrize(("phase", "event"), list(itertools.product(Phase, Event)), ids=lambda each: str(each.value))
def test_what_the_table_does_not_have_is_refused_and_changes_nothing(phase: Phase, event: Event) -> None:
    lifecycle = in_phase(phase)
    following = TRANSITIONS[phase].get(event)
    if following is None:
        with pytest.raises(IllegalTransition, match=f"'{event.value}' while {phase.value}"):
            lifecycle.handle(event)
        assert lifecycle.phase is phase
    else:
        lifecycle.handle(event)
        assert lifecycle.phase is following


def test_every_phase_can_be_reached_and_only_the_last_one_is_not_left() -> None:
    reached = {Phase.STOPPED}
    for _ in Phase:
        reached |= {following for phase in reached for following in TRANSITIONS[phase].values()}
    assert reached == set(Phase)
    assert [phase for phase in Phase if not TRANSITIONS[phase]] == [Phase.CLOSED]


def test_every_started_phase_can_be_stopped_and_no_other() -> None:
    assert {phase for phase in Phase if Event.STOP in TRANSITIONS[phase]} == STARTED
    assert LIVE < CONNECTED < STARTED


def path(*steps: str, metadata: Optional[Event] = Event.METADATA_KNOWN) -> List[str]:
    """The phases after each step: a state that the user asks for, or ``"known"`` for what is on the disk."""
    lifecycle = Lifecycle()
    phases = []
    for step in steps:
        if step == "known":
            lifecycle.go_live()
        else:
            lifecycle.ask(step)
            if lifecycle.phase is Phase.METADATA and metadata is not None:
                lifecycle.handle(metadata)
        phases.append(lifecycle.phase.value)
    return phases


def test_a_start_with_metadata_has_no_connection_before_the_content_is_known() -> None:
    assert path("active", "known") == ["examining", "active"]
    assert not in_phase(Phase.EXAMINING).connected
    assert in_phase(Phase.EXAMINING).started


def test_a_start_without_metadata_is_connected_all_the_time() -> None:
    assert path("active", metadata=None) == ["metadata"]
    assert path("active", "known", metadata=Event.METADATA_RECEIVED) == ["joining", "active"]
    assert in_phase(Phase.METADATA).connected
    assert in_phase(Phase.JOINING).connected
    assert not in_phase(Phase.METADATA).live
    assert not in_phase(Phase.JOINING).live


def test_what_was_asked_for_last_while_the_content_was_not_known_is_done_when_it_is() -> None:
    assert path("paused", "known") == ["examining", "paused"]
    assert path("active", "paused", "known") == ["examining", "examining", "paused"]
    assert path("paused", "active", "known") == ["examining", "examining", "active"]


def test_a_pause_and_a_stop_of_a_live_torrent() -> None:
    assert path("active", "known", "paused", "active", "stopped") == [
        "examining",
        "active",
        "paused",
        "active",
        "stopped",
    ]


def test_a_closed_torrent_takes_nothing_any_more() -> None:
    lifecycle = Lifecycle()
    lifecycle.handle(Event.CLOSE)
    assert lifecycle.closed
    assert not lifecycle.started
    for state in ("active", "paused", "stopped"):
        with pytest.raises(IllegalTransition):
            lifecycle.ask(state)
    assert lifecycle.state == "stopped"

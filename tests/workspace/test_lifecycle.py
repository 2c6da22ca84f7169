"""The state machines: what no sequence of moves can do."""

import pytest

from workspace.lifecycle import (
    RUN_EDGES,
    RUN_TERMINAL,
    STEP_EDGES,
    STEP_TERMINAL,
    RunState,
    StepState,
    before_attempt,
    may_move,
    settled,
)


def test_every_state_has_its_row_and_every_edge_ends_at_a_state() -> None:
    assert set(RUN_EDGES) == set(RunState)
    assert set(STEP_EDGES) == set(StepState)
    assert {RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED} == RUN_TERMINAL
    assert {
        StepState.SUCCEEDED,
        StepState.CACHED,
        StepState.SKIPPED,
        StepState.FAILED,
        StepState.STOPPED,
    } == STEP_TERMINAL


@pytest.mark.parametrize("edges", [RUN_EDGES, STEP_EDGES])
def test_terminal_states_absorb_and_every_other_can_end(edges) -> None:
    for state, targets in edges.items():
        assert may_move(edges, state, state)
        if not targets:
            assert not any(may_move(edges, state, other) for other in edges if other != state)
            continue
        reached, waiting = set(), [state]
        while waiting:
            here = waiting.pop()
            if here not in reached:
                reached.add(here)
                waiting.extend(edges[here])
        assert any(not edges[other] for other in reached)


def test_everything_is_reached_from_pending() -> None:
    for edges, first in ((RUN_EDGES, RunState.PENDING), (STEP_EDGES, StepState.PENDING)):
        reached, waiting = set(), [first]
        while waiting:
            here = waiting.pop()
            if here not in reached:
                reached.add(here)
                waiting.extend(edges[here])
        assert reached == set(edges)


def test_no_step_stays_open_when_its_run_ends() -> None:
    for step in StepState:
        for run in RUN_TERMINAL:
            end = settled(step, run)
            assert end in STEP_TERMINAL
            if step in STEP_TERMINAL:
                assert end is step


def test_a_new_attempt_only_interrupts_what_could_have_been_retried() -> None:
    for state in StepState:
        origin = before_attempt(state)
        assert origin is state or may_move(STEP_EDGES, state, origin)

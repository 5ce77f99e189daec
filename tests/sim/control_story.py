"""What may follow what in the event log of a deployment, said apart from the state machine that is to be checked."""

from routing.control.event import Event
from routing.rollout import FINAL, Rollout, State

GOES = {
    State.PENDING: {State.SHADOWING},
    State.SHADOWING: {State.CANARY, State.AWAITING_APPROVAL},
    State.CANARY: {State.CANARY, State.AWAITING_APPROVAL, State.PROMOTING},
    State.AWAITING_APPROVAL: {State.CANARY, State.PROMOTING},
    State.PROMOTING: {State.WATCHED},
    State.WATCHED: {State.WATCHED, State.DONE},
    State.ROLLING_BACK: {State.ROLLED_BACK, State.ABORTED, State.ROLLING_BACK},
    State.DONE: {State.ROLLING_BACK},
    State.ROLLED_BACK: set(),
    State.ABORTED: set(),
}


def is_a_step(before: Rollout, event: Event) -> None:
    """Whether the state machine can go there in one step."""
    after = event.rollout
    assert event.before == before.state
    if after.name != before.name:
        assert before.over
        assert after.table > before.table
        return
    assert after != before
    assert after.at in (before.at, before.at + 1)
    if after.state is not before.state:
        onwards = GOES[before.state] | (set() if before.state in FINAL else {State.ROLLING_BACK})
        assert after.state in onwards
    if after.table == before.table:
        assert (after.at, after.salt) == (before.at, before.salt), "other arms are another table"
    else:
        assert after.table > before.table

"""One change of a rollout, by the judge or by a person: kept by compare-and-set with its event, or not at all."""

from routing.control.event import Event
from routing.control.store import Kept, Store
from routing.control.view import View, lasting
from routing.rollout import Facts, Rollout, advance

JUDGE = "judge"


async def look(store: Store, kept: Kept, facts: Facts, now: float, fence: int, view: View | None = None) -> Kept:
    """Advance what was read by what is known, and keep it; return what is kept now.

    `now` is unix seconds, `view` what the judge knows. Raises `Stale`, `Fenced` and `ControlError`; then nothing has
    changed.
    """
    if kept.rollout is None:
        return kept
    following = advance(kept.rollout, facts, now)
    if following is kept.rollout:
        return kept
    entered = following.at > kept.rollout.at and following.step.approval
    by = facts.approved if facts.approved and entered else JUDGE
    return await change(store, kept, following, by, now, fence, dict(facts.verdict.numbers), view=view)


async def change(
    store: Store,
    kept: Kept,
    rollout: Rollout,
    by: str,
    now: float,
    fence: int = 0,
    numbers: dict[str, float] | None = None,
    note: str = "",
    view: View | None = None,
) -> Kept:
    """Keep a rollout that somebody has changed, with the event that says so; raises as `look`.

    A `view` of another rollout is none of its.
    """
    before = kept.rollout
    known = lasting(view) if view is not None and view.rollout == rollout.name else None
    event = Event(rollout, "" if before is None else str(before.state), by, now, numbers or {}, note, known)
    return await store.write(kept, event, fence)

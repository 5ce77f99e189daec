"""A rollout's life as a state machine: from what is known at a moment to the next state, and never back by itself.

pending -> shadowing -> canary (step by step, awaiting approval between them) -> promoting -> watched -> done
any of these -> rolling back -> rolled back | aborted

A breach acts in every state, also while a person is waited for. A step begins when every live worker has acknowledged
its table, and not before. What was decided is a new value with a reason; deeds are others' business.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from routing.judge import Rules
from routing.schedule import Schedule, Stage, Step
from routing.table import Canary, Shadow, Table
from routing.verdict import Outcome, Verdict


class State(StrEnum):
    """Where a rollout stands."""

    PENDING = "pending"
    SHADOWING = "shadowing"
    CANARY = "canary"
    AWAITING_APPROVAL = "awaiting approval"
    PROMOTING = "promoting"
    WATCHED = "watched"
    DONE = "done"
    ROLLING_BACK = "rolling back"
    ROLLED_BACK = "rolled back"
    ABORTED = "aborted"


FINAL = frozenset({State.DONE, State.ROLLED_BACK, State.ABORTED})
_OF_STAGE = {Stage.SHADOW: State.SHADOWING, Stage.CANARY: State.CANARY, Stage.WATCHED: State.WATCHED}


@dataclass(frozen=True, slots=True)
class Rollout:
    """One rollout at a moment. `table` is the number of its present table: it grows whenever arms or weights change."""

    name: str
    deployment: str
    champion: str
    candidate: str
    schedule: Schedule
    salt: bytes
    requested_by: str
    table: int
    begun: float
    """When it was requested, in unix seconds: evidence counts from then on, whoever leads."""
    since: float
    """When the present state began."""
    state: State = State.PENDING
    at: int = 0
    """The step's index."""
    entered: float = 0.0
    """When the step began: when every live worker served its table. Waiting for a person begins no other one."""
    settled: bool = False
    """Whether every live worker has acknowledged the present table."""
    digests: dict[str, str] = field(default_factory=dict)
    """What it is bound to: `bundle`, `policy`, `report` (`none` where there is no report)."""
    epoch: int = 0
    """Grows whenever units are drawn anew, with a new salt."""
    drawn: float = 0.0
    """When units were drawn anew last, in unix seconds; 0: not since it began."""
    reason: str = "requested"
    """Why it is in this state."""
    end: State | None = None
    """What rolling back ends as."""
    guards: tuple[str, ...] = ()
    """The names of its guards, in the order of their signs in what is recorded."""
    rules: Rules | None = None
    """What it is held to, fixed before it began: α would be spent twice if it could be changed."""

    @property
    def step(self) -> Step:
        """The present step."""
        return self.schedule.steps[self.at]

    @property
    def next_step(self) -> Step | None:
        """The step after this one; None after the last."""
        after = self.at + 1
        return self.schedule.steps[after] if after < len(self.schedule.steps) else None

    @property
    def over(self) -> bool:
        """Whether nothing will happen any more by itself."""
        return self.state in FINAL

    @property
    def weight(self) -> int:
        """The candidate's, of 10,000 units, as canary."""
        if self.over or self.state in (State.PENDING, State.ROLLING_BACK):
            return 0
        return self.step.weight


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a rollout is looked at."""

    verdict: Verdict
    acknowledged: bool
    """Whether every live worker serves the present table, with the candidate ready."""
    approved: str = ""
    """Who has approved the step to come; empty: nobody has."""
    frozen: str = ""
    """Why nothing may go forward now; empty: nothing keeps it."""
    overdue: str = ""
    """Why the present table will not be acknowledged any more; empty: it may still be."""


def advance(rollout: Rollout, facts: Facts, now: float) -> Rollout:
    """Return the rollout as it is from now on: the same value, where nothing changes."""
    if rollout.over:
        return rollout
    if rollout.state is State.ROLLING_BACK:
        if not facts.acknowledged:
            return rollout
        return replace(rollout, state=rollout.end or State.ROLLED_BACK, since=now, settled=True)
    if facts.verdict.outcome is Outcome.FAIL:
        return roll_back(rollout, facts.verdict.reason, now)
    if not rollout.settled and facts.acknowledged and not (facts.frozen and rollout.state is State.PENDING):
        return _settle(rollout, now)  # what is served is served, also while nothing goes forward
    if facts.frozen:
        return rollout
    if not rollout.settled:
        return roll_back(rollout, facts.overdue, now) if facts.overdue else rollout
    if not facts.acknowledged:  # it was served once, and is not now: its candidate may have gone
        return rollout
    return _forward(rollout, facts, now)


def roll_back(rollout: Rollout, reason: str, now: float, end: State = State.ROLLED_BACK) -> Rollout:
    """Return the rollout with the candidate taken out; also one that is done, which is undoing it."""
    if rollout.state in (State.ROLLED_BACK, State.ABORTED, State.ROLLING_BACK):
        return rollout
    return replace(
        rollout, state=State.ROLLING_BACK, since=now, settled=False, reason=reason, end=end, table=rollout.table + 1
    )


def abort(rollout: Rollout, by: str, reason: str, now: float) -> Rollout:
    """Return the rollout as somebody has ended it; one that is over stays as it is."""
    return rollout if rollout.over else roll_back(rollout, f"aborted by {by}: {reason}", now, State.ABORTED)


def draw_anew(rollout: Rollout, salt: bytes, now: float) -> Rollout:
    """Return the rollout with every unit drawn anew: what was spent is fresh evidence again."""
    if rollout.over:
        return rollout
    return replace(rollout, salt=salt, epoch=rollout.epoch + 1, table=rollout.table + 1, drawn=now, settled=False)


def outlived(rollout: Rollout, sticky_for: float, now: float) -> bool:
    """Whether units have kept their arms for as long as they may: `sticky_for` seconds, 0 being for ever."""
    return bool(sticky_for and rollout.weight) and now - (rollout.drawn or rollout.begun) >= sticky_for


def above(rollout: Rollout, served: int) -> Rollout:
    """Return the rollout with its table above one that a gateway serves of its own: to be served anew."""
    return rollout if rollout.over or served < rollout.table else replace(rollout, table=served + 1, settled=False)


def outnumbered(rollout: Rollout, served: int, now: float) -> Rollout:
    """Return the rollout on its way back, above a table that is served and that nobody here remembers.

    What was kept is lost then, and with it perhaps that the candidate was taken out. One that has gone back stays so.
    """
    if served <= rollout.table or rollout.state in (State.ROLLED_BACK, State.ABORTED):
        return rollout
    reason = f"the control Redis has lost what it had acknowledged: table {served} is served, and it knows up to"
    back = roll_back(rollout, f"{reason} {rollout.table}", now)
    return replace(back, table=served + 1)


def remembered(rollout: Rollout, gateway: str, now: float) -> Rollout:
    """Return the rollout on its way back, because a gateway has taken its candidate out before, and it is forgotten."""
    return roll_back(
        rollout,
        f"the control Redis has lost what it had acknowledged: gateway {gateway} has taken the candidate out already",
        now,
    )


def table_of(rollout: Rollout, shadow_rate: float) -> Table:
    """Return the table that is to be served in this state."""
    deployment, number, salt = rollout.deployment, rollout.table, rollout.salt
    if rollout.state is State.DONE:  # who was champion stays warm, as a shadow that sees nothing, to be returned to
        return Table(deployment, number, rollout.candidate, salt, shadows=(Shadow(rollout.champion, 0.0),))
    if rollout.over or rollout.state is State.ROLLING_BACK:
        return Table(deployment, number, rollout.champion, salt)
    if rollout.weight:
        return Table(deployment, number, rollout.champion, salt, Canary(rollout.candidate, rollout.weight))
    rate = 0.0 if rollout.state is State.PENDING else shadow_rate
    return Table(deployment, number, rollout.champion, salt, shadows=(Shadow(rollout.candidate, rate),))


def _settle(rollout: Rollout, now: float) -> Rollout:
    """Every worker has the table: the state begins."""
    if rollout.state is State.PENDING:
        return _enter(rollout, 0, "every worker has loaded and warmed the candidate", now)
    state = State.WATCHED if rollout.state is State.PROMOTING else rollout.state
    if rollout.drawn > rollout.since:  # in the midst of a step, whose time goes on
        return replace(rollout, state=state, settled=True)
    return replace(rollout, state=state, settled=True, since=now, entered=now, reason="every gateway serves it")


def _forward(rollout: Rollout, facts: Facts, now: float) -> Rollout:
    if rollout.state is State.AWAITING_APPROVAL:
        if not facts.approved or facts.verdict.outcome is not Outcome.PASS:
            return rollout
        return _enter(rollout, rollout.at + 1, f"approved by {facts.approved}", now)
    if facts.verdict.outcome is not Outcome.PASS:
        return rollout
    following = rollout.next_step
    if following is None:
        return replace(
            rollout, state=State.DONE, since=now, settled=False, table=rollout.table + 1, reason=facts.verdict.reason
        )
    if following.approval and not facts.approved:
        return replace(rollout, state=State.AWAITING_APPROVAL, since=now, reason=facts.verdict.reason)
    approved = f"; approved by {facts.approved}" if following.approval else ""
    return _enter(rollout, rollout.at + 1, facts.verdict.reason + approved, now)


def _enter(rollout: Rollout, at: int, reason: str, now: float) -> Rollout:
    """Return the rollout at the step of that index, which begins once every worker has its table."""
    stage = rollout.schedule.steps[at].stage
    promoted = stage is Stage.WATCHED and rollout.step.stage is not Stage.WATCHED
    state = State.PROMOTING if promoted else _OF_STAGE[stage]
    return replace(
        rollout, state=state, at=at, since=now, entered=now, settled=False, reason=reason, table=rollout.table + 1
    )

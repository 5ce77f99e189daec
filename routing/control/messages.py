"""What is kept, as the messages of `sluice.v1.Rollouts`, which both fronts answer with."""

from collections.abc import Iterable, Mapping

from protos.sluice.v1 import rollouts_pb2 as pb
from routing.comparison import Differing
from routing.control.event import Event
from routing.control.feed import Standing
from routing.control.halts import Halt
from routing.control.replay import Ruling
from routing.control.view import Compared, View
from routing.findings import GuardState
from routing.rollout import Rollout
from routing.schedule import Step
from routing.split import BUCKETS
from routing.verdict import Verdict


def state_of(
    rollout: Rollout, view: View | None = None, approved_by: str = "", entities: bool = False
) -> pb.RolloutState:
    """Return a rollout with what its leader shows of it, if somebody leads.

    Without `entities` it is not said whose the rows were on which the bundles differ most.
    """
    state = pb.RolloutState(
        name=rollout.name,
        deployment=rollout.deployment,
        state=rollout.state,
        reason=rollout.reason,
        champion=rollout.champion,
        candidate=rollout.candidate,
        requested_by=rollout.requested_by,
        table=rollout.table,
        step=rollout.at,
        steps=[_step(step) for step in rollout.schedule.steps],
        weight=rollout.weight / BUCKETS,
        settled=rollout.settled,
        begun=rollout.begun,
        since=rollout.since,
        digests=rollout.digests,
        approved_by=approved_by,
    )
    if view is not None and view.rollout == rollout.name:
        _show(state, view, entities)
    return state


def _show(state: pb.RolloutState, view: View, entities: bool) -> None:
    state.verdict.CopyFrom(verdict_of(view.verdict))
    state.guards.extend(_guard(guard) for guard in view.guards)
    state.champion_units, state.canary_units = view.units
    state.pairs = view.pairs
    state.proof, state.proof_enough, state.expected_seconds = view.proof, view.proof_enough, view.expected
    if view.comparison.rows:
        state.comparison.CopyFrom(_comparison(view.comparison, entities))


def _comparison(compared: Compared, entities: bool) -> pb.Comparison:
    return pb.Comparison(
        rows=compared.rows,
        flips=compared.flips,
        mean_distance=compared.mean_distance,
        money=compared.money,
        quantiles=[pb.QuantileShift(**one._asdict()) for one in compared.quantiles],
        most_different=[_differing(one, entities) for one in compared.most_different],
    )


def _differing(one: Differing, entities: bool) -> pb.Differing:
    return pb.Differing(entity=one.entity if entities else "", champion=one.champion, candidate=one.candidate)


def verdict_of(verdict: Verdict) -> pb.Verdict:
    """Return what a judge has said."""
    return pb.Verdict(
        outcome=verdict.outcome, reason=verdict.reason, guard=verdict.guard, numbers=dict(verdict.numbers)
    )


def gateways_of(standings: Mapping[str, Standing]) -> list[pb.Gateway]:
    """Return gateways by name."""
    return [
        pb.Gateway(name=name, table=one.table, at=one.at, trouble=one.trouble, lapsed=one.lapsed)
        for name, one in sorted(standings.items())
    ]


def halts_of(halts: Iterable[Halt], aborted: Iterable[str] = (), unreadable: Iterable[str] = ()) -> pb.Halts:
    """Return halts as they were given, with the rollouts that were ended now, and the deployments that hide theirs."""
    return pb.Halts(
        halts=[
            pb.Halt(
                deployment=halt.deployment,
                kind=halt.kind,
                by=halt.by,
                reason=halt.reason,
                at=halt.at,
                until=halt.until,
            )
            for halt in halts
        ],
        aborted=aborted,
        unreadable=unreadable,
    )


def event_of(event: Event) -> pb.Event:
    """Return one entry of the event log."""
    return pb.Event(
        rollout=state_of(event.rollout, event.view),
        before=event.before,
        by=event.by,
        at=event.at,
        numbers=event.numbers,
        note=event.note,
    )


def ruling_of(ruling: Ruling) -> pb.Ruling:
    """Return what a judge would have said."""
    return pb.Ruling(at=ruling.at, verdict=verdict_of(ruling.verdict))


def _step(step: Step) -> pb.Step:
    return pb.Step(
        stage=step.stage,
        weight=step.weight / BUCKETS,
        least_exposure=step.least_exposure,
        least_seconds=step.least_seconds,
        approval=step.approval,
        proof=step.proof,
    )


def _guard(guard: GuardState) -> pb.GuardEvidence:
    return pb.GuardEvidence(
        guard=guard.guard,
        evidence=guard.evidence,
        enough=guard.enough,
        canary=guard.canary,
        champion=guard.champion,
        dry_run=guard.dry_run,
        text=guard.text,
    )

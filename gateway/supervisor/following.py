"""Which table a gateway serves when it is told of a rollout, and why it would not. Pure.

A gateway never goes back: not to a table with a lower number than it has served, and not to a candidate that it has
taken out, whatever a control Redis says that has lost its memory.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from gateway.deployment import Deployment
from gateway.served import Part, Served
from routing.rollout import Rollout, State, table_of
from routing.table import Table

TAKEN_OUT = frozenset({State.ROLLING_BACK, State.ROLLED_BACK, State.ABORTED})


@dataclass(frozen=True, slots=True)
class Following:
    """What to serve from now on, None to go on as before; `trouble` says why a table is not served."""

    served: Served | None
    trouble: str = ""


def follow(rollout: Rollout, current: Served, condemned: Collection[str]) -> Following:
    """Say what follows from the rollout as it stands now.

    `condemned` names the rollouts whose candidate this gateway has taken out. Raises `DeploymentError` when the
    declaration that is served cannot be read.
    """
    number = current.table.number
    ours = current.part is not None and current.part.rollout == rollout.name
    if rollout.table < number or (rollout.table == number and not ours):
        return Following(None, "" if ours else _ahead(rollout, current.table))
    declared = current.declared()
    table = _table(rollout, declared)
    if uses_candidate(rollout, table) and (trouble := _trouble(rollout, declared, condemned)):
        return Following(None, trouble)
    part = Part(rollout.name, rollout.at, rollout.epoch, rollout.weight, rollout.over)
    served = replace(current, table=table, digests=_digests(rollout, current, table), part=part)
    return Following(None if served == current else served)


def uses_candidate(rollout: Rollout, table: Table) -> bool:
    """Whether the table has the rollout's candidate in any arm."""
    arms = {table.champion, *(shadow.version for shadow in table.shadows)}
    return rollout.candidate in arms or (table.canary is not None and table.canary.version == rollout.candidate)


def keeps_weight(rollout: Rollout, current: Served, condemned: Collection[str]) -> bool:
    """Whether the canary that is served may keep its weight: it is this rollout's, and was not taken out.

    Where a control Redis has lost its memory, its last rollout may be another one, or stand as before it was taken out.
    """
    ours = current.part is not None and current.part.rollout == rollout.name
    return ours and rollout.state not in TAKEN_OUT and rollout.name not in condemned


def _table(rollout: Rollout, declared: Deployment) -> Table:
    """The rollout's table, with what the rollout has no say in: the fallback, and shadows of other bundles."""
    table = table_of(rollout, declared.rollout.shadow_rate)
    own = {rollout.champion, rollout.candidate}
    others = tuple(shadow for shadow in declared.table.shadows if shadow.version not in own)
    return replace(
        table, shadows=(*table.shadows, *others), fallback=declared.table.fallback, pins=declared.rollout.pins
    )


def _digests(rollout: Rollout, current: Served, table: Table) -> dict[str, str]:
    """The bundles that are meant: the rollout's own by what it is bound to, and the others as they were."""
    bound = {rollout.champion: rollout.digests["champion"], rollout.candidate: rollout.digests["bundle"]}
    return {**current.digests, **{version: digest for version, digest in bound.items() if version in table.versions}}


def _trouble(rollout: Rollout, declared: Deployment, condemned: Collection[str]) -> str:
    if rollout.name in condemned:
        return f"bundle {rollout.candidate} was taken out by rollout {rollout.name}: it does not come back by itself"
    if rollout.over:  # what it was begun with has been shown; what is declared since then is nobody's business of it
        return ""
    bound = rollout.digests
    for section, name, digest in (
        ("policy", "policy", declared.policy_digest),
        ("rollout", "rules", declared.rollout_digest),
    ):
        if bound.get(name, digest) != digest:
            return f"its {section} section is another one than the rollout was begun with"
    return ""


def _ahead(rollout: Rollout, served: Table) -> str:
    """Why a gateway that serves a later table of its own does not go along; one that is over is its past, mostly."""
    own = f"it serves table {served.number} of its own"
    if not rollout.over:
        return f"{own}, and the rollout is at table {rollout.table}: begin the rollout anew"
    if rollout.state is State.DONE and served.champion == rollout.champion:
        name = rollout.candidate
        return f"{own} with champion {served.champion}; unless that is meant, name {name} there, which was promoted"
    return ""

"""Which table a deployment is to have, from what is declared now and what was served last. Pure.

What is wrong or gone takes nothing out of service: the deployment goes on with its last table, and it is said why.
Only words end a deployment, never the absence of a file.
"""

from dataclasses import dataclass, replace

from gateway.deployment import Deployment, DeploymentError
from gateway.served import Part, Served
from gateway.supervisor.declarations import FILE, Found


@dataclass(frozen=True, slots=True)
class Choice:
    """`served` is None where there is nothing to serve; `complaint` says why it is not what was asked for."""

    served: Served | None
    complaint: str = ""


def choose(name: str, found: Found | None, last: Served | None, offset: float | None) -> Choice:
    """Choose. The number grows with every change that callers could notice, and with no other.

    `offset` is the clock's; None, where a replay clock has not been set.
    """
    if found is None:
        return Choice(last, f"its {FILE} is not there: to end it, reload with --forget {name}")
    if isinstance(found, ValueError):
        return Choice(last, str(found))
    deployment = found.deployment
    if deployment.clock == "wall":
        offset = 0.0
    if offset is None:
        reason = f"deployment {name} has a replay clock and no offset"
        return Choice(last, f"{reason}: run `sluice up` once, or start with --replay-now")
    served = Served(found.text, deployment.table, found.digests, offset)
    if last is None:
        return Choice(served.numbered(1))
    if last.part is not None:
        return _beside_rollout(served, last, last.part)
    if _same(served, last):
        return Choice(last if last.offset == offset else served.numbered(last.table.number))
    return Choice(served.numbered(last.table.number + 1))


def _beside_rollout(served: Served, last: Served, part: Part) -> Choice:
    """A rollout's arms stay until others are declared, and not even then while it runs."""
    try:
        before, after = last.declared(), served.declared()
    except DeploymentError as exc:
        return Choice(last, str(exc))
    others = before.table != after.table
    if not part.over and (others or _bound(before) != _bound(after)):
        return Choice(last, f"rollout {part.rollout} runs: end it before its arms, unit, policy or rollout are changed")
    if others:
        return Choice(served.numbered(last.table.number + 1))
    beside = replace(served, table=last.table, digests={**served.digests, **last.digests}, part=part)
    return Choice(beside)  # under its number: the arms are the rollout's, and so are the numbers of their tables


def _bound(deployment: Deployment) -> tuple[object, ...]:
    return deployment.unit, deployment.policy_digest, deployment.rollout_digest


def _same(served: Served, last: Served) -> bool:
    try:
        return served.same_as(last)
    except DeploymentError:  # a newer release may not understand what an older one kept
        return False

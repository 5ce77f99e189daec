"""A rollout as it begins: from what was ordered, what is declared, and what the gateways serve. No deed.

Who is champion is not asked of the caller, who might be wrong: it is what every gateway says that it serves.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from routing.control.errors import NotYet, Refused
from routing.control.feed import Standing
from routing.control.plane import Known
from routing.control.signed import Asked, NoOrder
from routing.rollout import Rollout
from routing.schedule import approved_first

NO_REPORT = "none"
"""The digest of a validation report that there is not."""
_DIGEST = re.compile(r"[0-9a-f]{64}")


def planned(
    asked: Asked, by: str, known: Known, gateways: Mapping[str, Standing], now: float, salt: bytes, mark: str
) -> Rollout:
    """Return what was asked for; `gateways` are the live ones, `mark` makes a name its own.

    Raises `NoOrder` where the order does not say enough, and `NotYet` where the gateways do not agree, or not with what
    is declared here: they tell twice a second how they stand, and after a reload they have not done so yet.
    """
    bundle = asked.digests.get("bundle", "")
    if not asked.candidate or not _DIGEST.fullmatch(bundle):
        raise NoOrder("to start takes `candidate`, a bundle's version, and its sha256 as `digests: {bundle: …}`")
    declared, rules = known.of(asked.deployment), known.rules.get(asked.deployment, "")
    standing = _agreed(asked.deployment, gateways)
    policy = known.policies.get(asked.deployment, standing.policy)
    for section, served, is_declared in (("rollout", standing.rules, rules), ("policy", standing.policy, policy)):
        if served != is_declared:
            raise NotYet(
                f"the gateways told last that they serve another `{section}` section of {asked.deployment} than its"
                " deployment.yaml says here: `sluice reload` beside each has them read it; after that, wait a moment"
            )
    if asked.candidate == standing.champion:
        raise Refused(f"version {asked.candidate} is the champion of {asked.deployment} already")
    digests = {
        "bundle": bundle,
        "champion": standing.champion_digest,
        "policy": standing.policy,
        "rules": rules,
        "report": NO_REPORT,
    }
    return Rollout(
        name=f"{asked.deployment}-{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S}-{mark}",
        deployment=asked.deployment,
        champion=standing.champion,
        candidate=asked.candidate,
        schedule=approved_first(declared.schedule),  # without a report nobody else has looked at it yet
        salt=salt,
        requested_by=by,
        table=1 + max(one.table for one in gateways.values()),
        begun=now,
        since=now,
        digests=digests,
        reason=asked.why or "requested",
        guards=tuple(guard.name for guard in declared.rules.guards),
        rules=declared.rules,
    )


def _agreed(deployment: str, gateways: Mapping[str, Standing]) -> Standing:
    """Return what every live gateway says, but for tables and times, which are each one's own."""
    if not gateways:
        raise NotYet(f"no gateway that serves {deployment} has reported lately: start one with this control Redis")
    (first, one), *others = gateways.items()
    if not (one.champion and one.champion_digest):
        raise NotYet(f"gateway {first} does not say who is champion of {deployment}: it is not ready, or too old")
    for name, other in others:
        if (other.champion, other.champion_digest) != (one.champion, one.champion_digest):
            raise NotYet(
                f"gateways do not serve the same champion of {deployment}: {first} serves {_shown(one)}, and"
                f" {name} serves {_shown(other)}: wait, or reload them"
            )
        if (other.policy, other.rules) != (one.policy, one.rules):
            what = "policy" if other.policy != one.policy else "`rollout` section"
            raise NotYet(f"gateways {first} and {name} do not read the same {what} of {deployment}: reload them")
    return one


def _shown(standing: Standing) -> str:
    return f"{standing.champion or 'none'} ({standing.champion_digest[:12] or 'no digest'})"

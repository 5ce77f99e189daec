"""Whether a bundle's scores could be computed ahead, for how many entities and how often: what is weighed later."""

from dataclasses import dataclass

from gateway.bundle import Bundle
from gateway.deployment import Deployment
from gateway.placing.ahead import AheadTerms
from gateway.placing.costs import HOUR
from gateway.placing.entity_count import Uncounted, count_entities
from gateway.precomputed import PrecomputedRule
from gateway.precomputed_plan import PrecomputedError, fit

DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class AheadWish:
    """What people say of it; None: the deployment or the feature Redis knows."""

    redis_url: str
    entities: int | None = None
    fresh: float | None = None
    """Seconds."""
    hit_share: float = 1.0


async def find_terms(wish: AheadWish, deployment: Deployment, bundle: Bundle) -> tuple[AheadTerms | None, str]:
    """Return the terms, or None and why there are none."""
    rule = deployment.precomputed or PrecomputedRule(DAY, {})
    try:
        group = fit(rule, bundle.plan).group
        entities = wish.entities
        if entities is None:
            entities = await count_entities(wish.redis_url, bundle.plan, group)
    except (PrecomputedError, Uncounted) as exc:
        return None, str(exc)
    if entities == 0:
        return None, "the feature Redis knows no entity of this deployment: say --entities N"
    return AheadTerms(entities, wish.fresh or rule.max_age, wish.hit_share), ""

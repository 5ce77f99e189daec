"""Whether what deployments keep in the feature Redis is safe there; who starts or reloads a gateway is told if not."""

import logging
from collections.abc import Iterable

from gateway.config import without_password
from gateway.features.eviction import KEEPS_ALL, eviction_policy
from gateway.served import Served

log = logging.getLogger("sluice.serve")


async def kept_values_complaint(redis_url: str, served: Iterable[Served]) -> str:
    """Return the one line that is to be said, which is logged, too; "" where there is nothing to say."""
    keeping = [one.name for one in served if _keeps(one)]
    policy = await eviction_policy(redis_url) if keeping else ""
    if policy in ("", KEEPS_ALL):
        return ""
    complaint = (
        f"{', '.join(keeping)}: answers or scores are kept in the feature Redis, {without_password(redis_url)}, which "
        f"may throw them away when it is full (maxmemory-policy {policy}), so a repeated call may be answered anew: "
        f"give it room and --maxmemory-policy {KEEPS_ALL}"
    )
    log.warning("%s", complaint)
    return complaint


def _keeps(served: Served) -> bool:
    declared = served.declared()
    return declared.idempotency is not None or declared.precomputed is not None

"""Looks at what the feature store really holds before a candidate may see traffic: is it what the plan says?

What the bundle says of itself is proved when it is loaded (digests, inputs, golden rows). That its features are stored
as it expects them only the store can say.
"""

from collections.abc import Iterator
from itertools import zip_longest

from gateway.call import FeatureStatus
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan
from gateway.features.reader import FeatureSurvey
from models.manifest import BundleError

SAMPLE = 50
"""Keys of each entity that are looked at."""
ENOUGH = 20
"""Keys of which each lacks a view: then it was not materialised, and is not merely unknown of a few."""
PATIENCE = 1.0


async def check_stored(reader: FeatureSurvey, plan: Plan, event_now: float) -> None:
    """Read a sample of what is stored by the plan. Raises `BundleError` with the feature that is not as it says.

    A store that is empty, or away, contradicts nobody.
    """
    keys = await reader.stored_keys(plan, SAMPLE)
    known = [group[0] if group else b"" for group in keys]
    rows = [
        tuple(key or some for key, some in zip(row, known, strict=True)) for row in zip_longest(*keys, fillvalue=b"")
    ]
    if not rows or not any(known):
        return
    block = await reader.read(plan, rows, event_now, PATIENCE)
    for complaint in _complaints(block, [len(group) for group in keys]):
        raise BundleError(f"its features are not stored as its plan says: {complaint}")


def _complaints(block: FeatureBlock, sampled: list[int]) -> Iterator[str]:
    plan, statuses = block.plan, block.statuses
    views = iter(plan.view_columns)
    for group, count in zip(plan.groups, sampled, strict=True):
        entity = ", ".join(key.name for key in group.join_keys)
        for view in group.views:
            columns = next(views)
            seen = statuses[:count, columns]
            for feature, column in zip(view.features, seen.T, strict=True):
                if broken := int((column == FeatureStatus.BROKEN).sum()):
                    yield f"{feature.name} is no {feature.type} in {broken} of {count} keys of {entity}"
            if count >= ENOUGH and (seen == FeatureStatus.MISSING).all():
                yield f"none of {count} keys of {entity} has anything of view {view.name}: materialise it first"

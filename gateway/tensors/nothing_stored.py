"""The feature store of deployments without features: every row is read at once, and there is nothing in it."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan
from gateway.features.tolerance import Tolerance

NO_FEATURES: Final = Plan(project="", groups=(), request=(), transform=None, features=())
"""The plan of every bundle of tensors: by its identity the line sees that what was made for one arm serves all."""


class NothingStored:
    """A `FeatureReader` for that plan."""

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # as FeatureReader
        tolerance: Tolerance | None = None,
        beside: Sequence[bytes] = (),
    ) -> FeatureBlock:
        """Return a row of no columns for each of `keys`."""
        return FeatureBlock(plan, np.zeros((len(keys), 0)), (), event_now, {})

"""What the line needs of a feature store: one method, kept by the Redis reader and by the shipped fake alike."""

from collections.abc import Sequence
from typing import Protocol

from gateway.features.beside import ValueStore
from gateway.features.block import FeatureBlock
from gateway.features.plan import Plan
from gateway.features.tolerance import Tolerance

__all__ = ["FeatureBlock", "FeatureReader", "FeatureStore", "FeatureSurvey"]


class FeatureReader(Protocol):
    """Reads the stored features of a list of rows."""

    async def read(
        self,
        plan: Plan,
        keys: Sequence[tuple[bytes, ...]],
        event_now: float,
        timeout: float,  # noqa: ASYNC109  # one `call_later` a list
        tolerance: Tolerance | None = None,
        beside: Sequence[bytes] = (),
    ) -> FeatureBlock:
        """Return one row for each of `keys` (from `plan.row_keys`), in their order.

        Never raises for trouble of the store: what could not be read within `timeout` seconds is LATE. `event_now` is
        the deployment's clock in unix seconds and decides what is stale. The arrays are the caller's to change.
        Cancellation is safe: what was asked for is thrown away when it comes.

        With a `tolerance` (one that is always the plan's own) a group that was read less than its `cache` seconds ago
        is not asked for; one that is optional is not, either, when `timeout` is less than what reads take at present;
        and values that were read not longer than `last_known` seconds ago stand in for those that are late.

        `beside` are distinct keys of values (see `beside.ValueStore`) that are read in the same write.
        """
        ...


class FeatureSurvey(FeatureReader, Protocol):
    """A reader that can also say what the store holds."""

    async def stored_keys(self, plan: Plan, most: int) -> list[list[bytes]]:
        """Return for each group of the plan up to `most` keys that are stored; none where nobody knows of any.

        It looks at a part of the store, for as long as a second or two, and does not hold up what is read beside it.
        """
        ...


class FeatureStore(FeatureSurvey, ValueStore, Protocol):
    """Everything that a line wants of the Redis that Feast fills."""

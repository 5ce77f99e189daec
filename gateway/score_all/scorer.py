"""Scores entities as the line would score a call that brings nothing but their ids, to the bit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import cast

import numpy as np

from gateway.backends.onnx import OnnxBackend
from gateway.bundle import Bundle
from gateway.call import Call, FeatureStatus, Priority, Scalar
from gateway.deployment import UnitRule
from gateway.features.keys import KeyValue
from gateway.features.reader import FeatureReader
from gateway.features.row_status import DEGRADING
from gateway.intake import Intake, Row
from gateway.policy import Policy
from gateway.precomputed import PrecomputedRule

PATIENCE = 2.0
"""Seconds that features are waited for."""


class StoreLate(Exception):
    """The feature store did not answer: what was asked for is to be asked for again."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of some entities, by their key in the feature store; `left_out` were given none."""

    scores: Mapping[bytes, float]
    left_out: int


class EntityScorer:
    """Scores with one bundle. `event_now` reads the deployment's clock; `group` is whose key names the entities."""

    def __init__(
        self,
        bundle: Bundle,
        backend: OnnxBackend,
        reader: FeatureReader,
        rule: PrecomputedRule,
        policy: Policy,
        event_now: Callable[[], float],
        group: int,
    ) -> None:
        self._bundle = bundle
        self._backend = backend
        self._reader = reader
        self._values = dict(rule.values)
        self._policy = policy
        self._event_now = event_now
        self._group = group
        # A row's unit matters to the split alone, and no arm is chosen here.
        self._intake = Intake(bundle.plan, UnitRule("request", "unit"), event_now)

    async def score(self, entities: Sequence[Mapping[str, KeyValue]]) -> Scored:
        """Return the scores of those whose answer would be whole. Raises `StoreLate`, or what the model raises.

        Left out are those of whom a feature is stale, broken, or needed and not there, whose row or score is not
        finite, or whose score breaks the output contract: the line says of each call what is wrong.
        """
        plan, rows = self._bundle.plan, [self._row(one) for one in entities]
        if not rows:
            return Scored({}, 0)
        block = await self._reader.read(plan, [row.keys for row in rows], self._event_now(), PATIENCE)
        found = [set(status.statuses.values()) for status in block.odd.values()]
        if any(FeatureStatus.LATE in statuses for statuses in found):
            raise StoreLate
        spoiled = {
            at
            for at, status in block.odd.items()
            if status.unreadable or not set(DEGRADING).isdisjoint(status.statuses.values())
        }
        matrix = self._bundle.builder.build(block.values, [row.request for row in rows])
        scores = self._backend.score(matrix).tolist()
        finite = [bool(np.isfinite(line).all()) for line in matrix]
        good = {
            row.keys[self._group]: score
            for at, (row, score) in enumerate(zip(rows, scores, strict=True))
            if at not in spoiled and finite[at] and self._policy.keeps_contract(score)
        }
        return Scored(good, len(rows) - len(good))

    def _row(self, entities: Mapping[str, KeyValue]) -> Row:
        named = cast("Mapping[str, Scalar]", entities)  # what was read from a key makes that key again, whatever it is
        call = Call("", named, self._values, "unit", 0.0, inf, "", Priority.SHEDDABLE, "", _nobody)
        return self._intake.read(call)


def _nobody(answer: object) -> None:
    """Nobody waits for an answer."""

"""The backend of scores that were computed ahead: looks them up for the rows of a list, beside their features.

No `Backend`: it knows entities, and no matrix. What it does not know is run by the lane's own backend.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gateway.features.beside import Values
from gateway.features.plan import Plan
from gateway.intake import Row
from gateway.lane import Lane, Outcome
from gateway.meters import AheadMeters
from gateway.precomputed import PrecomputedRule, key_start, read_score
from gateway.precomputed_plan import fit


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a lane's scores that were computed ahead make of some rows of a list, and their ages in seconds."""

    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    ages: Mapping[int, float] = field(default_factory=dict)


NOTHING_AHEAD = Ahead()


class ScoresAhead:
    """One deployment's, for the lanes that answer. `plan` is the intake's; `wall` gives unix seconds.

    Raises `PrecomputedError` when made for a plan whose scores cannot be computed ahead.
    """

    def __init__(
        self,
        deployment: str,
        rule: PrecomputedRule,
        plan: Plan,
        digests: Sequence[str],
        meters: AheadMeters,
        wall: Callable[[], float] = time.time,
    ) -> None:
        matched = fit(rule, plan)
        self._group, self._values = matched.group, matched.values
        self._max_age = rule.max_age
        self._starts = {digest: key_start(deployment, digest, rule) for digest in digests}
        self._meters = meters
        self._wall = wall

    def keys(self, rows: Sequence[Row]) -> list[bytes]:
        """Return what is to be looked up for these rows."""
        starts = self._starts.values()
        return [start + row.keys[self._group] for row in rows if self._may_have(row) for start in starts]

    def find(self, lane: Lane, rows: Sequence[Row], found: Values) -> Ahead:
        """Return what there is for a lane's rows, from what was looked up."""
        start = self._starts.get(lane.digest)
        if start is None:
            return NOTHING_AHEAD
        now, scores, ages = self._wall(), list[float](), dict[int, float]()
        for at, row in enumerate(rows):
            if not self._may_have(row):
                self._meters.other.add()
                continue
            key = start + row.keys[self._group]
            value = found.get(key)
            score = None if value is None else read_score(value)
            if score is None:
                (self._meters.missing if key in found else self._meters.late).add()
            elif now - score.at > self._max_age:
                self._meters.old.add()
            else:
                self._meters.hit.add()
                scores.append(score.score)
                ages[at] = max(0.0, now - score.at)
        return Ahead(dict(zip(ages, lane.decide_scores(scores), strict=True)), ages)

    def _may_have(self, row: Row) -> bool:
        """Whether a row's caller has sent nothing but what scores were computed for: all that must be sent is that."""
        if row.call.vector is not None or len(row.call.features) != len(self._values):
            return False
        return all(row.request[at] == value for at, value in self._values)

"""The policy of pass-through deployments: whatever the model answers is what the caller gets."""

from dataclasses import dataclass
from math import inf
from typing import Final

from gateway.policy import Policy

ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Passed:
    """A `Rule` with one decision, which is none."""

    @property
    def decisions(self) -> tuple[str, ...]:
        """As every rule."""
        return (ANSWERED,)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The score, as which the judge knows the answer."""
        return ("score",)

    def apply(self, score: float) -> tuple[str, dict[str, float]]:
        """Return the one decision."""
        return ANSWERED, {"score": score}


PASSED: Final = Policy(version="none", minimum=-inf, maximum=inf, rule=Passed())
"""Every finite score keeps its contract."""

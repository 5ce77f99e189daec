"""What a decision is worth, as a policy declares it: a sum, and a share of a figure that the row brings.

```yaml
policy:
  money:
    of: amount                # a request feature, or one of the policy's own outputs (price)
    decisions:
      approve: {share: 0.02}
      review: {share: 0.02, each: -500}
      decline: {each: -200}
```

It is known at once and only compares decisions: what a wrong one costs is known when outcomes are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite

from routing.reading import named, number, section, within


@dataclass(frozen=True, slots=True)
class Worth:
    """One decision's: `each` and a `share` of the figure. In whatever money the figure is."""

    each: float = 0.0
    share: float = 0.0

    def __post_init__(self) -> None:
        if not (isfinite(self.each) and isfinite(self.share)):
            raise ValueError("money: each and share are finite numbers")


@dataclass(frozen=True, slots=True)
class Money:
    """By decision what it is worth, with a share of the figure called `of`. One that is not named is worth nothing."""

    of: str
    decisions: Mapping[str, Worth]

    def worth(self, decision: str, figures: Mapping[str, float]) -> float:
        """Return a decision's worth on a row with these figures, 0 in place of one that is not there."""
        one = self.decisions.get(decision)
        return 0.0 if one is None else one.each + one.share * figures.get(self.of, 0.0)


def read_money(said: object, decisions: tuple[str, ...]) -> Money:
    """Read the section of a policy that makes these decisions. Raises `ValueError`."""
    with within("money"):
        entry = section(said, "of", "decisions")
        if entry.get("decisions") is None:
            raise ValueError("decisions is missing; it says what each is worth, like {approve: {share: 0.02}}")
        worths = {decision: _worth(decision, worth) for decision, worth in section(entry.get("decisions")).items()}
        strange = sorted(set(worths) - set(decisions))
        if strange:
            raise ValueError(f"the policy never decides {strange[0]!r:.80}; it decides {', '.join(decisions)}")
        return Money(named(entry, "of"), worths)


def _worth(decision: str, said: object) -> Worth:
    with within(f"{decision:.80}"):
        entry = section(said, "each", "share")
        return Worth(number(entry, "each", 0.0, most=inf), number(entry, "share", 0.0, most=inf))

"""A deployment's policy: the output contract that a score must keep, and the decision that is made of it."""

from bisect import bisect_right
from dataclasses import dataclass
from math import inf, isfinite
from typing import Protocol

from gateway.money import Money, read_money
from routing.reading import listed, named, number, section, within


class PolicyError(ValueError):
    """A policy that cannot be; one clear line says which part and why."""


class Rule(Protocol):
    """Makes a decision of a score that has kept the contract. Pure."""

    @property
    def decisions(self) -> tuple[str, ...]:
        """Every decision that the rule can make."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its outputs."""

    def apply(self, score: float) -> tuple[str, dict[str, float]]:
        """Return the decision and the outputs, in which the score itself is always called "score"."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Decision `i` holds for scores below `bounds[i]` that are not below `bounds[i-1]`; the last one for the rest."""

    bounds: tuple[float, ...]
    decisions: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.decisions) != len(self.bounds) + 1:
            raise PolicyError("thresholds need one decision more than bounds")
        if list(self.bounds) != sorted(set(self.bounds)):
            raise PolicyError(f"thresholds must rise: {self.bounds}")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The score alone."""
        return ("score",)

    def apply(self, score: float) -> tuple[str, dict[str, float]]:
        """A score equal to a bound belongs above it."""
        return self.decisions[bisect_right(self.bounds, score)], {"score": score}


@dataclass(frozen=True, slots=True)
class Price:
    """The score is a price, held between floor and cap, in whole cents."""

    floor: float
    cap: float
    decisions: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.floor < self.cap:
            raise PolicyError(f"price floor {self.floor} must lie below the cap {self.cap}")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The score, and the price that is made of it."""
        return ("score", "price")

    def apply(self, score: float) -> tuple[str, dict[str, float]]:
        """Return the price beside the score that it was made of."""
        return self.decisions[0], {"score": score, "price": round(min(max(score, self.floor), self.cap), 2)}


@dataclass(frozen=True, slots=True)
class Policy:
    """Version, contract (a finite score between `minimum` and `maximum`) and rule."""

    version: str
    minimum: float
    maximum: float
    rule: Rule
    money: Money | None = None
    """What decisions are worth, if it says so."""

    def __post_init__(self) -> None:
        if not self.minimum < self.maximum:
            raise PolicyError(f"contract: min {self.minimum} must lie below max {self.maximum}")

    def keeps_contract(self, score: float) -> bool:
        """NaN and infinities break it, like everything out of range."""
        return isfinite(score) and self.minimum <= score <= self.maximum


def read_policy(document: object) -> Policy:
    """Build the policy of a `deployment.yaml`. Raises `PolicyError`."""
    try:
        with within("policy"):
            entry = section(document, "version", "contract", "decide", "money")
            rule = _read_rule(entry.get("decide"))
            with within("contract"):
                contract = section(entry.get("contract"), "min", "max")
                minimum, maximum = number(contract, "min", most=inf), number(contract, "max", most=inf)
            money = entry.get("money")
            worth = None if money is None else read_money(money, rule.decisions)
            return Policy(named(entry, "version"), minimum, maximum, rule, worth)
    except ValueError as exc:
        raise PolicyError(str(exc)) from exc


def _read_rule(said: object) -> Rule:
    with within("decide"):
        kind = section(said).get("kind")
        if kind == "thresholds":
            entry = section(said, "kind", "steps", "otherwise")
            steps = [section(step, "below", "decision") for step in listed(entry, "steps") or ()]
            bounds = tuple(number(step, "below", most=inf) for step in steps)
            return Thresholds(bounds, (*(named(step, "decision") for step in steps), named(entry, "otherwise")))
        if kind == "price":
            entry = section(said, "kind", "floor", "cap", "decision")
            floor, cap = number(entry, "floor", most=inf), number(entry, "cap", most=inf)
            return Price(floor, cap, (named(entry, "decision"),))
        raise ValueError(f"kind is {kind!r:.80}; it is 'thresholds' or 'price'")

"""Which place meets the budget at the least cost, and says so in a sentence or two.

A list size that fits may be counted on at any load: nobody waits for a list to fill, and at a share of a place's
greatest rate lists are shorter than those that it was measured with, which is faster still. Only a list that is
shorter than a call is no choice: its rows would be run one list after the other.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.placing.costs import Cost, Load, Prices, cost_of
from gateway.placing.figures import Absent, Cell


@dataclass(frozen=True, slots=True)
class Allowance:
    """The time of a run: a `share` (0 to 1) of the `budget`, which is in seconds."""

    budget: float
    share: float

    @property
    def seconds(self) -> float:
        """What a run may take."""
        return self.budget * self.share


@dataclass(frozen=True, slots=True)
class Offer:
    """A place with lists of one size, at its cost."""

    cell: Cell
    cost: Cost
    fits: bool
    """The p99 of a run lies within the allowance."""
    holds_call: bool
    """A call's rows go in one list."""

    @property
    def order(self) -> tuple[float, float]:
        """The cheaper first, of equals the faster."""
        return self.cost.per_hour, self.cell.p99


@dataclass(frozen=True, slots=True)
class Verdict:
    """The cheapest of those that fit, the cheapest at a place of another kind if one fits there, and both in words."""

    winner: Offer | None
    runner_up: Offer | None
    sentence: str


def offers_of(cells: Iterable[Cell], load: Load, prices: Prices, allowance: Allowance) -> list[Offer]:
    """Return what each place with each list size would cost, and whether it will do."""
    return [
        Offer(cell, cost_of(cell, load, prices), cell.p99 <= allowance.seconds, cell.rows >= load.rows_per_call)
        for cell in cells
    ]


def judge(offers: Sequence[Offer], absent: Sequence[Absent], load: Load, allowance: Allowance) -> Verdict:
    """Choose. `absent` are the places that might have helped."""
    good = sorted((one for one in offers if one.fits and one.holds_call), key=lambda one: one.order)
    if not good:
        return Verdict(None, None, _no_place(offers, absent, load, allowance))
    winner = good[0]
    others = [one for one in good if one.cell.place != winner.cell.place]
    second = next((one for one in others if one.cell.place.kind != winner.cell.place.kind), next(iter(others), None))
    return Verdict(winner, second, f"{_won(winner, allowance)} {_second(winner, second)}")


def money(amount: float) -> str:
    """Return an amount with two digits behind the point, or as many more as show three that say something."""
    if amount >= 1 or amount <= 0:
        return f"{amount:,.2f}"
    whole, _, rest = f"{amount:.{2 - math.floor(math.log10(amount))}f}".partition(".")
    return f"{whole}.{rest.rstrip('0'):0<2}"


def needs(offer: Offer) -> str:
    """Return the machines of an offer in words."""
    cores = f"{offer.cost.cores} core" + "s" * (offer.cost.cores > 1)
    if not offer.cost.devices:
        return cores
    device = f"{offer.cost.devices} GPU" if offer.cell.place.kind == "gpu" else f"{offer.cost.devices} Triton"
    return f"{device}{'s' * (offer.cost.devices > 1)} + {cores}"


def _won(winner: Offer, allowance: Allowance) -> str:
    cell, cost = winner.cell, winner.cost
    lists = "row by row" if cell.rows == 1 else f"in lists of up to {cell.rows}"
    return (
        f"{cell.place.name}, {lists}, meets the budget at the least cost: {money(cost.per_hour)}"
        f" an hour ({needs(winner)}), {money(cost.per_million)} a million rows; the p99 of a run is"
        f" {cell.p99 * 1e3:.3g} ms of the {allowance.seconds * 1e3:.3g} ms that it may take."
    )


def _second(winner: Offer, second: Offer | None) -> str:
    if second is None:
        return "No other place that was measured meets it."
    dear, cheap = second.cost.per_hour, winner.cost.per_hour
    if dear == cheap:
        return f"The runner-up, {second.cell.place.name}, costs the same and is slower."
    times = f", {dear / cheap:.3g} times as much" if cheap > 0 else ""
    return f"The runner-up, {second.cell.place.name}, would cost {money(dear)} an hour ({needs(second)}){times}."


def _no_place(offers: Sequence[Offer], absent: Sequence[Absent], load: Load, allowance: Allowance) -> str:
    may = f"{allowance.seconds * 1e3:.3g} ms"
    whole = [one for one in offers if one.holds_call]
    if not whole:
        return "No place could be measured with lists that hold a call: see the reasons in the table."
    fastest = min(whole, key=lambda one: one.cell.p99).cell
    said = (
        f"No place meets the budget: the fastest, {fastest.place.name} in lists of {fastest.rows}, has a p99 of"
        f" {fastest.p99 * 1e3:.3g} ms, and a run may take {may}."
    )
    return f"{said} What would help: {'; '.join(_remedies(offers, absent, load, allowance, fastest))}."


def _remedies(
    offers: Sequence[Offer], absent: Sequence[Absent], load: Load, allowance: Allowance, fastest: Cell
) -> list[str]:
    least = fastest.p99 / allowance.share * 1e3
    found = [f"budget_ms of {least:.3g} or more", "a model with fewer or smaller trees or layers"]
    smaller = [one.cell.rows for one in offers if one.fits and one.cell.rows < load.rows_per_call]
    if smaller:
        found.insert(0, f"calls of at most {max(smaller)} rows instead of {load.rows_per_call}")
    found += [f"a {one.place.name}, which could not be measured here" for one in absent if one.rows is None]
    return found

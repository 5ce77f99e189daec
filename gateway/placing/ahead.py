"""Whether computing everybody's score ahead is cheaper than scoring the calls: pure arithmetic.

Both are counted in shares of machines: a run ahead of time can use whatever is idle. With precomputed scores the
gateway reads the features as ever, and the score in the same write; what is saved is the model's run.
"""

from dataclasses import dataclass

from gateway.placing.costs import HOUR, Load, Prices, cost_of, row_price
from gateway.placing.figures import Cell
from gateway.placing.verdict import money


@dataclass(frozen=True, slots=True)
class AheadTerms:
    """What computing ahead has to do."""

    entities: int
    fresh: float
    """Seconds: so old a score may be at most, so often everybody is scored."""
    hit_share: float = 1.0
    """Of the rows asked about, 0 to 1, those whose score is there and may be used."""
    entity_seconds: float = 40e-6
    """Processor time for an entity beside the model's run, as measured of `sluice score-all credit`: about half is this
    side's, for finding it, reading its features and writing its score, half is Redis's."""
    score_bytes: float = 200.0
    """Memory of the feature Redis for one score: 185 were measured, for an entity of one number."""


@dataclass(frozen=True, slots=True)
class AheadVerdict:
    """Costs of an hour: of scores for everybody, and of the runs of calls that they make needless."""

    ahead: float
    saved: float
    break_even: float
    """Calls a second from which on computing ahead is cheaper."""
    cheaper: bool
    sentence: str


def weigh(online: Cell, offline: Cell, load: Load, prices: Prices, terms: AheadTerms) -> AheadVerdict:
    """Compare. `online` is where the calls would be scored, `offline` where everybody is."""
    scored = terms.entities / terms.fresh * HOUR
    entity = row_price(offline, load, prices) + terms.entity_seconds * prices.cpu / load.utilisation / HOUR
    memory = terms.entities * terms.score_bytes / 1e9 * prices.memory
    ahead = scored * entity + memory
    of_call = load.rows_per_call * terms.hit_share * row_price(online, load, prices)
    saved = load.calls * HOUR * of_call
    break_even = ahead / (HOUR * of_call)
    cheaper = ahead < saved
    needed = cost_of(online, load, prices)
    least = needed.devices == 0 and needed.cores == online.place.threads
    sentence = _said(terms, load, ahead, saved, break_even, cheaper) + (_LEAST if least else "")
    return AheadVerdict(ahead, saved, break_even, cheaper, sentence)


_LEAST = " At this load the model needs no more than the least that there is, which stays: no whole machine is saved."


def _said(terms: AheadTerms, load: Load, ahead: float, saved: float, break_even: float, cheaper: bool) -> str:
    first = (
        f"Computing {terms.entities:,} scores every {terms.fresh / HOUR:g} h costs {money(ahead)} an hour, in shares of"
        f" machines and Redis memory, and makes runs needless that cost {money(saved)}: it is the cheaper one from"
        f" {_rate(break_even)} calls/s on"
    )
    word = "so it is" if cheaper else "so it is not"
    return f"{first}, {word} at the {load.calls:g} given."


def _rate(calls: float) -> str:
    return f"{calls:,.0f}" if calls >= 10 else f"{calls:.2g}"

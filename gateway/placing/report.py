"""All that `sluice place` has found out about one bundle: what `--json` prints, and the page is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from gateway.placing.ahead import AheadTerms, AheadVerdict, weigh
from gateway.placing.costs import Load, Prices
from gateway.placing.figures import Absent, Cell
from gateway.placing.verdict import Allowance, Offer, Verdict, judge, offers_of


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked. `terms` are those of computing ahead; None: `not_ahead` says why there are none."""

    deployment: str
    version: str
    allowance: Allowance
    load: Load
    prices: Prices
    terms: AheadTerms | None
    not_ahead: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The question and its answers. Times are in seconds, prices per hour."""

    question: Question
    offers: Sequence[Offer]
    absent: Sequence[Absent]
    verdict: Verdict
    ahead: AheadVerdict | None

    def to_json(self) -> str:
        """Return everything, on one line."""
        return msgspec.json.encode(self).decode()


def report_of(question: Question, cells: Sequence[Cell], absent: Sequence[Absent]) -> Report:
    """Answer the question from what was measured."""
    offers = offers_of(cells, question.load, question.prices, question.allowance)
    verdict = judge(offers, absent, question.load, question.allowance)
    return Report(question, offers, absent, verdict, _ahead(question, offers, verdict))


def _ahead(question: Question, offers: Sequence[Offer], verdict: Verdict) -> AheadVerdict | None:
    """Everybody is scored in process, in the lists that cost least; calls where the verdict has them."""
    offline = min((one.cell for one in offers if one.cell.device_rate is None), key=_core_seconds, default=None)
    online = verdict.winner or min(offers, key=lambda one: one.order, default=None)
    if question.terms is None or offline is None or online is None:
        return None
    return weigh(online.cell, offline, question.load, question.prices, question.terms)


def _core_seconds(cell: Cell) -> float:
    return cell.core_seconds

"""A report as people read it: the table, what it rests on, and the verdicts."""

from collections.abc import Iterator, Sequence
from textwrap import fill

from gateway.placing.figures import Absent
from gateway.placing.report import Question, Report
from gateway.placing.verdict import Offer, money, needs

_HEAD = ("place", "rows", "p50 ms", "p99 ms", "rows/s", "fits", "needs", "an hour", "a million rows")
WIDTH = 110
_LEFT = {0, 5, 6}
"""Columns of words."""


def page(report: Report) -> str:
    """Return the whole page."""
    question = report.question
    parts = [_heading(question), "\n".join(_table(report))]
    parts += [_notes(report.offers)] if report.offers else []
    parts += [fill(report.verdict.sentence, WIDTH), fill(_ahead(report), WIDTH)]
    return "\n\n".join(parts)


def _heading(question: Question) -> str:
    allowance, load, prices = question.allowance, question.load, question.prices
    rows = f"{load.rows_per_call} row{'s' * (load.rows_per_call > 1)}"
    return fill(
        f"{question.deployment} {question.version}: of a budget of {allowance.budget * 1e3:g} ms a run may take"
        f" {allowance.share:g} of it, {allowance.seconds * 1e3:.3g} ms; queueing, features, a second run where the"
        f" first one fails, and the answer take the rest. {load.calls:,g} calls/s of {rows}, on whole machines that"
        f" are loaded to {load.utilisation:g} at most. An hour of a core costs {prices.cpu:g}, of a GPU"
        f" {prices.gpu:g}, of the Triton {prices.triton:g}.",
        WIDTH,
    )


def _table(report: Report) -> Iterator[str]:
    lines = [_HEAD, *(_line(one, report.question) for one in report.offers)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_HEAD))]
    for line in lines:
        cells = (
            word.ljust(width) if at in _LEFT else word.rjust(width)
            for at, (word, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(cells).rstrip()
    yield from map(_absent, report.absent)


def _line(offer: Offer, question: Question) -> tuple[str, ...]:
    cell, cost = offer.cell, offer.cost
    fits = "late" if not offer.fits else "yes" if offer.holds_call else "part of a call"
    return (
        cell.place.name,
        f"{cell.rows:,}",
        f"{cell.p50 * 1e3:.3f}",
        f"{cell.p99 * 1e3:.3f}",
        f"{cell.rate:,.0f}",
        fits,
        needs(offer),
        money(cost.per_hour),
        money(cost.per_million),
    )


def _absent(one: Absent) -> str:
    size = "" if one.rows is None else f", lists of {one.rows}"
    return f"{one.place.name}{size}: not measured: {one.why}"


def _notes(offers: Sequence[Offer]) -> str:
    said = ["rows/s: of one core, of the GPU, or of the Triton as this one process asks it."]
    if any(one.cell.asker_bound for one in offers):
        said.append("The core that asked the Triton had no time left: more of them may get more out of it.")
    if any(one.cell.runs < 100 for one in offers):
        said.append("Where fewer than 100 runs fitted into the time, p99 is the longest: --seconds gives them more.")
    return "\n".join(said)


def _ahead(report: Report) -> str:
    if report.ahead is not None:
        needless = "" if report.verdict.winner else " A score that lies ready needs no run within the budget."
        return report.ahead.sentence + needless
    return f"Computing scores ahead: {report.question.not_ahead or 'there are no figures of the CPU to count with'}."

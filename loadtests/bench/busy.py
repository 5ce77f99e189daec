"""How busy the worker and the generator were on either side of a ratio: who was the limit of what was measured."""

from collections.abc import Mapping, Sequence

from loadtests.tally import Report, add_up

LIMIT = 0.9
"""The share of its core from which on the worker itself may have been what held the rate down."""


def busy(sides: Mapping[str, Sequence[Report]]) -> str:
    """Say it of every side, by its name; a side whose worker had time to spare is told apart."""
    return "; ".join(f"{name}: {_side(reports)}" for name, reports in sides.items())


def _side(reports: Sequence[Report]) -> str:
    worker, generator = (_share(reports, who) for who in ("worker", "generator"))
    told = f"worker {_percent(worker)}, generator {_percent(generator)} of a core"
    return f"{told} (the worker was not the limit)" if worker is not None and worker < LIMIT else told


def _share(reports: Sequence[Report], who: str) -> float | None:
    total = add_up(list(reports))
    spent = total.processor_seconds.get(who)
    return None if spent is None or not total.seconds else spent / total.seconds


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"

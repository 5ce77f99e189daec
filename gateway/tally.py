"""What a deployment's arms have done on all workers of this gateway, read out of their metrics."""

from collections.abc import Mapping
from pathlib import Path

from gateway.description import ArmTally
from gateway.meters import NO_ARM
from monitoring import metrics
from monitoring.exposition import Totals, read_totals
from monitoring.metrics import Metric
from routing.table import CANARY, CHAMPION, FALLBACK


def tallies_of(directory: Path, deployment: str) -> Mapping[str, ArmTally]:
    """Return what every arm that answers has done. Reads the series files in `directory`."""
    totals = read_totals(directory)
    return {arm: _tally(totals, deployment, arm) for arm in (CHAMPION, CANARY, FALLBACK)}


def _tally(totals: Totals, deployment: str, arm: str) -> ArmTally:
    codes = {
        labels[2]: values[0] for labels, values in totals[metrics.CALLS.name].items() if labels[:2] == (deployment, arm)
    }
    answered = codes.pop("OK", 0.0)
    _, answered_seconds = _times(totals, metrics.CALL_SECONDS, deployment, arm)
    runs, running_seconds = _times(totals, metrics.STAGE_SECONDS, deployment, arm, "infer")
    whole = NO_ARM if arm == CHAMPION else ""
    queued, queued_seconds = _times(totals, metrics.STAGE_SECONDS, deployment, whole, "queue")
    reads, reading_seconds = _times(totals, metrics.STAGE_SECONDS, deployment, whole, "features")
    return ArmTally(
        answered=int(answered),
        failed=int(sum(codes.values())),
        runs=runs,
        answered_seconds=answered_seconds,
        queued=queued,
        queued_seconds=queued_seconds,
        reads=reads,
        reading_seconds=reading_seconds,
        running_seconds=running_seconds,
    )


def _times(totals: Totals, metric: Metric, *labels: str) -> tuple[int, float]:
    """Return how many times were observed, and their sum in seconds."""
    values = totals[metric.name].get(labels)
    return (0, 0.0) if values is None else (int(sum(values[:-1])), values[-1])

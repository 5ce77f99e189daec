"""A deployment's metric series, resolved once, so that counting in the line is one addition each."""

from collections.abc import Iterable, Sequence

from gateway.call import FeatureStatus
from gateway.errors import GatewayError
from gateway.features.block import KeyOutcomes
from monitoring import metrics
from monitoring.series import Counter, Histogram, SeriesFile
from routing.table import CANARY, CHAMPION, FALLBACK

NO_ARM = "none"
NOT_FRESH: tuple[FeatureStatus, ...] = tuple(status for status in FeatureStatus if status is not FeatureStatus.FRESH)


class ArmMeters:
    """What is counted of one arm."""

    def __init__(self, series: SeriesFile, deployment: str, arm: str, decisions: Iterable[str]) -> None:
        self.answered: Counter = series.counter(metrics.CALLS, deployment, arm, "OK")
        self.rescued: Counter = series.counter(metrics.RESCUED, deployment, arm)
        self.total: Histogram = series.histogram(metrics.CALL_SECONDS, deployment, arm)
        self.infer: Histogram = series.histogram(metrics.STAGE_SECONDS, deployment, arm, "infer")
        self.decisions = {name: series.counter(metrics.DECISIONS, deployment, arm, name) for name in decisions}


class Meters:
    """What is counted of one deployment. Never raises into a call: labels are bounded by what is declared."""

    def __init__(self, series: SeriesFile, deployment: str, decisions: Iterable[str], features: Iterable[str]) -> None:
        decisions = tuple(decisions)
        self.arms = {arm: ArmMeters(series, deployment, arm, decisions) for arm in (CHAMPION, CANARY, FALLBACK)}
        self.faults = {arm: FaultMeters(series, deployment, arm) for arm in (CHAMPION, CANARY, FALLBACK)}
        self.list_rows = series.histogram(metrics.LIST_ROWS, deployment)
        self.queue = series.histogram(metrics.STAGE_SECONDS, deployment, NO_ARM, "queue")
        self.features = series.histogram(metrics.STAGE_SECONDS, deployment, NO_ARM, "features")
        self._not_fresh = [
            {
                status: series.counter(metrics.FEATURES_NOT_FRESH, deployment, name, status.name.lower())
                for status in NOT_FRESH
            }
            for name in features
        ]
        self._keys = [series.counter(metrics.FEATURE_KEYS, deployment, outcome) for outcome in KeyOutcomes._fields]
        # All of them now: making one means writing a file, and nothing of that may happen in a call's way.
        self._refusals = {
            (arm, code): series.counter(metrics.CALLS, deployment, arm, code)
            for arm in (NO_ARM, CHAMPION, CANARY)
            for code in sorted({error.code for error in GatewayError.__subclasses__()})
        }

    def refuse(self, arm: str, code: str) -> None:
        """Count a row that got no prediction."""
        self._refusals[arm, code].add()

    def count_not_fresh(self, cells: Iterable[tuple[int, FeatureStatus]], rows: int) -> None:
        """Count the features (column and status) that were not fresh in so many rows."""
        for column, status in cells:
            self._not_fresh[column][status].add(rows)

    def count_keys(self, outcomes: KeyOutcomes) -> None:
        """Count the distinct entity keys of a list by what became of them."""
        for counter, keys in zip(self._keys, outcomes, strict=True):
            counter.add(keys)


class BookMeters:
    """What is counted of answers that are kept for whoever repeats a call."""

    def __init__(self, series: SeriesFile, deployment: str) -> None:
        self._answered: Counter = series.counter(metrics.CALLS, deployment, NO_ARM, "OK")
        self._total: Histogram = series.histogram(metrics.CALL_SECONDS, deployment, NO_ARM)
        self._replayed = series.counter(metrics.KEPT_ANSWERS, deployment, "replayed")
        self.kept = series.counter(metrics.KEPT_ANSWERS, deployment, "kept")
        self.unknown = series.counter(metrics.KEPT_ANSWERS, deployment, "unknown")
        self.reused = series.counter(metrics.KEPT_ANSWERS, deployment, "reused")

    def replay(self, received: Sequence[float], ended: float) -> None:
        """Count rows that were given an answer again; they came in at these moments."""
        self._answered.add(len(received))
        self._replayed.add(len(received))
        self._total.observe_since(received, ended)


class AheadMeters:
    """What is counted of rows whose score may have been computed ahead."""

    def __init__(self, series: SeriesFile, deployment: str) -> None:
        self.hit = series.counter(metrics.PRECOMPUTED_ROWS, deployment, "hit")
        self.missing = series.counter(metrics.PRECOMPUTED_ROWS, deployment, "missing")
        self.old = series.counter(metrics.PRECOMPUTED_ROWS, deployment, "old")
        self.late = series.counter(metrics.PRECOMPUTED_ROWS, deployment, "late")
        self.other = series.counter(metrics.PRECOMPUTED_ROWS, deployment, "other")


class FaultMeters:
    """What is counted of an arm's faults."""

    def __init__(self, series: SeriesFile, deployment: str, arm: str) -> None:
        self.contract = series.counter(metrics.FAULTS, deployment, arm, "contract")
        self.row = series.counter(metrics.FAULTS, deployment, arm, "row")
        self.flaky = series.counter(metrics.FAULTS, deployment, arm, "flaky")
        self.unfinished = series.counter(metrics.FAULTS, deployment, arm, "unfinished")
        self.dropped = series.counter(metrics.FAULTS, deployment, arm, "dropped")


class ShadowMeters:
    """What is counted of one shadow."""

    def __init__(self, series: SeriesFile, deployment: str, version: str) -> None:
        self.ok = series.counter(metrics.SHADOW_ROWS, deployment, version, "ok")
        self.failed = series.counter(metrics.SHADOW_ROWS, deployment, version, "failed")
        self.dropped = series.counter(metrics.SHADOW_ROWS, deployment, version, "dropped")
        self.flips = series.counter(metrics.SHADOW_FLIPS, deployment, version)

    def count(self, decided: bool, flip: bool) -> None:
        """Count a row that the shadow decided or not, and otherwise than the champion or not."""
        (self.ok if decided else self.failed).add()
        if flip:
            self.flips.add()

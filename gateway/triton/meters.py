"""What is counted of one bundle on one Triton."""

from monitoring import metrics
from monitoring.series import SeriesFile


class EndpointMeters:
    """Every series from the start: making one means writing a file, and nothing of that may happen later."""

    def __init__(self, series: SeriesFile, deployment: str, version: str, address: str) -> None:
        labels = (deployment, version, address)
        self.outstanding = series.gauge(metrics.TRITON_OUTSTANDING, *labels)
        self.repeated = series.counter(metrics.TRITON_REPEATED, *labels)
        self._down = series.gauge(metrics.TRITON_DOWN, *labels)
        self._away = series.counter(metrics.TRITON_LEFT, *labels, "away")
        self._slow = series.counter(metrics.TRITON_LEFT, *labels, "slow")
        self.outstanding.set(0.0)
        self._down.set(1.0)

    def entered(self) -> None:
        """It is asked from now on."""
        self._down.set(0.0)

    def left(self, slow: bool) -> None:
        """It is asked no more: for being slow, or for being away."""
        self._down.set(1.0)
        (self._slow if slow else self._away).add()

    def closed(self) -> None:
        """Nobody misses it."""
        self._down.set(0.0)
        self.outstanding.set(0.0)

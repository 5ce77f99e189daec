"""What is counted of one lane host."""

from gateway.backends.host_death import Reason
from monitoring import metrics
from monitoring.series import SeriesFile


class HostMeters:
    """Every series from the start: making one means writing a file, and nothing of that may happen later."""

    def __init__(self, series: SeriesFile, deployment: str, version: str) -> None:
        self.starts = series.counter(metrics.HOST_STARTS, deployment, version)
        self.down = series.gauge(metrics.HOST_DOWN, deployment, version)
        self.busy = series.gauge(metrics.HOST_BUSY, deployment, version)
        self._deaths = {
            reason: series.counter(metrics.HOST_DEATHS, deployment, version, reason)
            for reason in Reason
            if reason is not Reason.CLOSED
        }
        self.down.set(1.0)
        self.busy.set(0.0)

    def died(self, reason: Reason) -> None:
        """Count a death; one that was wanted is none."""
        if reason in self._deaths:
            self._deaths[reason].add()

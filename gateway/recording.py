"""A worker's decision records: one writer for all its deployments, begun with the first that wants any."""

import asyncio
import logging
import time
from pathlib import Path

from gateway.deployment import Deployment
from gateway.record import DeploymentRecorder, NullRecorder, Recorder
from monitoring import metrics
from monitoring.records.segment import SegmentDirectory
from monitoring.records.writer import RecordCounts, RecordWriter, WriterLimits
from monitoring.series import SeriesFile

log = logging.getLogger("sluice.records")


class Recording:
    """Makes recorders, also when a table has changed. `patience` is how long, in seconds, a close may take."""

    def __init__(self, directory: Path, limits: WriterLimits, slot: int, series: SeriesFile, patience: float) -> None:
        removed = series.counter(metrics.RECORD_SEGMENTS_REMOVED, str(slot))
        files = SegmentDirectory(directory, slot, time.time_ns)
        self._writer = RecordWriter(files, limits, time.monotonic, time.time_ns, removed)
        self._series = series
        self._patience = patience
        self._started = False

    def recorder(self, deployment: Deployment) -> Recorder:
        """Return what records the deployment as it is declared now."""
        if deployment.record_share <= 0.0:
            return NullRecorder()
        if not self._started:
            self._started = True
            self._writer.start()
        name, counter = deployment.name, self._series.counter
        written, dropped, failed = (counter(metrics.RECORDS, name, one) for one in ("written", "dropped", "failed"))
        counts = RecordCounts(name, written, dropped, failed)
        return DeploymentRecorder(name, deployment.table.number, deployment.record_share, self._writer, counts)

    async def close(self) -> None:
        """Write what was recorded, and end the writer."""
        if self._started and not await asyncio.to_thread(self._writer.close, self._patience):
            log.error("decision records: the disk was too slow, what was left of them is lost")

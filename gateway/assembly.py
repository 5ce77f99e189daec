"""The one place where a worker's parts are put together: the feature store, the door, and the deployments behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from gateway.config import ServeConfig
from gateway.deployments import Deployments
from gateway.entrances import Entrances
from gateway.features.address import parse_address
from gateway.features.redis_reader import RedisFeatureReader, RedisLimits
from gateway.later.near_real_time import NearRealTime, begin
from gateway.loop_lag import LoopLag
from gateway.recording import Recording
from gateway.served import Served
from gateway.tally import tallies_of
from monitoring import metrics
from monitoring.records.writer import WriterLimits
from monitoring.series import SeriesFile


@dataclass(frozen=True, slots=True)
class Gateway:
    """A worker's assembled parts. `close` answers what was accepted and lets everything go."""

    door: Entrances
    deployments: Deployments
    reader: RedisFeatureReader
    recording: Recording
    later: NearRealTime

    async def close(self) -> None:
        """Drain, then close what was opened, in reverse."""
        self.door.stop()
        await self.later.close()
        await self.door.close()
        await self.deployments.close()
        await self.reader.close()
        await self.recording.close()


async def assemble(config: ServeConfig, slot: int, served: Iterable[Served]) -> Gateway:
    """Put a worker together. Raises `ConfigError`, `DeploymentError` or `BundleError`, each one clear line."""
    series = SeriesFile(config.state / "metrics", slot)
    for gauge in (
        metrics.BUNDLE,
        metrics.HOST_DOWN,
        metrics.HOST_BUSY,
        metrics.TRITON_OUTSTANDING,
        metrics.TRITON_DOWN,
    ):
        series.zero(gauge)
    reader = RedisFeatureReader(parse_address(config.redis_url), RedisLimits(config.feature_connections))
    await reader.start()
    lag = LoopLag(series.gauge(metrics.LOOP_LATE, str(slot)).set)
    lag.start()
    door = Entrances({}, {}, lag, partial(tallies_of, config.state / "metrics"))
    limits = WriterLimits(kept=config.records_max_mb << 20)
    recording = Recording(config.records or config.state / "records", limits, slot, series, config.grace)
    deployments = Deployments(config, door, reader, recording, series, lag)
    for one in served:
        await deployments.load(one, starting=True)
        deployments.turn(one.name)
    await deployments.settle(config.seats.wait)
    series.counter(metrics.WORKER_STARTS, str(slot)).add()
    name = f"{config.gateway_name}/{slot}"
    later = await begin(config.queue_url, config.queue, name, door, series, config.grace)
    return Gateway(door, deployments, reader, recording, later)

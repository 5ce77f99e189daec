"""The one place where a worker's parts are put together: bundles, lanes, lines and the door in front of them."""

import time
from dataclasses import dataclass
from pathlib import Path

from gateway.admission import Admission
from gateway.clock import event_clock
from gateway.config import ConfigError, ServeConfig
from gateway.deployment import Deployment, DeploymentError, read_deployment
from gateway.entrance import Entrance
from gateway.entrances import Entrances
from gateway.features.address import parse_address
from gateway.features.redis_reader import RedisFeatureReader, RedisLimits
from gateway.line_builder import LineBuilder
from gateway.line_description import describe
from gateway.loop_lag import LoopLag
from monitoring import metrics
from monitoring.series import SeriesFile


@dataclass(frozen=True, slots=True)
class Gateway:
    """A worker's assembled parts. `close` answers what was accepted and lets everything go."""

    door: Entrances
    reader: RedisFeatureReader

    async def close(self) -> None:
        """Drain, then close what was opened, in reverse."""
        await self.door.close()
        await self.reader.close()


async def assemble(config: ServeConfig, slot: int) -> Gateway:
    """Put a worker together. Raises `ConfigError`, `DeploymentError` or `BundleError`, each one clear line."""
    series = SeriesFile(config.state / "metrics", slot)
    series.zero(metrics.BUNDLE)
    reader = RedisFeatureReader(parse_address(config.redis_url), RedisLimits(config.feature_connections))
    await reader.start()
    entrances, descriptions = {}, {}
    lag = LoopLag()
    lag.start()
    deployments = find_deployments(config.models)
    greatest = max(deployment.share for deployment in deployments)
    for deployment in deployments:
        admission = Admission(deployment.budget, deployment.share / greatest)
        event_now = event_clock(_offset_of(deployment, config))
        builder = LineBuilder(deployment, config, reader, series, event_now, admission)
        line, intake = await builder.build()
        name = deployment.name
        entrances[name] = Entrance(line, intake, admission, time.monotonic, config.lists, config.waiting_limit, lag)
        descriptions[name] = describe(line)
    series.counter(metrics.WORKER_STARTS, str(slot)).add()
    return Gateway(Entrances(entrances, descriptions, lag), reader)


def find_deployments(models: Path) -> list[Deployment]:
    """Return every deployment that has a `deployment.yaml`, by name. Raises `DeploymentError`."""
    paths = sorted(models.glob("*/deployment.yaml"))
    if not paths:
        raise DeploymentError(f"{models}: no <name>/deployment.yaml here")
    return [read_deployment(path) for path in paths]


def _offset_of(deployment: Deployment, config: ServeConfig) -> float:
    if deployment.clock == "wall":
        return 0.0
    offset = config.offsets.get(deployment.name)
    if offset is None:
        raise ConfigError(
            f"deployment {deployment.name} has a replay clock and no offset: "
            "run `sluice up` once, or start with --replay-now"
        )
    return offset

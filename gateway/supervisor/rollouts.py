"""A gateway's side of rollouts, while it runs: follows the control Redis, and tells it what is found out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.config import ServeConfig
from gateway.supervisor.condemned import Condemned
from gateway.supervisor.follower import Follower
from gateway.supervisor.tables import Tables
from gateway.supervisor.teller import Teller
from gateway.supervisor.turning import Turning
from gateway.supervisor.workers import Workers
from monitoring import metrics
from monitoring.series import SeriesFile
from routing.control.client import open_control
from routing.control.redis_feed import RedisFeed
from routing.control.redis_store import RedisStore


@asynccontextmanager
async def following(
    config: ServeConfig, tables: Tables, turning: Turning, workers: Workers, series: SeriesFile
) -> AsyncIterator[None]:
    """Follow while the block runs, if the config names a control Redis."""
    if not config.control_url:
        yield
        return
    condemned = Condemned(config.state / "condemned.json")
    condemned.read()
    client = open_control(config.control_url)
    follower = Follower(RedisStore(client), tables, turning, condemned, series.gauge(metrics.CONTROL_HEARD))
    teller = Teller(config.gateway_name, RedisFeed(client), follower, tables, workers, series)
    tasks = [asyncio.create_task(follower.run(), name="follow"), asyncio.create_task(teller.run(), name="tell")]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await client.aclose()

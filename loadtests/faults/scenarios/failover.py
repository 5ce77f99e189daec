"""The primary Redis dies and a sentinel makes the replica primary."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from loadtests.faults.ending import ANSWERED
from loadtests.faults.expectation import at_most
from loadtests.faults.free_ports import free_ports
from loadtests.faults.observing import none_failed, observed, parts
from loadtests.faults.plan import Plan
from loadtests.faults.redis_process import RedisProcess, find_redis_server
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.script import Deed
from loadtests.faults.served import Wanted, serve
from loadtests.faults.stage import Stage
from loadtests.faults.timeline import first_after
from loadtests.faults.waiting import wait_until

_BEFORE, _AFTER = 2.0, 8.0
_NAME = "features"
_DOWN_AFTER_MS = 1000


def failover(stage: Stage) -> Observed:
    """Kill the primary under a sentinel that takes a second to believe it."""
    folder = stage.plan.out / "redis"
    with stage.redis("failover-primary") as primary:
        settings = ("--replicaof", "127.0.0.1", str(primary.port))
        replica = RedisProcess(folder / "failover-replica", None, stage.plan.seats.redis, *settings)
        with replica, _sentinel(folder / "failover-sentinel", primary.port) as port:
            _await_replica(replica)
            url = f"redis+sentinel://127.0.0.1:{port}/{_NAME}/0"
            with serve(stage.plan, Wanted("redis-failover", url)) as served:
                deeds = [Deed(_BEFORE, "killed", primary.kill)]
                deeds.append(Deed(_BEFORE, "replica is primary", lambda: _await_primary(replica)))
                run = stage.steady(served, _BEFORE + _AFTER, deeds)
    cut = parts(run, "killed", "replica is primary")
    back = first_after(run.calls, run.moments["replica is primary"], ANSWERED)
    expected = [none_failed(run.calls), at_most("first fresh answer after the failover", back, 1.0, "s")]
    return observed(run, cut, expected)


@contextmanager
def _sentinel(folder: Path, primary: int) -> Iterator[int]:
    (port,) = free_ports(1)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "sentinel.conf"
    file.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {folder.resolve()}\n"
        f"sentinel monitor {_NAME} 127.0.0.1 {primary} 1\n"
        f"sentinel down-after-milliseconds {_NAME} {_DOWN_AFTER_MS}\nsentinel failover-timeout {_NAME} 5000\n"
    )
    with (folder / "sentinel.log").open("ab") as log:
        process = subprocess.Popen([find_redis_server(), str(file), "--sentinel"], stdout=log, stderr=log)
    try:
        _await(port, lambda client: bool(client.ping()), "the sentinel did not start")
        yield port
    finally:
        process.kill()
        process.wait()


def _await_replica(replica: RedisProcess) -> None:
    _await(replica.port, lambda client: client.info("replication").get("master_link_status") == "up", "no replica")


def _await_primary(replica: RedisProcess) -> None:
    _await(replica.port, lambda client: client.info("replication")["role"] == "master", "no failover")


def _await(port: int, holds: Callable[[Any], bool], trouble: str) -> None:
    with redis.Redis(port=port, socket_timeout=2.0) as client:
        wait_until(lambda: _says(client, holds), trouble, pause=0.02)


def _says(client: redis.Redis, holds: Callable[[Any], bool]) -> bool:
    with suppress(redis.RedisError):
        return holds(client)
    return False


def _seconds(_: Plan) -> float:
    return _BEFORE + _AFTER + 20


SCENARIOS = (
    Scenario(
        "redis-failover",
        "the primary Redis dies, a sentinel makes the replica primary",
        "every call answered or degraded within its budget; fresh again within 1 s of the failover",
        failover,
        _seconds,
    ),
)

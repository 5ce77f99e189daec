"""What all measures stand on: trained bundles and a filled Redis, brought up once as a user would, by `sluice up`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from loadtests.bench.plan import Plan
from loadtests.processors import held
from loadtests.serving import Start, started


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the features are; the pids are empty where the Redis is somebody else's and was not named."""

    redis: str
    redis_pids: list[int] = field(default_factory=list)


@contextmanager
def ground(plan: Plan) -> Iterator[Ground]:
    """Bring the ground up and hold it; raises ServingError. Its own gateway stays idle all the while."""
    if plan.redis is not None:
        yield Ground(plan.redis, [plan.redis_pid] if plan.redis_pid else [])
        return
    port = plan.base_port
    values = {"grpc_port": port, "http_port": port + 1, "metrics_port": port + 2, "redis_port": port - 1}
    command = [word.format(**values) for word in plan.up]
    start = Start(command, ("127.0.0.1", port + 1), None, plan.out / "logs" / "up.log", plan.patience)
    with started(start) as processes, held(processes.redis, plan.seats.redis):
        yield Ground(f"redis://127.0.0.1:{port - 1}", processes.redis)

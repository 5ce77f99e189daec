"""`sluice control` as a process of its own, started on free ports and killed in the end."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.testing.redis_server import RedisServer
from tests.free_ports import free_ports
from tests.live.running_gateway import ROOT, SLUICE


@dataclass(frozen=True)
class Control:
    """A control process of ours, with its addresses."""

    process: subprocess.Popen[str]
    grpc: str
    http: str


def control_command(redis: RedisServer, models: Path, principals: Path, grpc: int, http: int) -> list[str]:
    """Return what starts one on these ports."""
    command = [*SLUICE, "control", "--control-url", redis.url, "--models", str(models)]
    ports = ["--control-grpc-port", str(grpc), "--control-http-port", str(http)]
    return [*command, "--principals", str(principals), *ports]


@contextmanager
def controlling(
    redis: RedisServer, models: Path, principals: Path, ports: Sequence[int] | None = None
) -> Iterator[Control]:
    """Run one until the block ends, which kills it; it is ready when the block begins."""
    grpc, http = ports or free_ports(2)
    command = control_command(redis, models, principals, grpc, http)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert any(line.startswith("Ctrl-C") for line in process.stdout), "it has ended, and said why"
        yield Control(process, f"127.0.0.1:{grpc}", f"http://127.0.0.1:{http}")
    finally:
        process.kill()
        process.communicate()

"""The servers that the battery asks: Sluice on both of its fronts, or whatever runs at addresses that are given.

`OPEN_INFERENCE_SERVER='grpc=HOST:PORT http=HOST:PORT model=NAME input=NAME output=NAME'` names another one. Its model
takes float32 [rows, 4] and answers with the first column (`gateway.testing.bundles.write_model` writes it as ONNX);
what only Sluice can do is then left out.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.testing.redis_server import RedisServer
from tests.live.running_gateway import NO_SPARE, start, stop
from tests.live.small_house import SmallHouse

VARIABLE = "OPEN_INFERENCE_SERVER"
FRONTS = ("h2corn", "conservative")
WIDTH = 4


@dataclass(frozen=True)
class Target:
    """A server, and the model there whose score is the first column of its input."""

    grpc: str
    http: str
    model: str
    input: str
    output: str
    is_sluice: bool


def names() -> tuple[str, ...]:
    """Return what there is to ask."""
    return ("elsewhere",) if os.environ.get(VARIABLE) else FRONTS


@contextmanager
def asked(name: str, redis: RedisServer, root: Path) -> Iterator[Target]:
    """Return one of them, started if it is ours, until the block ends."""
    if name == "elsewhere":
        said = dict(word.split("=", 1) for word in os.environ[VARIABLE].split())
        yield Target(**said, is_sluice=False)
        return
    house = SmallHouse(root)
    house.bundle("fraud", "1")
    house.bundle("fraud", "2")
    house.declare("fraud", champion="1", canary={"version": "2", "weight": 0.5})
    house.bundle("quotes", "1")
    path = house.declare("quotes", champion="1")
    path.write_text(path.read_text().replace("{entity: card_id}", "{request: session_id}"))
    running = start(redis, house.state, name, "--workers", "1", *NO_SPARE, *house.flags)
    try:
        yield Target(running.grpc, running.http.removeprefix("http://"), "fraud", "features", "score", True)
    finally:
        assert stop(running) == 0

"""What live tests begin with, made once for all: bundles, and a Redis that Feast has filled."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from gateway.testing.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
PLACE = ROOT / ".sluice" / "tests"
_DUMP = "filled.rdb"

SkewRows = Callable[[str], list[dict[str, Any]]]
"""Gives calls about 1,000 entities of a deployment, each with the score of the training code itself."""


@contextmanager
def preparing() -> Iterator[None]:
    """Keep every other process that tests from building or filling until the block ends."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def filled_server(folder: Path) -> RedisServer:
    """Return a Redis with the features of all deployments. What has not changed since is not made again."""
    with preparing():
        if (PLACE / _DUMP).exists():
            shutil.copyfile(PLACE / _DUMP, folder / _DUMP)
        server = RedisServer("--dir", str(folder), "--dbfilename", _DUMP)
        command = [sys.executable, "-m", "models.pipeline", "prepare", "--redis", server.url]
        subprocess.run(command, cwd=ROOT, check=True)
        with redis.Redis.from_url(server.url) as client:
            client.save()
        os.replace(shutil.copyfile(folder / _DUMP, PLACE / f"{_DUMP}.new"), PLACE / _DUMP)
    return server

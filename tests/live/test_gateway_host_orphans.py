"""A worker that is killed takes its lane hosts with it, also one that is busy in native code."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.testing.hostile_models import FOR_EVER, write_looping_model
from tests.live.hosted import WIDTH, children, lives
from tests.live.waiting import until

WORKER = """
import asyncio, sys, uvloop
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.live.hosted import model_at, rows, running

async def work():
    directory = Path({directory!r})
    async with running(directory, [model_at(directory / "model.onnx")]) as host:
        run = asyncio.ensure_future(host.backend(0).run(rows(0.5, second={rounds!r})))
        await asyncio.sleep(0)
        print("ready", flush=True)
        await run
        await asyncio.Event().wait()

uvloop.run(work())
"""


@pytest.mark.parametrize("rounds", [1.0, FOR_EVER])
def test_a_killed_worker_leaves_no_host_behind(tmp_path: Path, rounds: float) -> None:
    write_looping_model(tmp_path / "model.onnx", WIDTH)
    root = str(Path(__file__).parents[2])
    script = WORKER.format(root=root, directory=str(tmp_path), rounds=rounds)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        (host,) = children(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        until(lambda: not lives(host))

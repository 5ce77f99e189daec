"""One battery for every backend, real and fake, in this process, in a thread of it and in a child."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from gateway.backends.backend import Backend, BackendError
from gateway.backends.host import HostedBackend
from gateway.backends.host_meters import HostMeters
from gateway.backends.lane_host import LaneHost
from gateway.backends.onnx import OnnxBackend
from gateway.backends.settings import HostSettings
from gateway.backends.threaded import ThreadedBackend
from gateway.host.order import HostedModel
from gateway.testing.bundles import write_model
from gateway.testing.scripted_backend import ScriptedBackend
from monitoring.series import SeriesFile

WIDTH = 3
# Generous: the machine may have more to do.
SETTINGS = HostSettings(patience=30.0)


async def onnx_backend(model: Path) -> Backend:
    return OnnxBackend(model, WIDTH)


async def scripted_backend(model: Path) -> Backend:
    return ScriptedBackend()


async def threaded_backend(model: Path) -> Backend:
    return ThreadedBackend(OnnxBackend(model, WIDTH).score)


async def hosted_backend(model: Path) -> Backend:
    async def no_proof(backends: Sequence[HostedBackend]) -> None:
        """The battery itself is one."""

    host = LaneHost("test", [ordered(model)], no_proof, HostMeters(SeriesFile(model.parent, 0), "fraud", "1"), SETTINGS)
    host.start()
    await host.decided()
    return host.backend(0)


def ordered(model: Path) -> HostedModel:
    return HostedModel(str(model), WIDTH, hashlib.sha256(model.read_bytes()).hexdigest())


ALL = (onnx_backend, scripted_backend, threaded_backend, hosted_backend)
REAL = tuple(make for make in ALL if make is not scripted_backend)
Make = Callable[[Path], Awaitable[Backend]]


@pytest.fixture
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Yield a backend that is ready, and close it."""
    make: Make = request.param
    write_model(tmp_path / "model.onnx", WIDTH)
    backend = await make(tmp_path / "model.onnx")
    yield backend
    await backend.close()


def some_rows(count: int) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return np.random.default_rng(7).random((count, WIDTH), dtype=np.float32)


@pytest.mark.parametrize("backend", ALL, indirect=True)
async def test_a_timed_run_scores_the_same_and_took_a_little(backend: Backend) -> None:
    for count in (1, 64, 257):
        rows = some_rows(count)
        scores, seconds = await backend.timed(rows)
        assert scores.tolist() == rows[:, 0].tolist()
        assert 0.0 < seconds < 30.0


@pytest.mark.parametrize("backend", ALL, indirect=True)
async def test_one_score_a_row_in_order(backend: Backend) -> None:
    for count in (1, 2, 64, 65, 257):
        rows = some_rows(count)
        scores = await backend.run(rows)
        assert scores.shape == (count,)
        assert scores.dtype == np.float64
        assert scores.tolist() == rows[:, 0].tolist()


@pytest.mark.parametrize("backend", ALL, indirect=True)
async def test_a_rows_score_does_not_depend_on_its_neighbours(backend: Backend) -> None:
    rows = some_rows(8)
    together = await backend.run(rows)
    alone = [(await backend.run(rows[at : at + 1]))[0] for at in range(8)]
    assert together.tolist() == alone


@pytest.mark.parametrize("backend", ALL, indirect=True)
async def test_runs_may_overlap(backend: Backend) -> None:
    lists = [some_rows(count) * count for count in (1, 64, 3, 2, 40)]
    for rows, scores in zip(lists, await asyncio.gather(*map(backend.run, lists)), strict=True):
        assert scores.tolist() == rows[:, 0].tolist()


@pytest.mark.parametrize("backend", ALL, indirect=True)
async def test_a_cancelled_run_leaves_no_trace(backend: Backend) -> None:
    for _ in range(50):
        given_up = asyncio.ensure_future(backend.run(some_rows(64) + 100.0))
        await asyncio.sleep(0)  # it begins
        given_up.cancel()
        await asyncio.wait([given_up])
        rows = some_rows(5)
        assert (await backend.run(rows)).tolist() == rows[:, 0].tolist()


@pytest.mark.parametrize("backend", REAL, indirect=True)
async def test_the_real_ones_fail_as_the_fake_does(backend: Backend) -> None:
    fake = ScriptedBackend()
    fake.failure = "told to"
    with pytest.raises(BackendError):
        await fake.run(some_rows(1))
    with pytest.raises(BackendError):
        await backend.run(np.zeros((1, WIDTH + 1), dtype=np.float32))
    assert len(await backend.run(some_rows(1))) == 1, "and go on"


@pytest.mark.parametrize("backend", ALL, indirect=True)
async def test_closing_twice_is_closing_once(backend: Backend) -> None:
    await backend.close()

"""One battery for every backend, real and fake: in this process, in a thread of it, in a child, and on Triton."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
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
from gateway.bundle import Bundle, load_bundle
from gateway.host.order import HostedModel
from gateway.testing.bundles import write_bundle, write_model
from gateway.testing.plans import small_document
from gateway.testing.scripted_backend import ScriptedBackend
from gateway.testing.scripted_triton import ScriptedModel, ScriptedTriton
from gateway.triton.remote_bundle import RemoteBundle
from gateway.triton.settings import TritonSettings
from monitoring.series import SeriesFile
from tests.real_triton import RealTriton

WIDTH = len(small_document()["features"])
# Generous: the machine may have more to do.
SETTINGS = HostSettings(patience=30.0)


@dataclass(frozen=True)
class Ground:
    """What a backend is made on: a model, what is undone in the end, and a real Triton for who asks for it."""

    model: Path
    undo: AsyncExitStack
    triton: Callable[[], RealTriton]

    def series(self) -> SeriesFile:
        return SeriesFile(self.model.parent / "metrics", 0)

    def bundle(self) -> Path:
        return write_bundle(self.model.parent / "bundles")


async def onnx_backend(ground: Ground) -> Backend:
    return OnnxBackend(ground.model, WIDTH)


async def scripted_backend(ground: Ground) -> Backend:
    return ScriptedBackend()


async def threaded_backend(ground: Ground) -> Backend:
    return ThreadedBackend(OnnxBackend(ground.model, WIDTH).score)


async def hosted_backend(ground: Ground) -> Backend:
    async def no_proof(backends: Sequence[HostedBackend]) -> None:
        """The battery itself is one."""

    meters = HostMeters(ground.series(), "fraud", "1")
    host = LaneHost("test", [ordered(ground.model)], no_proof, meters, SETTINGS)
    host.start()
    await host.decided()
    return host.backend(0)


async def scripted_triton_backend(ground: Ground) -> Backend:
    bundle = load_bundle(ground.bundle(), "fraud")
    triton = ScriptedTriton({bundle.manifest.served_name: ScriptedModel(WIDTH)})
    await triton.start()
    ground.undo.push_async_callback(triton.stop)
    return await on_triton(ground, bundle, triton.address)


async def triton_backend(ground: Ground) -> Backend:
    bundle, triton = ground.bundle(), ground.triton()
    triton.keep(bundle)
    return await on_triton(ground, load_bundle(bundle, "fraud"), triton.address)


async def on_triton(ground: Ground, bundle: Bundle, address: str) -> Backend:
    remote = RemoteBundle(bundle, TritonSettings((address,)), ground.series())
    await remote.start()
    assert await remote.decided() == ""
    return remote.backend


def ordered(model: Path) -> HostedModel:
    return HostedModel(str(model), WIDTH, hashlib.sha256(model.read_bytes()).hexdigest())


ALL = (onnx_backend, scripted_backend, threaded_backend, hosted_backend, scripted_triton_backend, triton_backend)
REAL = tuple(make for make in ALL if make is not scripted_backend)
Make = Callable[[Ground], Awaitable[Backend]]


@pytest.fixture
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """Yield a backend that is ready, and close it."""
    make: Make = request.param
    write_model(tmp_path / "model.onnx", WIDTH)
    async with AsyncExitStack() as undo:
        backend = await make(Ground(tmp_path / "model.onnx", undo, lambda: request.getfixturevalue("real_triton")))
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

"""One battery for every backend, real and fake."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gateway.backends.backend import Backend, BackendError
from gateway.backends.onnx import OnnxBackend
from gateway.testing.bundles import write_model
from gateway.testing.scripted_backend import ScriptedBackend

WIDTH = 3
Make = Callable[[Path], Backend]


def onnx_backend(directory: Path) -> Backend:
    write_model(directory / "model.onnx", WIDTH)
    return OnnxBackend(directory / "model.onnx", WIDTH)


def scripted_backend(directory: Path) -> Backend:
    return ScriptedBackend()


backends = pytest.mark.parametrize("make", [onnx_backend, scripted_backend])


@backends
@pytest.mark.parametrize("count", [1, 2, 64, 257])
async def test_one_score_a_row_in_order(tmp_path: Path, make: Make, count: int) -> None:
    backend = make(tmp_path)
    rows = np.random.default_rng(7).random((count, WIDTH), dtype=np.float32)
    scores = await backend.run(rows)
    assert scores.shape == (count,)
    assert scores.dtype == np.float64
    assert scores.tolist() == rows[:, 0].tolist()
    await backend.close()


@backends
async def test_a_rows_score_does_not_depend_on_its_neighbours(tmp_path: Path, make: Make) -> None:
    backend = make(tmp_path)
    rows = np.random.default_rng(7).random((8, WIDTH), dtype=np.float32)
    together = await backend.run(rows)
    alone = [(await backend.run(rows[at : at + 1]))[0] for at in range(8)]
    assert together.tolist() == alone


async def test_the_real_one_fails_as_the_fake_does(tmp_path: Path) -> None:
    real, fake = onnx_backend(tmp_path), ScriptedBackend()
    fake.failure = "told to"
    with pytest.raises(BackendError):
        await real.run(np.zeros((1, WIDTH + 1), dtype=np.float32))
    with pytest.raises(BackendError):
        await fake.run(np.zeros((1, WIDTH), dtype=np.float32))

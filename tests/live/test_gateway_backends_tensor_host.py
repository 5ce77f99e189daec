"""Models of tensors in lane hosts with real children: answers as in process, and what becomes of those that fail."""

import asyncio
import hashlib
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gateway.backends.backend import Away, BackendError, Unfit
from gateway.backends.lane_host import LaneHost
from gateway.backends.onnx_tensors import OnnxTensors
from gateway.host.order import HostedModel
from gateway.tensor import Tensor, from_array, joined, to_array
from gateway.tensor_request import RequestedOutput, TensorAnswer, TensorRequest, in_array
from gateway.testing.hostile_models import LONG_ANSWERS, write_hungry_sums, write_long_answers
from gateway.testing.scripted_host import QUESTION, SPOILED
from gateway.testing.tensor_bundles import ADD_SUB, TEXTS, add_sub_model, text_model
from models.tensor_manifest import TensorSpec
from tests.live.hosted import LONG, SETTINGS, children, running, total
from tests.live.waiting import comes

SCRIPTED = (sys.executable, "-m", "gateway.testing.scripted_host")
Specs = tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]


def written(path: Path, write: Callable[[Path], None] = add_sub_model, specs: Specs = ADD_SUB) -> HostedModel:
    write(path)
    return HostedModel(str(path), 0, hashlib.sha256(path.read_bytes()).hexdigest(), *specs)


def sums(first: int = 0, rows: int = 1, second: int = 1, outputs: tuple[str, ...] = ()) -> NDArray[np.object_]:
    left = np.arange(first, first + 16 * rows, dtype=np.int32).reshape(rows, 16)
    inputs = [from_array("INPUT0", left), from_array("INPUT1", np.full_like(left, second))]
    return in_array([TensorRequest(inputs, [RequestedOutput(name) for name in outputs])])


async def ask(host: LaneHost, request: NDArray[np.object_], model: int = 0) -> TensorAnswer:
    async with asyncio.timeout(LONG):
        (found,) = await host.backend(model).run(request)
    assert isinstance(found, TensorAnswer)
    return found


async def failure(host: LaneHost, request: NDArray[np.object_]) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await ask(host, request)
    return caught.value


async def test_a_host_answers_as_the_worker_would(tmp_path: Path) -> None:
    model = written(tmp_path / "model.onnx")
    local = OnnxTensors(Path(model.path))
    async with running(tmp_path, [model]) as host:
        for request in (sums(), sums(rows=100), sums(5, outputs=("OUTPUT1",)), sums(5, 2, 3, ("OUTPUT1", "OUTPUT0"))):
            (expected,) = local.score(request).tolist()
            assert (await ask(host, request)).outputs == expected.outputs
        several = in_array([sums(at)[0] for at in range(20)])
        answers, seconds = await host.backend(0).timed(several)
        assert [to_array(one.outputs[0])[0, 0] for one in answers.tolist()] == list(range(1, 21))
        assert seconds > 0


async def test_texts_go_there_and_back(tmp_path: Path) -> None:
    async with running(tmp_path, [written(tmp_path / "model.onnx", text_model, TEXTS)]) as host:
        text = Tensor("TEXT", "BYTES", (3,), joined(["grün".encode(), b"", b"a b"]))
        assert (await ask(host, in_array([TensorRequest([text])]))).outputs == [text._replace(name="SAME")]
        broken = await failure(host, in_array([TensorRequest([text._replace(shape=(1,), raw=joined([b"\xff"]))])]))
        assert isinstance(broken, Unfit)


async def test_a_callers_mistake_is_told_from_the_models(tmp_path: Path) -> None:
    async with running(
        tmp_path, [written(tmp_path / "model.onnx", lambda path: add_sub_model(path, picky=True))]
    ) as host:
        wide = sums()[0]
        wide = TensorRequest([from_array("INPUT0", np.zeros((1, 17), dtype=np.int32)), wide.inputs[1]])
        unfit = await failure(host, in_array([wide]))
        assert isinstance(unfit, Unfit)
        assert "onnxruntime does not take it" in str(unfit)
        failed = await failure(host, sums(13))
        assert not isinstance(failed, Unfit | Away)
        assert to_array((await ask(host, sums())).outputs[0])[0, 0] == 1, "and goes on"
        assert total(tmp_path, "sluice_host_deaths_total") == 0


async def test_a_request_that_does_not_fit_finds_nobody_and_an_answer_is_the_models_failure(tmp_path: Path) -> None:
    rows = 7_500  # of 64 bytes for either input: less than a megabyte together in one, more in two
    async with running(tmp_path, [written(tmp_path / "model.onnx")], replace(SETTINGS, tensor_mb=1)) as host:
        away = await failure(host, sums(rows=2 * rows))
        assert isinstance(away, Away)
        assert "--host-tensor-mb" in str(away)
        assert to_array((await ask(host, sums(rows=rows))).outputs[1])[-1, -1] == rows * 16 - 2
        assert total(tmp_path, "sluice_host_busy") == 0
    long = written(tmp_path / "long.onnx", write_long_answers, LONG_ANSWERS)
    async with running(tmp_path, [long], replace(SETTINGS, tensor_mb=1)) as host:
        failed = await failure(host, in_array([TensorRequest([from_array("SIZE", np.array([1 << 20]))])]))
        assert not isinstance(failed, Away)
        assert "the answer is 4,194,3" in str(failed)
        assert "--host-tensor-mb" in str(failed)
        assert (await ask(host, in_array([TensorRequest([from_array("SIZE", np.array([2]))])]))).outputs[0].shape == (
            2,
        )


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"sha256": "0" * 64}, "sha256 is"),
        ({"outputs": ADD_SUB[1][:1]}, "takes or gives other tensors than its manifest says"),
        ({"inputs": TEXTS[0]}, "takes or gives other tensors than its manifest says"),
    ],
)
async def test_a_model_that_is_not_as_written_is_not_run(
    tmp_path: Path, changed: dict[str, object], complaint: str
) -> None:
    model = replace(written(tmp_path / "model.onnx"), **changed)  # type: ignore[arg-type]
    async with running(tmp_path, [model]) as host:
        assert complaint in await host.decided()
        assert complaint in str(await failure(host, sums()))
        assert total(tmp_path, "sluice_host_deaths_total", "load") >= 1


async def test_a_model_that_kills_its_process_fails_its_run_alone(tmp_path: Path) -> None:
    models = [written(tmp_path / "hungry.onnx", write_hungry_sums), written(tmp_path / "model.onnx")]
    async with running(tmp_path, models) as host:
        assert to_array((await ask(host, sums(1, second=0))).outputs[0])[0, 0] == 1
        assert to_array((await ask(host, sums(1, second=5), model=1)).outputs[0])[0, 0] == 6, "the copy beside it"
        assert len(children()) == 1
        gone = await failure(host, sums(1, second=5))
        assert isinstance(gone, Away)
        assert "out of memory" in str(gone)
        await comes(lambda: host.toll().deaths == 1)


@pytest.mark.parametrize(
    ("way", "nonsense", "complaint"),
    [(SPOILED, 1, "its head would be"), (QUESTION, 0, "other outputs than OUTPUT0, OUTPUT1")],
)
async def test_a_host_is_not_believed(tmp_path: Path, way: str, nonsense: int, complaint: str) -> None:
    async with running(tmp_path, [written(tmp_path / "model.onnx")], command=(*SCRIPTED, way)) as host:
        assert complaint in str(await failure(host, sums()))
        await comes(lambda: total(tmp_path, "sluice_host_deaths_total", "nonsense") == nonsense)

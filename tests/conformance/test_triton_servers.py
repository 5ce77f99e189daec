"""One battery for Triton and for the fake of it: loading, what it says of a model, runs, and what it does not run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types
from tritonclient.grpc import service_pb2_grpc

from gateway.backends.backend import Away, BackendError, TooLate
from gateway.testing.bundles import write_bundle, write_manifest
from gateway.testing.hostile_models import write_looping_model
from gateway.testing.plans import small_document
from gateway.testing.scripted_triton import ScriptedModel, ScriptedTriton
from gateway.triton.admission import admit, check_metadata
from gateway.triton.server import Server
from gateway.triton.wire import Served, infer_request, rows_of, scores
from models.manifest import BundleError, load_manifest
from tests.live.waiting import PAUSE
from tests.real_triton import RealTriton

COLUMNS = len(small_document()["features"])
LOOK = 30.0
"""Seconds: the machine may have much else to do."""


@dataclass(frozen=True)
class Ground:
    """A server with one model in its repository, which can be kept busy for a while."""

    server: Server
    served: Served
    stub: service_pb2_grpc.GRPCInferenceServiceStub
    long_row: Callable[[], NDArray[np.float32]]
    """A row that takes half a second and more."""

    async def executed(self) -> int:
        """Return how many rows it has run."""
        found = await self.stub.ModelStatistics(pb.ModelStatisticsRequest(name=self.served.model, version="1"))
        return int(found.model_stats[0].inference_count)

    async def executed_since(self, before: int, at_least: int) -> int:
        """Return how many rows it has run since then, once they are so many: Triton counts after it has answered."""
        for _ in range(int(LOOK / PAUSE)):
            if (found := await self.executed() - before) >= at_least:
                return found
            await asyncio.sleep(PAUSE)
        raise AssertionError(f"it has run {found} rows, not {at_least}")

    async def run(self, rows: NDArray[np.float32], seconds: float = LOOK) -> NDArray[np.float64]:
        request = infer_request(self.served, rows)
        return scores(self.served, await self.server.infer(request, seconds), rows_of(request))

    async def gone(self) -> None:
        """Return when the model is not ready any more."""
        for _ in range(int(LOOK / PAUSE)):
            if not await self.server.ready(self.served.model, LOOK):
                return
            await asyncio.sleep(PAUSE)
        raise AssertionError("it is still ready")

    async def load(self) -> None:
        await self.server.load(self.served.model, LOOK)


def rows(*values: float, loops: float = 0.0) -> NDArray[np.float32]:
    """Return rows whose scores are the values."""
    matrix = np.zeros((len(values), COLUMNS), dtype=np.float32)
    matrix[:, 0], matrix[:, 1] = values, loops
    return matrix


def looping_bundle(directory: Path) -> Path:
    """Write a bundle whose model goes round as often as the second feature says."""
    bundle, provenance = write_bundle(directory), {"newest_event": 1_000.0, "of": str(directory)}
    write_looping_model(bundle / "model.onnx", COLUMNS)
    write_manifest(bundle, "1", small_document()["features"], provenance=provenance)
    return bundle


def real(directory: Path, triton: RealTriton) -> tuple[str, str]:
    return triton.address, triton.keep(looping_bundle(directory), instances=1)


@pytest.fixture(params=["scripted", "real"])
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    """Yield a server of either kind, without the model loaded."""
    async with AsyncExitStack() as undo:
        if request.param == "real":
            address, model = real(tmp_path, request.getfixturevalue("real_triton"))
        else:
            model = load_manifest(looping_bundle(tmp_path)).served_name
            scripted = ScriptedTriton({model: (one := ScriptedModel(COLUMNS))})
            one.takes = lambda matrix: 0.8 if matrix[:, 1].any() else 0.0
            await scripted.start()
            undo.push_async_callback(scripted.stop)
            address = scripted.address
        server = Server(address)
        undo.push_async_callback(server.close)
        channel = await undo.enter_async_context(grpc.aio.insecure_channel(address))
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        yield Ground(server, Served(model, "features", COLUMNS, "score"), stub, lambda: rows(0.5, loops=LOOPS))
        await server.unload(model, LOOK)


LOOPS = 3e6
"""A second on a quick machine: at 4e5 it was 0.13 s there, less than those behind it are told to wait."""


async def test_a_model_is_ready_from_its_loading_to_its_unloading(ground: Ground) -> None:
    model = ground.served.model
    assert not await ground.server.ready(model, LOOK)
    await ground.load()
    assert await ground.server.ready(model, LOOK)
    assert (await ground.run(rows(0.25, 0.5))).tolist() == [0.25, 0.5]
    await ground.server.unload(model, LOOK)
    await ground.gone()
    with pytest.raises(Away):
        await ground.run(rows(0.25))


async def test_it_says_what_a_model_takes_and_gives(ground: Ground) -> None:
    await ground.load()
    found = await ground.server.metadata(ground.served.model, LOOK)
    check_metadata(found, ground.served, "it")
    for wrong in ({"input": "rows"}, {"columns": COLUMNS + 1}, {"output": "price"}):
        with pytest.raises(BundleError, match=r"its manifest says (rows|features|price)"):
            check_metadata(found, ground.served._replace(**wrong), "it")
    assert await ground.server.most_rows(ground.served.model, LOOK) == 256


async def test_what_is_not_in_the_repository_is_called_so(ground: Ground) -> None:
    async def no_proof(server: Server) -> None:
        """There is nothing to prove."""

    nowhere = ground.served._replace(model="nowhere-1-0123456789ab")
    with pytest.raises(Away):
        await ground.server.infer(infer_request(nowhere, rows(0.5)), LOOK)
    with pytest.raises(BundleError, match="not in its repository: write it there with `sluice triton-repository`"):
        await admit(ground.server, nowhere, no_proof, LOOK, LOOK)


async def test_several_may_load_it_at_once(ground: Ground) -> None:
    async def no_proof(server: Server) -> None:
        """There is nothing to prove."""

    await asyncio.gather(*(admit(ground.server, ground.served, no_proof, LOOK, LOOK) for _ in range(4)))
    assert (await ground.run(rows(0.5))).tolist() == [0.5]


async def test_rows_of_another_width_are_their_own_fault(ground: Ground) -> None:
    await ground.load()
    with pytest.raises(BackendError, match="INVALID_ARGUMENT") as caught:
        await ground.server.infer(infer_request(ground.served, np.zeros((1, COLUMNS + 1), dtype=np.float32)), LOOK)
    assert not isinstance(caught.value, Away)


async def test_what_expires_in_the_queue_is_late_and_is_never_run(ground: Ground) -> None:
    await ground.load()
    before = await ground.executed()
    busy = asyncio.ensure_future(ground.run(ground.long_row()))
    await asyncio.sleep(0.05)
    late = await asyncio.gather(*(ground.run(rows(0.5), 0.1) for _ in range(3)), return_exceptions=True)
    assert [one for one in late if not isinstance(one, TooLate)] == []
    assert (await busy).tolist() == [0.5]
    assert (await ground.run(rows(0.75))).tolist() == [0.75]
    assert await ground.executed_since(before, 2) == 2


async def test_what_is_cancelled_in_the_queue_is_never_run(ground: Ground) -> None:
    await ground.load()
    before = await ground.executed()
    busy = asyncio.ensure_future(ground.run(ground.long_row()))
    await asyncio.sleep(0.05)
    given_up = [asyncio.ensure_future(ground.run(rows(0.5))) for _ in range(3)]
    await asyncio.sleep(0.05)
    for one in given_up:
        one.cancel()
    await asyncio.wait(given_up)
    assert (await busy).tolist() == [0.5]
    assert (await ground.run(rows(0.75))).tolist() == [0.75]
    assert await ground.executed_since(before, 2) == 2


async def test_who_is_not_there_is_away() -> None:
    server = Server("127.0.0.1:1")
    with pytest.raises(Away) as caught:
        await server.ready("fraud", LOOK)
    assert not isinstance(caught.value, TooLate)
    await server.close()

"""A Triton of one's own for tests: NVIDIA's gRPC service as far as the gateway uses it, in this process, as scripted.

It loads models explicitly, as Triton does with --model-control-mode=explicit, and says what Triton says where something
is wrong. One instance runs each model: what waits for its turn expires there, and a run that is cancelled in time never
happens.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc
import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types
from tritonclient.grpc import service_pb2_grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Script = Callable[[NDArray[np.float32]], NDArray[np.float64]]


def first_column(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Score a row by its first feature."""
    return rows[:, 0].astype(np.float64)


@dataclass
class ScriptedModel:
    """A model of the repository. `takes` says how many seconds a run lasts; a `failure` is what it says instead."""

    columns: int
    script: Script = first_column
    input: str = "features"
    output: str = "score"
    output_shape: tuple[int, ...] = (-1, 1)
    datatype: str = "FP32"
    most_rows: int = 256
    takes: Callable[[NDArray[np.float32]], float] = lambda rows: 0.0
    failure: tuple[grpc.StatusCode, str] | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class ScriptedTriton(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # shipped without types
    """`models` is its repository, `loaded` what is ready. `explicit` False: it will not be told what to load.

    While `hearing` is cleared it answers no run.
    """

    def __init__(self, models: dict[str, ScriptedModel], explicit: bool = True) -> None:
        self.models = models
        self.loaded: set[str] = set() if explicit else set(models)
        self.explicit = explicit
        self.hearing = asyncio.Event()
        self.hearing.set()
        self.loads: Counter[str] = Counter()
        self.executed: Counter[str] = Counter()
        """Rows that were run, by model."""
        self.expired = 0
        self.cancelled = 0
        self.timeouts: list[int] = []
        """Microseconds that requests might wait, of those that said so."""
        self.port = 0
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, on the same port as before if there was one; what was loaded is lost."""
        self._server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        if self.explicit:
            self.loaded.clear()
        await self._server.start()

    async def stop(self) -> None:
        """End at once, with whatever is under way."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(None)

    async def ServerLive(self, request: pb.ServerLiveRequest, context: Context) -> object:  # noqa: N802
        """It is."""
        return pb.ServerLiveResponse(live=True)

    async def ServerReady(self, request: pb.ServerReadyRequest, context: Context) -> object:  # noqa: N802
        """It is."""
        return pb.ServerReadyResponse(ready=True)

    async def ModelReady(self, request: pb.ModelReadyRequest, context: Context) -> object:  # noqa: N802
        """Whether it is loaded."""
        return pb.ModelReadyResponse(ready=request.name in self.loaded)

    async def ModelMetadata(  # noqa: N802
        self, request: pb.ModelMetadataRequest, context: Context
    ) -> object:
        """Inputs and outputs."""
        model = await self._found(request.name, context)
        kind = pb.ModelMetadataResponse.TensorMetadata
        return pb.ModelMetadataResponse(
            name=request.name,
            versions=["1"],
            platform="scripted",
            inputs=[kind(name=model.input, datatype=model.datatype, shape=[-1, model.columns])],
            outputs=[kind(name=model.output, datatype=model.datatype, shape=model.output_shape)],
        )

    async def ModelConfig(self, request: pb.ModelConfigRequest, context: Context) -> object:  # noqa: N802
        """As far as it is asked for."""
        model = await self._found(request.name, context)
        answer = pb.ModelConfigResponse()
        answer.config.name, answer.config.max_batch_size = request.name, model.most_rows
        return answer

    async def ModelStatistics(  # noqa: N802
        self, request: pb.ModelStatisticsRequest, context: Context
    ) -> object:
        """How many rows have been run."""
        await self._found(request.name, context)
        answer = pb.ModelStatisticsResponse()
        answer.model_stats.add(name=request.name, version="1", inference_count=self.executed[request.name])
        return answer

    async def RepositoryModelLoad(  # noqa: N802
        self, request: pb.RepositoryModelLoadRequest, context: Context
    ) -> object:
        """Load it, if it lies in the repository."""
        await self._managed(context)
        name = request.model_name
        if name not in self.models:
            said = f"failed to load '{name}', failed to poll from model repository"
            await context.abort(grpc.StatusCode.INTERNAL, said)
        self.loads[name] += 1
        self.loaded.add(name)
        return pb.RepositoryModelLoadResponse()

    async def RepositoryModelUnload(  # noqa: N802
        self, request: pb.RepositoryModelUnloadRequest, context: Context
    ) -> object:
        """Let it go."""
        await self._managed(context)
        self.loaded.discard(request.model_name)
        return pb.RepositoryModelUnloadResponse()

    async def ModelInfer(self, request: pb.ModelInferRequest, context: Context) -> object:  # noqa: N802
        """Run it, when it is its turn."""
        name = request.model_name
        model = await self._found(name, context)
        rows = await self._rows(request, model, context)
        try:
            await self.hearing.wait()
            await self._take_turn(request, model, context)
            try:
                await asyncio.sleep(model.takes(rows))
                if model.failure is not None:
                    await context.abort(*model.failure)
                self.executed[name] += len(rows)
                return _answer(model, name, model.script(rows))
            finally:
                model.turn.release()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def _take_turn(self, request: pb.ModelInferRequest, model: ScriptedModel, context: Context) -> None:
        microseconds = request.parameters["timeout"].int64_param if "timeout" in request.parameters else 0
        if microseconds:
            self.timeouts.append(microseconds)
        try:
            await asyncio.wait_for(model.turn.acquire(), microseconds * 1e-6 or None)
        except TimeoutError:
            self.expired += 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Request timeout expired")

    async def _found(self, name: str, context: Context) -> ScriptedModel:
        if name not in self.models:
            said = f"Request for unknown model: '{name}' is not found"
            await context.abort(grpc.StatusCode.NOT_FOUND, said)
        if name not in self.loaded:
            said = f"Request for unknown model: '{name}' has no available versions"
            await context.abort(grpc.StatusCode.UNAVAILABLE, said)
        return self.models[name]

    async def _managed(self, context: Context) -> None:
        if not self.explicit:
            said = "explicit model load / unload is not allowed if polling is enabled"
            await context.abort(grpc.StatusCode.UNAVAILABLE, said)

    async def _rows(self, request: pb.ModelInferRequest, model: ScriptedModel, context: Context) -> NDArray[np.float32]:
        (tensor,), (raw,) = request.inputs, request.raw_input_contents
        if tensor.name != model.input or list(tensor.shape)[1:] != [model.columns]:
            said = f"unexpected shape for input '{tensor.name}' for model '{request.model_name}'"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, said)
        return np.frombuffer(raw, "<f4").reshape(tuple(tensor.shape))


def _answer(model: ScriptedModel, name: str, scores: NDArray[np.float64]) -> pb.ModelInferResponse:
    answer = pb.ModelInferResponse(model_name=name, model_version="1")
    answer.outputs.add(name=model.output, datatype="FP32", shape=[len(scores), 1])
    answer.raw_output_contents.append(scores.astype("<f4").tobytes())
    return answer

"""The protocol's gRPC methods, as functions from bytes to bytes; both gRPC fronts serve them in their one table."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from google.protobuf.json_format import ParseDict

from gateway.fronts.caller import Caller
from gateway.fronts.door import Door
from gateway.fronts.exchange import Exchange
from gateway.fronts.grpc_messages import parse
from gateway.fronts.grpc_wire import GrpcRefusal
from gateway.fronts.open_inference.catalogue import Catalogue, Document
from gateway.fronts.open_inference.inference import BY_ROLLOUT, NO_SHARED_MEMORY, SET_ELSEWHERE
from gateway.fronts.open_inference.inferences import Inferences
from gateway.fronts.open_inference.messages import Encoder, Messages, head_of, tensors_of, wanted_of
from gateway.fronts.status import GrpcStatus

SERVICE = "inference.GRPCInferenceService"

_UNSUPPORTED = {
    "RepositoryModelLoad": BY_ROLLOUT,
    "RepositoryModelUnload": BY_ROLLOUT,
    "SystemSharedMemoryStatus": NO_SHARED_MEMORY,
    "SystemSharedMemoryRegister": NO_SHARED_MEMORY,
    "SystemSharedMemoryUnregister": NO_SHARED_MEMORY,
    "CudaSharedMemoryStatus": NO_SHARED_MEMORY,
    "CudaSharedMemoryRegister": NO_SHARED_MEMORY,
    "CudaSharedMemoryUnregister": NO_SHARED_MEMORY,
    "TraceSetting": SET_ELSEWHERE,
    "LogSettings": SET_ELSEWHERE,
}

Unary = Callable[[bytes, Caller], Awaitable[bytes]]
Stream = Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]


class OpenInferenceMethods:
    """`unary` and `streams` hold the methods by path. `messages` gives the protocol's own."""

    def __init__(self, door: Door, exchange: Exchange, messages: Messages) -> None:
        self._exchange = exchange
        self._catalogue = Catalogue(door, exchange.limits)
        self._inferences = Inferences(exchange)
        self._messages = messages
        self._encoder: Encoder | None = None
        methods: dict[str, Unary] = {name: self._told(name, tell) for name, tell in self._documents().items()}
        methods |= {name: _refuser(reason) for name, reason in _UNSUPPORTED.items()}
        methods |= {"ModelInfer": self._infer}
        self.unary: Mapping[str, Unary] = {f"/{SERVICE}/{name}": method for name, method in methods.items()}
        self.streams: Mapping[str, Stream] = {f"/{SERVICE}/ModelStreamInfer": _RefusedStream}

    def _documents(self) -> Mapping[str, Callable[[Any], Awaitable[Document]]]:
        """Return, by method, how the document of its answer is made of the request."""
        told = self._catalogue
        return {
            "ServerLive": _soon(lambda request: told.live()),
            "ServerReady": _soon(lambda request: told.ready()),
            "ServerMetadata": _soon(lambda request: told.server()),
            "ModelReady": _soon(lambda request: {"ready": told.model_ready(request.name, request.version)["ready"]}),
            "ModelMetadata": _soon(lambda request: told.model(request.name, request.version)),
            "ModelConfig": _soon(lambda request: {"config": told.config(request.name, request.version)}),
            "ModelStatistics": lambda request: told.statistics(request.name, request.version),
            "RepositoryIndex": _soon(lambda request: {"models": told.index(request.repository_name)}),
        }

    def _told(self, name: str, tell: Callable[[Any], Awaitable[Document]]) -> Unary:
        async def answer(body: bytes, caller: Caller) -> bytes:
            module = await self._messages.module()
            document = await tell(parse(getattr(module, f"{name}Request"), body))
            message: bytes = ParseDict(document, getattr(module, f"{name}Response")()).SerializeToString()
            return message

        return answer

    async def _infer(self, body: bytes, caller: Caller) -> bytes:
        module = await self._messages.module()
        if self._encoder is None:
            self._encoder = Encoder(module)
            caller.received = (
                self._exchange.clock()
            )  # a deployment's budget is not for imports; the caller's time is his
        request: Any = parse(module.ModelInferRequest, body)
        inference = self._inferences.open(head_of(request), caller)
        return self._encoder.encode(await inference.answer(tensors_of(request), wanted_of(request)))


def _soon(tell: Callable[[Any], Document]) -> Callable[[Any], Awaitable[Document]]:
    async def told(request: Any) -> Document:
        return tell(request)

    return told


def _refuser(reason: str) -> Unary:
    async def refuse(body: bytes, caller: Caller) -> bytes:
        raise GrpcRefusal(GrpcStatus.UNIMPLEMENTED, reason)

    return refuse


class _RefusedStream:
    """A stream that is refused before its first message."""

    def __init__(self, requests: AsyncIterator[bytes]) -> None:
        pass

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise GrpcRefusal(GrpcStatus.UNIMPLEMENTED, "answers do not come in parts here: call ModelInfer")

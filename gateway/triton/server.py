"""One Triton server over gRPC: a bundle's runs, and what has to be asked about models and said to them."""

from math import isinf
from typing import Any

import grpc
from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types
from tritonclient.grpc import service_pb2_grpc

from gateway.pem import read_pem
from gateway.triton import wire
from gateway.triton.batching import rows_joined
from gateway.triton.failures import translated
from gateway.triton.settings import TritonTls

# A server that was started anew is found within a second; one whose machine is gone, within fifteen. Triton wants no
# pings while nothing else is said, and something is said every second.
_OPTIONS = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
)


class Server:
    """Asks one server. Everything raises `BackendError`, of the kinds that `failures` names. Needs an event loop."""

    def __init__(self, address: str, tls: TritonTls | None = None) -> None:
        """Read the files of `tls`. Raises `TlsError`."""
        self.address = address
        self._channel = _channel(address, tls)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    async def infer(self, request: pb.ModelInferRequest, seconds: float) -> pb.ModelInferResponse:
        """Run a model. What has not begun after `seconds` never does; who stops waiting cancels the run there, too."""
        wire.limit(request, seconds)
        return await self._ask(self._stub.ModelInfer, request, seconds)

    async def ready(self, model: str, seconds: float, version: str = wire.VERSION) -> bool:
        """Whether the model takes requests."""
        request = pb.ModelReadyRequest(name=model, version=version)
        return bool((await self._ask(self._stub.ModelReady, request, seconds)).ready)

    async def load(self, model: str, seconds: float) -> None:
        """Have it load a model of its repository; it is ready when this returns."""
        await self._ask(self._stub.RepositoryModelLoad, pb.RepositoryModelLoadRequest(model_name=model), seconds)

    async def unload(self, model: str, seconds: float) -> None:
        """Have it let a model go, once it has answered what it has."""
        await self._ask(self._stub.RepositoryModelUnload, pb.RepositoryModelUnloadRequest(model_name=model), seconds)

    async def metadata(self, model: str, seconds: float, version: str = wire.VERSION) -> pb.ModelMetadataResponse:
        """Return what the model's inputs and outputs are."""
        request = pb.ModelMetadataRequest(name=model, version=version)
        return await self._ask(self._stub.ModelMetadata, request, seconds)

    async def most_rows(self, model: str, seconds: float) -> int:
        """Return how many rows a request may have at most; 0: as many as one likes."""
        return int((await self._config(wire.Named(model), seconds)).config.max_batch_size)

    async def rows_joined(self, named: wire.Named, seconds: float) -> int:
        """Return how many rows requests may have that are joined for the model."""
        return rows_joined(await self._config(named, seconds))

    async def close(self) -> None:
        """Let the connection go, with whatever is under way on it."""
        await self._channel.close(None)

    async def _config(self, named: wire.Named, seconds: float) -> pb.ModelConfigResponse:
        request = pb.ModelConfigRequest(name=named.model, version=named.version)
        return await self._ask(self._stub.ModelConfig, request, seconds)

    async def _ask(self, method: Any, request: Any, seconds: float) -> Any:
        try:
            return await method(request, timeout=None if isinf(seconds) else max(0.0, seconds))
        except grpc.aio.AioRpcError as exc:
            raise translated(exc, self.address) from exc


def _channel(address: str, tls: TritonTls | None) -> grpc.aio.Channel:
    if tls is None:
        return grpc.aio.insecure_channel(address, _OPTIONS)
    ca, key, certificate = (None if path is None else read_pem(path) for path in (tls.ca, tls.key, tls.certificate))
    return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(ca, key, certificate), _OPTIONS)

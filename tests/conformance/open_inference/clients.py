"""NVIDIA's own clients, unmodified: gRPC and HTTP, plain and asyncio; the battery need not know which it has."""

import asyncio
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import tritonclient.grpc as grpc_client  # type: ignore[import-untyped] # shipped without types
import tritonclient.grpc.aio as grpc_aio  # type: ignore[import-untyped] # as above
import tritonclient.http as http_client  # type: ignore[import-untyped] # as above
import tritonclient.http.aio as http_aio  # type: ignore[import-untyped] # as above
from numpy.typing import NDArray

KINDS = ("grpc", "grpc.aio", "http", "http.aio")
Input = tuple[str, str, NDArray[Any]]
"""Name, datatype and values."""

_MODULES = {"grpc": grpc_client, "grpc.aio": grpc_aio, "http": http_client, "http.aio": http_aio}


@dataclass(frozen=True)
class Result:
    """An answer, whichever client has read it."""

    outputs: dict[str, NDArray[Any]]
    parameters: dict[str, Any]
    id: str
    version: str


class Client:
    """One client. What it raises is tritonclient's own InferenceServerException."""

    def __init__(self, kind: str, client: Any, runner: asyncio.Runner) -> None:
        self.kind = kind
        self.over_grpc = kind.startswith("grpc")
        self._module = _MODULES[kind]
        self._client = client
        self._runner = runner

    def call(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call a method of the client as it is."""
        result = getattr(self._client, method)(*arguments, **named)
        return self._runner.run(_awaited(result)) if inspect.isawaitable(result) else result

    def told(self, method: str, *arguments: Any) -> Any:
        """Call a method that returns a document, and return it as such."""
        return self.call(method, *arguments, **({"as_json": True} if self.over_grpc else {}))

    def infer(self, model: str, inputs: Sequence[Input], outputs: Sequence[str] | None = None, **named: Any) -> Result:
        """Ask a model; all outputs where none are named."""
        wanted = None if outputs is None else [self._module.InferRequestedOutput(name) for name in outputs]
        sent = [self.input(*one) for one in inputs]
        return self.result(self.call("infer", model, sent, outputs=wanted, **named))

    def input(self, name: str, datatype: str, values: NDArray[Any], **how: Any) -> Any:
        """Make one of the client's own inputs."""
        sent = self._module.InferInput(name, list(values.shape), datatype)
        sent.set_data_from_numpy(values, **how)
        return sent

    def output(self, name: str, **how: Any) -> Any:
        """Make one of the client's own requested outputs."""
        return self._module.InferRequestedOutput(name, **how)

    def result(self, found: Any) -> Result:
        """Read one of the client's own results."""
        response = found.get_response()
        if self.over_grpc:
            names = [output.name for output in response.outputs]
            parameters = {
                name: getattr(value, value.WhichOneof("parameter_choice"))
                for name, value in response.parameters.items()
            }
            said = parameters, response.id, response.model_version
        else:
            names = [output["name"] for output in response["outputs"]]
            said = response.get("parameters", {}), response.get("id", ""), response.get("model_version", "")
        return Result({name: found.as_numpy(name) for name in names}, *said)


@contextmanager
def connected(kind: str, grpc: str, http: str, **options: Any) -> Iterator[Client]:
    """Open a client of a kind to the server with these addresses, HOST:PORT each, until the block ends."""
    with asyncio.Runner() as runner:
        url = grpc if kind.startswith("grpc") else http
        inner = runner.run(_made(kind, url, options))
        client = Client(kind, inner, runner)
        try:
            yield client
        finally:
            client.call("close")


def texts(*values: str) -> NDArray[np.object_]:
    """Return texts as tritonclient takes BYTES."""
    return np.array([value.encode() for value in values], dtype=np.object_)


async def _made(kind: str, url: str, options: dict[str, Any]) -> Any:
    """Make it inside the loop that it is to live in."""
    return _MODULES[kind].InferenceServerClient(url, **options)


async def _awaited(result: Any) -> Any:
    return await result

"""What a replica has to show before it is asked: the model is there, it is the bundle's, and it scores as it should."""

from collections.abc import Awaitable, Callable

from tritonclient.grpc import service_pb2 as pb  # type: ignore[import-untyped] # shipped without types

from gateway.backends.backend import BackendError
from gateway.triton.server import Server
from gateway.triton.wire import FLOAT32, MOST_ROWS, Named, Served
from models.manifest import BundleError

_FREE = -1
_UNMANAGED = "explicit model load / unload is not allowed"
_UNKNOWN = "failed to poll from model repository"

Proof = Callable[[Server], Awaitable[None]]
"""Has a server score the bundle's golden rows. Raises `BundleError` or `BackendError`."""


async def admit(server: Server, served: Served, proof: Proof, look: float, loading: float) -> None:
    """Have a server load the model unless it is ready, and prove it. `look` and `loading` are seconds.

    Raises `BundleError`, which says what to do, and `BackendError` where the server cannot be asked.
    """
    await make_ready(server, Named(served.model), look, loading)
    check_metadata(await server.metadata(served.model, look), served, server.address)
    most = await server.most_rows(served.model, look)
    if 0 < most < MOST_ROWS:
        raise BundleError(
            f"Triton at {server.address}: {served.model} takes {most} rows at once, and Sluice asks about up to"
            f" {MOST_ROWS}: set its max_batch_size to {MOST_ROWS}"
        )
    await proof(server)


async def make_ready(server: Server, named: Named, look: float, loading: float) -> None:
    """Have a server load a model unless it is ready. Raises `BundleError` and `BackendError`."""
    if await server.ready(named.model, look, named.version):
        return
    try:
        await server.load(named.model, loading)
    except BackendError as exc:
        if await server.ready(named.model, look, named.version):
            return  # somebody else has had it loaded meanwhile
        raise _not_loaded(exc, server.address, named.model) from exc


def _not_loaded(error: BackendError, address: str, model: str) -> BackendError | BundleError:
    said = str(error)
    if _UNMANAGED in said:
        return BundleError(
            f"Triton at {address}: {model} is not ready, and that server loads models by itself: put it into its"
            " repository, or start it with --model-control-mode=explicit"
        )
    if _UNKNOWN in said:
        return BundleError(
            f"Triton at {address}: {model} is not in its repository: write it there with `sluice triton-repository`"
        )
    return error


def check_metadata(found: pb.ModelMetadataResponse, served: Served, address: str) -> None:
    """Raise `BundleError` unless the model takes and gives what the manifest says."""
    takes = [_shown(one) for one in found.inputs]
    wanted = f"{served.input} {FLOAT32} [{_FREE}, {served.columns}]"
    if takes != [wanted]:
        raise BundleError(f"Triton at {address}: {served.model} takes {', '.join(takes)}, its manifest says {wanted}")
    gives = {one.name: one for one in found.outputs}
    output = gives.get(served.output)
    if output is None or output.datatype != FLOAT32 or list(output.shape) not in ([_FREE], [_FREE, 1]):
        told = ", ".join(map(_shown, found.outputs))
        raise BundleError(
            f"Triton at {address}: {served.model} gives {told}, its manifest says {served.output} {FLOAT32}, one a row"
        )


def _shown(tensor: pb.ModelMetadataResponse.TensorMetadata) -> str:
    return f"{tensor.name} {tensor.datatype} {list(tensor.shape)}"

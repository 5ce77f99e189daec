"""Opens a bundle at each place where it may be measured: proved there by its golden rows, and left as it was found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from gateway.backends.backend import Backend, BackendError
from gateway.backends.onnx import CUDA, OnnxBackend
from gateway.bundle import Bundle, prove
from gateway.placing.figures import Place
from gateway.placing.stopwatch import held_to, usable_cores
from gateway.triton.server import Server
from gateway.triton.settings import TritonSettings
from gateway.triton.subject import ScoredBundle

_UNLOADING = 5.0


def opened(place: Place, bundle: Bundle, triton: TritonSettings) -> AbstractAsyncContextManager[Backend]:
    """Return the bundle at a place, ready to run until the block ends. Raises `BackendError` and `BundleError`."""
    return _on_triton(bundle, triton) if place.kind == "triton" else _in_process(place, bundle)


@asynccontextmanager
async def _in_process(place: Place, bundle: Bundle) -> AsyncIterator[Backend]:
    """This thread is held to as many cores as the run has threads: moving between cores would blur the figures."""
    if place.threads > usable_cores():
        raise BackendError(f"this process may use {usable_cores()} cores, fewer than {place.threads} threads want")
    with held_to(place.threads):
        width = len(bundle.plan.features)
        if place.kind == "gpu":
            backend = OnnxBackend(bundle.model, width, provider=CUDA)
        else:
            backend = OnnxBackend(bundle.model, width, place.threads)
        await prove(bundle, backend)
        yield backend


@asynccontextmanager
async def _on_triton(bundle: Bundle, settings: TritonSettings) -> AsyncIterator[Backend]:
    """What was not ready there is loaded, and unloaded afterwards."""
    server = Server(settings.addresses[0])
    subject = ScoredBundle(bundle, settings)

    async def let_go() -> None:
        """The connection is closed below."""

    try:
        before = await server.ready(subject.named.model, settings.look_patience)
        try:
            async with asyncio.timeout(settings.loading):
                await subject.admit(server)
            yield subject.backend(server, let_go)
        finally:
            if not before:
                with suppress(BackendError):  # it never was loaded, or the server is gone
                    await server.unload(subject.named.model, _UNLOADING)
    except TimeoutError as exc:
        raise BackendError(f"Triton at {server.address} was not ready after {settings.loading:g} s") from exc
    finally:
        await server.close()

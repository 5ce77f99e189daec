"""What a failed call to Triton means: one table from gRPC's status, and Triton's words, to our errors.

BackendError
├── Away            it, or the model there, cannot be reached: this says nothing of the rows
│   ├── Busy        it is there and takes no more at present
│   └── TooLate     the time was over before anything was heard
│       └── Expired the time was over in its queue, and it said so: it is there
└── (itself)        the model was asked, and could not score these rows
"""

import grpc

from gateway.backends.backend import Away, BackendError, TooLate, Unfit


class Busy(Away):
    """Triton is there and takes no more at present: another may."""


class Expired(TooLate):
    """Triton threw the request away when its time was over, and said so: it is there."""


_OVER = (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
"""Whatever words come with it."""
_BY_CODE: dict[grpc.StatusCode, type[BackendError]] = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: Busy,
    grpc.StatusCode.INVALID_ARGUMENT: Unfit,
    grpc.StatusCode.UNAVAILABLE: Away,
    grpc.StatusCode.NOT_FOUND: Away,
    grpc.StatusCode.UNIMPLEMENTED: Away,
    grpc.StatusCode.UNAUTHENTICATED: Away,
    grpc.StatusCode.PERMISSION_DENIED: Away,
}
"""Every other status is the model's own word on the rows."""
_BY_WORDS: tuple[tuple[str, type[BackendError]], ...] = (
    ("timeout expired", Expired),
    ("maximum queue size", Busy),
    ("is not found", Away),
    ("no available versions", Away),
    ("is not ready", Away),
    ("stream removed", Away),
    ("rst_stream", Away),
)
"""What Triton and gRPC say under several statuses; looked at before the status."""


def translated(error: grpc.aio.AioRpcError, address: str) -> BackendError:
    """Return our error for one of a call to the server at `address`; raise it from the cause."""
    said = error.details() or ""
    if error.code() in _OVER:
        return TooLate(f"Triton at {address} did not answer in time")
    kind = next((kind for words, kind in _BY_WORDS if words in said.lower()), None)
    kind = kind or _BY_CODE.get(error.code(), BackendError)
    return kind(f"Triton at {address}: {error.code().name}: {' '.join(said.split())[:500]}")

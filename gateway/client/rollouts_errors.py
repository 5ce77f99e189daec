"""Every way in which an order can fail, as the client of the control plane raises it.

RolloutsError
├── NotAllowed    who signed may not do this, or the signature, the time or the key is wrong
├── Refused       it cannot be done as things stand
│   └── NotYet    nor now, but perhaps in a moment: gateways have not told yet what it takes; try again
├── NotFound      no such deployment, or no such rollout
├── InvalidOrder  this is no order; repeating it cannot help
└── Away          nobody answered, or the control Redis is away; champions serve on, try again

Whatever else the control plane says is a plain RolloutsError.
"""

import grpc


class RolloutsError(Exception):
    """The message says what to do."""

    retryable = False
    """Whether the same order may succeed later."""


class NotAllowed(RolloutsError):
    pass


class Refused(RolloutsError):
    pass


class NotYet(Refused):
    retryable = True


class NotFound(RolloutsError):
    pass


class InvalidOrder(RolloutsError):
    pass


class Away(RolloutsError):
    retryable = True


_BY_STATUS: dict[grpc.StatusCode, type[RolloutsError]] = {
    grpc.StatusCode.PERMISSION_DENIED: NotAllowed,
    grpc.StatusCode.FAILED_PRECONDITION: Refused,
    grpc.StatusCode.ABORTED: NotYet,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidOrder,
    grpc.StatusCode.UNAVAILABLE: Away,
    grpc.StatusCode.DEADLINE_EXCEEDED: Away,
    grpc.StatusCode.CANCELLED: Away,  # grpc.aio's answer to a call that comes while it drains
}

# What gRPC itself says where no connection comes about; the control plane's own words are passed on as they are.
_NO_CONNECTION = "failed to connect"


def from_grpc(code: grpc.StatusCode, details: str | None, address: str) -> RolloutsError:
    """Return the error that a failed gRPC call to `address` stands for."""
    kind = _BY_STATUS.get(code, RolloutsError)
    return kind(_said(code, details or code.name, address))


def _said(code: grpc.StatusCode, details: str, address: str) -> str:
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return f"whoever listens at {address} is no control plane: --control takes the gRPC port of `sluice control`"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"no answer from {address} in time: look whether `sluice control` and its Redis are well, then try again"
    if code is not grpc.StatusCode.UNAVAILABLE or _NO_CONNECTION not in details:
        return details
    if "refused" in details:
        return f"nobody listens at {address}: is `sluice control` up there? --control chooses another"
    return f"no connection to {address}: if TLS is spoken there give --tls-ca FILE, if not give none ({details})"

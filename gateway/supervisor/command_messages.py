"""What `sluice reload` and `sluice status` say to a running gateway, and what it says to them: a line of JSON each."""

import msgspec

from gateway.supervisor.state import GatewayState

# A request holds little, a state grows with workers and deployments.
LONGEST_REQUEST, LONGEST_ANSWER = 64 * 1024, 8 * 1024 * 1024


class Reload(msgspec.Struct, tag=True, frozen=True, forbid_unknown_fields=True):
    """Read every declaration again; deployments in `forget` are ended. `patience` is for one load, in seconds."""

    forget: list[str] = []
    patience: float = 120.0


class Status(msgspec.Struct, tag=True, frozen=True, forbid_unknown_fields=True):
    """Say what is served."""


class Said(msgspec.Struct, tag=True, frozen=True):
    """Something worth telling, as it happens."""

    text: str


class Ended(msgspec.Struct, tag=True, frozen=True):
    """The last line: whether all is as it was asked for, and what is served now."""

    good: bool
    state: GatewayState | None = None


Request = Reload | Status
Answer = Said | Ended

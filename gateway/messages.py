"""What supervisor and worker say to each other: a line of JSON each, typed, and bounded in length."""

from pathlib import Path

import msgspec

from gateway.config import ServeConfig
from gateway.served import Served

# A declaration is some kilobytes; all deployments of a gateway travel in one `Start`.
LONGEST = 8 * 1024 * 1024


class MessageError(ValueError):
    """What came over the channel is no message of ours."""


class Start(msgspec.Struct, tag=True, frozen=True):
    """The first order: which worker to be, and what to serve."""

    slot: int
    config: ServeConfig
    served: list[Served]


class Load(msgspec.Struct, tag=True, frozen=True):
    """Make the deployment's next line ready, beside the present one."""

    id: int
    served: Served


class Turn(msgspec.Struct, tag=True, frozen=True):
    """Carry the lists to come on the line that was loaded."""

    id: int
    deployment: str


class Drop(msgspec.Struct, tag=True, frozen=True):
    """Forget the line that was loaded, or is being loaded."""

    id: int
    deployment: str


class Remove(msgspec.Struct, tag=True, frozen=True):
    """Serve the deployment no longer; calls that were taken are answered."""

    id: int
    deployment: str


class Tell(msgspec.Struct, tag=True, frozen=True):
    """Say what is served now; being able to say anything is the sign of life."""

    id: int


class Hear(msgspec.Struct, tag=True, frozen=True):
    """Say what is served, and what rollouts' judges are to hear since the last time.

    `leases` are seconds, by deployment, for which its canary may keep its weight.
    """

    id: int
    leases: dict[str, float]


class Arm(msgspec.Struct, frozen=True):
    """An arm as a worker has it. `trouble` is empty while it is ready to run."""

    arm: str
    version: str
    digest: str
    share: float
    trouble: str = ""
    lapsed: bool = False
    """Whether nobody has renewed its lease, so that the champion answers its share."""


class Standing(msgspec.Struct, frozen=True):
    """A deployment as a worker serves it."""

    deployment: str
    number: int
    arms: list[Arm]


class Noted(msgspec.Struct, frozen=True):
    """What a rollout's judge is to hear of a worker: `routing.window.Window`, in msgpack."""

    deployment: str
    rollout: str
    window: bytes


class Waiting(msgspec.Struct, tag=True, frozen=True):
    """A spare worker has imported everything and can be any worker."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The worker takes calls."""


class Done(msgspec.Struct, tag=True, frozen=True):
    """An order was carried out, or not: then `error` is the reason. `standings` follow a `Tell` or a `Hear`."""

    id: int
    error: str = ""
    standings: list[Standing] = []
    noted: list[Noted] = []


Order = Start | Load | Turn | Drop | Remove | Tell | Hear
Report = Waiting | Ready | Done


def encode(message: Order | Report) -> bytes:
    """Return the line, with its end."""
    return msgspec.json.encode(message, enc_hook=_encode_path) + b"\n"


def decode_order(line: bytes) -> Order:
    """Read what a worker is told. Raises `MessageError`."""
    try:
        order: Order = msgspec.json.decode(line, type=Order, dec_hook=_decode_path)
    except ValueError as exc:
        raise MessageError(f"not an order: {exc}") from exc
    return order


def decode_report(line: bytes) -> Report:
    """Read what a worker says. Raises `MessageError`."""
    try:
        report: Report = msgspec.json.decode(line, type=Report)
    except ValueError as exc:
        raise MessageError(f"not a report: {exc}") from exc
    return report


def _encode_path(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot write {type(value)}")


def _decode_path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise TypeError(f"cannot read {kind}")

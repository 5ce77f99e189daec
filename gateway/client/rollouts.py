"""The client of the control plane: signs each order in a principal's name, for a short while, and sends it.

    from gateway.client.rollouts import RolloutsClient, Signer
    from routing.control.keys import read_key

    with RolloutsClient("127.0.0.1:50061", Signer("ada", read_key(Path("key.pem")))) as rollouts:
        state = rollouts.start("fraud", "2", digest, reason="retrained on November")

Every method raises `RolloutsError`, whose message says what to do.
"""

from __future__ import annotations  # grpc's classes take type arguments only in its stubs

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.client.rollouts_errors import from_grpc
from gateway.client.tls import Tls
from protos.sluice.v1 import rollouts_pb2 as pb
from protos.sluice.v1.rollouts_pb2_grpc import RolloutsStub
from routing.control.signed import Asked, Deed, sign

A = TypeVar("A")

VALID_FOR = 60.0
"""Seconds for which an order is valid that has to be heeded at once."""
APPROVED_FOR = 24 * 3600.0
"""Seconds for which an approval holds, unless its giver says otherwise."""

_OPTIONS = (
    # A stream hears something every second; a control plane that was cut off is noticed by its silence.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),  # a long history
)


@dataclass(frozen=True, slots=True)
class Signer:
    """In whose name orders are signed, by the name in `principals.yaml`, and his own key."""

    principal: str
    key: Ed25519PrivateKey


class RolloutsClient:
    """Speaks to `sluice control` over gRPC. Close it, or use it in a `with`.

    `timeout` is how long an answer is waited for, in seconds. `clock` reads unix seconds.
    """

    def __init__(
        self,
        address: str,
        signer: Signer,
        *,
        tls: Tls | None = None,
        timeout: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Connect to "host:port", on the first order, in clear text or over TLS. Raises `OSError` for TLS's files."""
        self._address = address
        self._signer = signer
        self._timeout = timeout
        self._clock = clock
        self._channel = _connect(address, tls)
        self._stub = RolloutsStub(self._channel)

    def start(self, deployment: str, candidate: str, digest: str, reason: str = "") -> pb.RolloutState:
        """Begin a rollout of the bundle of that version, which must have that digest at every gateway."""
        order = self._order("start", deployment, candidate=candidate, digests={"bundle": digest}, reason=reason)
        return self._ask(self._stub.Start, order)

    def approve(self, state: pb.RolloutState, reason: str = "", valid_for: float = APPROVED_FOR) -> pb.RolloutState:
        """Approve the next step of the rollout as it was looked at, for so many seconds."""
        order = self._order(
            "approve",
            state.deployment,
            valid_for,
            rollout=state.name,
            step=state.step + 1,
            digests=dict(state.digests),
            reason=reason,
        )
        return self._ask(self._stub.Approve, order)

    def abort(self, deployment: str, reason: str, rollout: str = "") -> pb.RolloutState:
        """Take the candidate out of the rollout that runs; of that name and no other, where one is given."""
        return self._ask(self._stub.Abort, self._order("abort", deployment, rollout=rollout, reason=reason))

    def undo(self, deployment: str, reason: str = "", rollout: str = "") -> pb.RolloutState:
        """Bring the former champion back, also after the rollout; of that name and no other, where one is given."""
        return self._ask(self._stub.Undo, self._order("undo", deployment, rollout=rollout, reason=reason))

    def freeze(self, deployment: str, reason: str, until: float = 0.0) -> pb.Halts:
        """Let nothing go forward until a moment in unix seconds, 0 for ever; "" is every deployment."""
        return self._ask(self._stub.Freeze, self._order("freeze", deployment, until=until, reason=reason))

    def thaw(self, deployment: str, reason: str = "") -> pb.Halts:
        """Take a freeze, a stop or a kill back; "" takes back what was said of all."""
        return self._ask(self._stub.Thaw, self._order("thaw", deployment, reason=reason))

    def stop_all(self, reason: str) -> pb.Halts:
        """Take every candidate out, and let nothing go forward."""
        return self._ask(self._stub.StopAll, self._order("stop_all", "", reason=reason))

    def kill(self, deployment: str, reason: str) -> pb.Halts:
        """Take the deployment's candidate out, and let no other rollout of it begin."""
        return self._ask(self._stub.Kill, self._order("kill", deployment, reason=reason))

    def overview(self, deployment: str = "", entities: bool = False) -> pb.Overview:
        """Return how every deployment stands, or one; with `entities` also on which of them the bundles differ most."""
        return self._ask(self._stub.List, self._order("list", deployment, entities=entities))

    def watch(self, deployment: str = "", entities: bool = False) -> Iterator[pb.Overview]:
        """Yield the same at least every second, until it is closed."""
        return self._hear(self._stub.Watch, self._order("watch", deployment, entities=entities))

    def history(self, deployment: str, count: int = 0) -> list[pb.Event]:
        """Return the last events, the newest last; 0 is as many as is usual."""
        return list(self._ask(self._stub.History, self._order("history", deployment, count=count)).events)

    def explain(self, deployment: str, rollout: str = "") -> str:
        """Return a rollout's note in Markdown, the last one's unless it is named."""
        return self._ask(self._stub.Explain, self._order("explain", deployment, rollout=rollout)).markdown

    def replay(self, deployment: str, rollout: str = "", rules: str = "") -> Iterator[pb.Ruling]:
        """Yield what the judge would have said, by its own rules or by the YAML text of other ones."""
        return self._hear(self._stub.Replay, self._order("replay", deployment, rollout=rollout, rules=rules))

    def close(self) -> None:
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _order(
        self, deed: Deed, deployment: str, valid_for: float = VALID_FOR, rollout: str = "", **asked: Any
    ) -> pb.SignedOrder:
        now = self._clock()
        order = Asked(deed, deployment, rollout, now, now + valid_for, nonce=secrets.token_hex(16), **asked)
        signed = sign(self._signer.principal, self._signer.key, order)
        return pb.SignedOrder(principal=signed.principal, order=signed.order, signature=signed.signature)

    def _ask(self, method: grpc.UnaryUnaryMultiCallable[pb.SignedOrder, A], order: pb.SignedOrder) -> A:
        try:
            return method(order, timeout=self._timeout)
        except grpc.RpcError as exc:
            raise from_grpc(exc.code(), exc.details(), self._address) from exc

    def _hear(self, method: grpc.UnaryStreamMultiCallable[pb.SignedOrder, A], order: pb.SignedOrder) -> Iterator[A]:
        stream = method(order)
        try:
            yield from stream
        except grpc.RpcError as exc:
            raise from_grpc(exc.code(), exc.details(), self._address) from exc
        finally:
            stream.cancel()  # type: ignore[no-untyped-call]  # grpc-stubs have no type for it


def _connect(address: str, tls: Tls | None) -> grpc.Channel:
    if tls is None:
        return grpc.insecure_channel(address, _OPTIONS)
    return grpc.secure_channel(address, tls.credentials(), _OPTIONS)

"""A control plane that knows who may sign what, and answers what a test has written down; over real sockets."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from protos.sluice.v1 import rollouts_pb2 as pb
from protos.sluice.v1.rollouts_pb2_grpc import RolloutsServicer, add_RolloutsServicer_to_server
from routing.control.keys import make_key
from routing.control.principals import Principal, Role
from routing.control.signed import Asked, NotAllowed, Signed, check

ROLES = {"ada": [Role.REQUEST], "grace": [Role.APPROVE], "night": [Role.OPERATE], "root": list(Role)}
STREAMS = ("Watch", "Replay")
DEED_OF = {
    "Start": "start", "Approve": "approve", "Abort": "abort", "Undo": "undo", "Freeze": "freeze", "Thaw": "thaw",
    "StopAll": "stop_all", "Kill": "kill", "List": "list", "Watch": "watch", "History": "history",
    "Explain": "explain", "Replay": "replay",
}  # fmt: skip


class Refusal(NamedTuple):
    """An answer that is none."""

    code: grpc.StatusCode
    details: str


Answer = Message | Refusal
Part = Answer | threading.Event
"""Of a stream: an answer, or something to wait for before the next one."""


@dataclass
class ScriptedControl:
    """`answers` by method: a message or a refusal, or a list of them, one for each time that is asked.

    Of streams always: a list of lists.
    """

    keys: Mapping[str, Path]
    principals: Mapping[str, Principal]
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, Asked]] = field(default_factory=list)
    """Who asked for what, in order; only what was signed as it must be."""
    address: str = ""
    clock: Callable[[], float] = time.time
    server: grpc.Server = field(init=False)

    def orders(self, deed: str) -> list[Asked]:
        return [asked for _, asked in self.asked if asked.deed == deed]

    def heed(self, method: str, order: pb.SignedOrder, context: grpc.ServicerContext) -> Any:
        """Return what is written down for the method, or refuse as the real one does."""
        try:
            asked = check(Signed(order.principal, order.order, order.signature), self.principals, self.clock())
        except NotAllowed as exc:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, str(exc))
        assert asked.deed == DEED_OF[method], "the deed is the method's"
        assert asked.nonce not in {earlier.nonce for _, earlier in self.asked}, "an order is heeded once"
        self.asked.append((order.principal, asked))
        return self.answers[method]

    def unary(self, method: str) -> Callable[[pb.SignedOrder, grpc.ServicerContext], Message]:
        def answer(order: pb.SignedOrder, context: grpc.ServicerContext) -> Message:
            said = self.heed(method, order, context)
            return _said(said.pop(0) if isinstance(said, list) else said, context)

        return answer

    def stream(self, method: str) -> Callable[[pb.SignedOrder, grpc.ServicerContext], Iterator[Message]]:
        def answer(order: pb.SignedOrder, context: grpc.ServicerContext) -> Iterator[Message]:
            for part in self.heed(method, order, context).pop(0):
                if isinstance(part, threading.Event):
                    part.wait(30)
                else:
                    yield _said(part, context)

        return answer

    def serve(self, credentials: grpc.ServerCredentials | None = None) -> None:
        """Serve on a free port, or again where it was."""
        self.server = grpc.server(ThreadPoolExecutor(8))
        servicer = RolloutsServicer()
        for method in DEED_OF:
            setattr(servicer, method, self.stream(method) if method in STREAMS else self.unary(method))
        add_RolloutsServicer_to_server(servicer, self.server)
        place, add = self.address or "127.0.0.1:0", self.server.add_insecure_port
        port = add(place) if credentials is None else self.server.add_secure_port(place, credentials)
        self.address = f"127.0.0.1:{port}"
        self.server.start()


def _said(answer: Answer, context: grpc.ServicerContext) -> Message:
    if isinstance(answer, Refusal):
        context.abort(*answer)
    return answer


@contextmanager
def scripted_control(directory: Path, credentials: grpc.ServerCredentials | None = None) -> Iterator[ScriptedControl]:
    """Serve one on a free port until the block ends; keys of `ROLES` lie in the directory."""
    paths = {name: directory / f"{name}.pem" for name in ROLES}
    keys: dict[str, Ed25519PrivateKey] = {name: make_key(path) for name, path in paths.items()}
    known = {name: Principal(name, key.public_key(), frozenset(ROLES[name])) for name, key in keys.items()}
    control = ScriptedControl(paths, known)
    control.serve(credentials)
    try:
        yield control
    finally:
        control.server.stop(None).wait()

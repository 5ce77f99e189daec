"""Clients of the control process, gRPC's own and httpx, that speak alike; and a control plane in memory for them."""

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import Parse
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.control.fronts import serve_fronts
from gateway.fronts.tls import ServerTls
from protos.sluice.v1 import rollouts_pb2 as pb
from protos.sluice.v1.rollouts_pb2_grpc import RolloutsStub
from routing.control.desk import Desk, Method, methods
from routing.control.feed import Standing
from routing.control.leader import Leader
from routing.control.looks import Looks
from routing.control.memory_feed import MemoryFeed
from routing.control.memory_notes import MemoryNotes
from routing.control.memory_store import MemoryStore
from routing.control.plane import Known, Plane
from routing.control.principals import Principal, Role
from routing.control.signed import Asked, Signed, sign
from routing.declared import Declared, read_rollout
from routing.rollout import Rollout

METHODS = {method.deed: method for method in methods()}
BUNDLE = "b" * 64
ROLES = {"ada": {Role.REQUEST, Role.APPROVE}, "grace": {Role.APPROVE}, "night": {Role.OPERATE}}

_HTTP_STATUS = {
    "PERMISSION_DENIED": 403,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "NOT_FOUND": 404,
    "INVALID_ARGUMENT": 400,
    "UNAVAILABLE": 503,
    "INTERNAL": 500,
}


class Refusal(Exception):
    """A refusal by gRPC's code and with its message, whichever way it came."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Speaker(Protocol):
    """A client. Both raise `Refusal`."""

    async def ask(self, deed: str, order: pb.SignedOrder) -> Any:
        """Return the answer."""

    def stream(self, deed: str, order: pb.SignedOrder) -> AsyncIterator[Any]:
        """Yield the answers."""


class GrpcSpeaker:
    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub: Any = RolloutsStub(channel)

    async def ask(self, deed: str, order: pb.SignedOrder) -> Any:
        try:
            return await getattr(self._stub, METHODS[deed].name)(order)
        except grpc.aio.AioRpcError as exc:
            raise Refusal(exc.code().name, exc.details() or "") from exc

    async def stream(self, deed: str, order: pb.SignedOrder) -> AsyncIterator[Any]:
        try:
            async for message in getattr(self._stub, METHODS[deed].name)(order):
                yield message
        except grpc.aio.AioRpcError as exc:
            raise Refusal(exc.code().name, exc.details() or "") from exc


class HttpSpeaker:
    """Checks each status beside its code."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def ask(self, deed: str, order: pb.SignedOrder) -> Any:
        answer = await self.client.post(f"/v1/rollouts/{deed}", json=_as_json(order))
        self._check(answer.status_code, answer.text)
        return _read(METHODS[deed], answer.text)

    async def stream(self, deed: str, order: pb.SignedOrder) -> AsyncIterator[Any]:
        async with self.client.stream("POST", f"/v1/rollouts/{deed}", json=_as_json(order)) as answer:
            if answer.status_code != 200:
                await answer.aread()
                self._check(answer.status_code, answer.text)
            async for line in answer.aiter_lines():
                self._check(200, line)
                yield _read(METHODS[deed], line)

    def _check(self, status: int, text: str) -> None:
        error = msgspec.json.decode(text).get("error")
        if error is None:
            assert status == 200
            return
        if status != 200:  # a stream that has begun has said 200 already
            assert status == _HTTP_STATUS[error["code"]]
        raise Refusal(error["code"], error["message"])


def _as_json(order: pb.SignedOrder) -> dict[str, str]:
    signed = {"order": order.order, "signature": order.signature}
    return {"principal": order.principal, **{name: base64.b64encode(value).decode() for name, value in signed.items()}}


def _read(method: Method, text: str) -> Message:
    return Parse(text, GetMessageClass(method.answer)())


class Away:
    """Stands before a part and lets nothing through while `error` is set, as a Redis that is away."""

    def __init__(self, part: Any) -> None:
        self._part = part
        self.error: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if self.error is not None:
            raise self.error
        return getattr(self._part, name)


@dataclass
class Scene:
    """A control plane in memory, people with keys, and one gateway that reports."""

    now: float = 1_795_348_800.0
    policies: dict[str, str] = field(default_factory=dict)
    """The digests of what is declared, of deployments that somebody has looked at."""
    sections: dict[str, dict[str, Any]] = field(default_factory=lambda: {"fraud": {}, "quotes": {}})
    keys: dict[str, Ed25519PrivateKey] = field(
        default_factory=lambda: {name: Ed25519PrivateKey.generate() for name in ROLES}
    )
    orders: int = 0

    def __post_init__(self) -> None:
        self.principals = {
            name: Principal(name, key.public_key(), frozenset(ROLES[name])) for name, key in self.keys.items()
        }
        self.store = Away(MemoryStore(lambda: self.now))
        self.feed, self.notes = MemoryFeed(), MemoryNotes(lambda: self.now)
        self.plane = Plane(self.store, self.feed, self.notes, self.known, lambda: self.now)
        self.looks = Looks(self.plane, self.pause)
        self.desk = Desk(self.plane, self.looks)
        self.leader = Leader("leader", self.plane)

    def known(self) -> Known:
        declared: dict[str, Declared] = {name: read_rollout(section) for name, section in self.sections.items()}
        return Known(self.principals, declared, dict.fromkeys(declared, "rules"), self.policies)

    async def pause(self, seconds: float) -> None:
        """Let a watch wait for as long as its time says, and no longer than it takes."""
        self.now += seconds
        await asyncio.sleep(0.001)

    async def report(self, deployment: str = "fraud", gateway: str = "gw", **changes: Any) -> None:
        standing = Standing(
            table=7, at=self.now, champion="1", champion_digest="c" * 64, policy="p" * 64, rules="rules"
        )
        await self.feed.report(deployment, gateway, msgspec.structs.replace(standing, **changes))

    async def rollout(self, deployment: str = "fraud") -> Rollout:
        rollout = (await self.store.read(deployment)).rollout
        assert rollout is not None
        return rollout

    def asked(self, deed: Any, deployment: str = "fraud", **what: Any) -> Asked:
        """Return an order that nobody has given before."""
        self.orders += 1
        nonce = str(self.orders)
        return msgspec.structs.replace(Asked(deed, deployment, "", self.now, self.now + 60.0, nonce), **what)

    def order(self, by: str, deed: Any, deployment: str = "fraud", **what: Any) -> pb.SignedOrder:
        return message(sign(by, self.keys[by], self.asked(deed, deployment, **what)))

    def start(self, candidate: str = "2", by: str = "ada", deployment: str = "fraud", **what: Any) -> pb.SignedOrder:
        return self.order(by, "start", deployment, candidate=candidate, digests={"bundle": BUNDLE}, **what)


def message(signed: Signed) -> pb.SignedOrder:
    return pb.SignedOrder(principal=signed.principal, order=signed.order, signature=signed.signature)


async def answers(speaker: Speaker, deed: str, order: pb.SignedOrder) -> list[Any]:
    """Return all that is answered, of a stream or not."""
    if METHODS[deed].streams:
        return [one async for one in speaker.stream(deed, order)]
    return [await speaker.ask(deed, order)]


async def started(scene: Scene, speaker: Speaker) -> pb.RolloutState:
    await scene.report()
    state: pb.RolloutState = await speaker.ask("start", scene.start())
    return state


async def refused(speaker: Speaker, deed: str, order: pb.SignedOrder) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await answers(speaker, deed, order)
    return caught.value


@asynccontextmanager
async def served(scene: Scene, tls: ServerTls | None = None) -> AsyncIterator[tuple[str, str]]:
    """Serve both fronts over loopback while the block runs; yield gRPC's address and HTTP's."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    with socket.create_server(("127.0.0.1", 0)) as http:
        port = http.getsockname()[1]
        serving = asyncio.create_task(
            serve_fronts(scene.desk, scene.looks, http, "127.0.0.1:0", tls=tls, stop=stop, ready=ready.set_result)
        )
        grpc_port = await ready
        try:
            yield f"127.0.0.1:{grpc_port}", f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        finally:
            stop.set()
            await serving

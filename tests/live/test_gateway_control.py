"""`sluice control` as processes beside a real Redis: one leads, another follows it at once; orders and keys count."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from redis import Redis

from gateway.deployment import read_deployment
from gateway.testing.redis_server import RedisServer
from protos.sluice.v1 import rollouts_pb2 as pb
from protos.sluice.v1.rollouts_pb2_grpc import RolloutsStub
from routing.control.feed import Standing
from routing.control.keys import entry, make_key
from routing.control.leader import LEASE
from routing.control.principals import Role
from routing.control.redis_answer import PREFIX
from routing.control.signed import Asked, sign
from tests.free_ports import free_ports
from tests.live.running_control import Control, control_command, controlling
from tests.live.running_gateway import ROOT
from tests.live.waiting import until

DEPLOYMENT = """
deployment: fraud
unit: {entity: card_id}
clock: wall
budget_ms: 100
policy:
  version: "3"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms: {champion: "1"}
"""


@dataclass
class House:
    """A control Redis, files, a key, and control processes."""

    redis: RedisServer
    root: Path
    key: Ed25519PrivateKey = field(init=False)
    controls: list[Control] = field(default_factory=list)
    over: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        (self.root / "fraud").mkdir()
        (self.root / "fraud" / "deployment.yaml").write_text(DEPLOYMENT)
        self.key = make_key(self.root / "key.pem")
        self.write_people("ada")

    def write_people(self, name: str) -> None:
        people = "principals:\n" + entry(name, self.key, list(Role)) + "\n"
        self.principals.write_text(people)

    @property
    def principals(self) -> Path:
        return self.root / "principals.yaml"

    def start(self) -> Control:
        """Start one, which ends with the house."""
        self.controls.append(self.over.enter_context(controlling(self.redis, self.root, self.principals)))
        return self.controls[-1]

    def ask(self, control: Control, method: str, asked: Asked) -> pb.Overview | pb.RolloutState:
        signed = sign("ada", self.key, asked)
        order = pb.SignedOrder(principal=signed.principal, order=signed.order, signature=signed.signature)
        with grpc.insecure_channel(control.grpc) as channel:
            answer: pb.Overview | pb.RolloutState = getattr(RolloutsStub(channel), method)(order, timeout=10.0)
        return answer

    def look(self, control: Control) -> pb.Overview:
        now = time.time()
        overview = self.ask(control, "List", Asked("list", "", "", now, now + 30.0))
        assert isinstance(overview, pb.Overview)
        return overview

    def led_by(self, control: Control) -> pb.Overview:
        """Wait until this one leads, as whichever is asked says."""
        led = f".{control.process.pid}"
        return until(lambda: self.look(self.controls[-1]), lambda overview: overview.leader.endswith(led))

    def report(self) -> None:
        """Say for a gateway how it stands, as one does."""
        declared = read_deployment(self.root / "fraud" / "deployment.yaml")
        standing = Standing(
            table=1,
            at=time.time(),
            champion="1",
            champion_digest="c" * 64,
            policy=declared.policy_digest,
            rules=declared.rollout_digest,
        )
        with Redis.from_url(self.redis.url) as client:
            client.hset(f"{PREFIX}standings:fraud", mapping={"gw": msgspec.msgpack.encode(standing)})

    def begin(self, control: Control) -> pb.RolloutState:
        now = time.time()
        asked = Asked("start", "fraud", "", now, now + 30.0, candidate="2", digests={"bundle": "b" * 64})
        state = self.ask(control, "Start", asked)
        assert isinstance(state, pb.RolloutState)
        return state


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "redis").mkdir()
    redis = RedisServer("--dir", str(tmp_path / "redis"), "--appendonly", "yes", "--appendfsync", "always")
    house = House(redis, tmp_path)
    with house.over:
        yield house
    redis.close()


def test_one_leads_another_follows_it_at_once_and_what_was_kept_outlives_them(house: House) -> None:
    first = house.start()
    house.led_by(first)
    second = house.start()
    assert house.look(second).leader.endswith(f".{first.process.pid}")
    house.report()
    begun = house.begin(second)
    assert begun.state == "pending"

    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(timeout=10) == 0
    left = time.monotonic()
    overview = house.led_by(second)
    assert time.monotonic() - left < LEASE / 2, "it need not wait for a lease to lapse"
    assert overview.deployments[0].rollout.name == begun.name
    assert "sluice_control_led 1.0" in httpx.get(f"{second.http}/metrics").text

    house.redis.kill()
    with pytest.raises(grpc.RpcError) as caught:
        house.look(second)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    house.redis.restart()
    overview = house.led_by(second)
    assert overview.deployments[0].rollout.name == begun.name


def test_who_is_struck_off_is_not_heard_any_more_without_a_restart(house: House) -> None:
    control = house.start()
    house.look(control)
    house.write_people("grace")
    with pytest.raises(grpc.RpcError) as caught:
        house.look(control)
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


def test_what_it_cannot_begin_with_is_one_line(house: House, redis_server: RedisServer) -> None:
    grpc, http = free_ports(2)
    wrong = {
        "no append-only file: start it with --appendonly yes": ("--control-url", redis_server.url),
        "No such file": ("--principals", "/nowhere.yaml"),
        "no <name>/deployment.yaml here": ("--models", str(house.root / "redis")),
        "the ports of gRPC and HTTP must differ": ("--control-http-port", str(grpc)),
    }
    command = control_command(house.redis, house.root, house.principals, grpc, http)
    begun = {
        said: subprocess.Popen([*command, *flags], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for said, flags in wrong.items()
    }
    for said, process in begun.items():
        _, text = process.communicate(timeout=60)
        assert process.returncode in (1, 2)
        assert said in text
        assert text.count("\n") == 1

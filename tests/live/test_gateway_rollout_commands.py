"""`sluice rollout` against a real `sluice control` with a real Redis: two rollouts as people see them."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.deployment import read_deployment
from gateway.testing.bundles import write_bundle
from gateway.testing.redis_server import RedisServer
from routing.control.keys import entry, make_key
from tests.free_ports import free_ports
from tests.live.running_control import Control, controlling
from tests.live.running_gateway import ROOT, SLUICE
from tests.live.scripted_gateway import ScriptedGateway, scripted_gateway

RULES = """
rollout:
  shadow: {pairs: 10, minutes: 0.01}
  steps: [{weight: 0.1, units: 20, minutes: 0.01}, {weight: 0.5, units: 20, minutes: 0.01}]
  held_back: [{share: 0.1, minutes: 0.02}]
  promote: {ceiling: 0.2}
  guards: {row_faults: {}, slower: {}}
"""


@dataclass
class House:
    """A control plane with one gateway; everybody's key is `NAME.pem` in the directory."""

    directory: Path
    redis: RedisServer
    gateway: ScriptedGateway
    ports: tuple[int, int]

    def words(self, name: str, *words: str) -> list[str]:
        control = f"127.0.0.1:{self.ports[0]}"
        key = self.directory / f"{name}.pem"
        return ["rollout", *words, "--as", name, "--key", str(key), "--control", control]

    def types(self, name: str, *words: str) -> int:
        return main(self.words(name, *words))

    def control(self) -> AbstractContextManager[Control]:
        """Run `sluice control` until the block ends."""
        return controlling(self.redis, self.directory / "models", self.directory / "principals.yaml", self.ports)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    place = tmp_path / "models" / "fraud"
    place.mkdir(parents=True)
    (place / "deployment.yaml").write_text((ROOT / "models" / "fraud" / "deployment.yaml").read_text() + RULES)
    for version in ("2", "3"):
        write_bundle(tmp_path / "bundles" / "fraud", version)
    entries = [entry(name, make_key(tmp_path / f"{name}.pem")) for name in ("ada", "grace")]
    (tmp_path / "principals.yaml").write_text("\n".join(["principals:", *entries]))
    redis = RedisServer("--appendonly", "yes", "--dir", str(tmp_path), "--maxmemory-policy", "noeviction")
    try:
        with scripted_gateway(redis.url, read_deployment(place / "deployment.yaml")) as gateway:
            ports = free_ports(2)
            yield House(tmp_path, redis, gateway, (ports[0], ports[1]))
    finally:
        redis.close()


def test_one_is_done_though_the_control_plane_is_killed_and_the_next_goes_back(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = str(house.directory / "bundles")
    with house.control():
        assert house.types("ada", "start", "fraud", "2", "--bundles", bundles, "--reason", "retrained") == 0
        assert "bundle 2 is to replace bundle 1\n" in capsys.readouterr().out
        assert house.types("ada", "start", "fraud", "3", "--bundles", bundles) == 1
        assert "runs already" in capsys.readouterr().err
        command = [*SLUICE, *house.words("grace", "watch", "fraud")]
        watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert watching.stdout is not None
        read_until(watching, "awaiting approval")
        assert house.types("ada", "approve", "fraud", "--yes") == 1
        assert "somebody else has to approve it" in capsys.readouterr().err
        assert house.types("grace", "freeze", "fraud", "--reason", "the night of the year") == 0
        assert house.types("grace", "approve", "fraud", "--yes") == 0
        read_until(watching, "held: frozen: the night of the year (grace)")
    read_until(watching, "not heard: ")
    with house.control():
        read_until(watching, "heard again")
        assert house.types("grace", "thaw", "fraud") == 0
        read_until(watching, " watched 90 %")  # to be promoting lasts no longer than gateways take
        read_until(watching, " done (step 4 of 4)")
        assert watching.wait(60) == 0
        watching.stdout.close()

        capsys.readouterr()
        assert house.types("ada", "explain", "fraud") == 0
        assert "Bundle 2 was to replace bundle 1. ada requested it" in capsys.readouterr().out
        rules = house.directory / "models" / "fraud" / "deployment.yaml"
        assert house.types("ada", "replay", "fraud", "--rules", str(rules)) == 0
        assert "watched 90 % (judge)" in capsys.readouterr().out

        house.gateway.bad = True
        assert house.types("ada", "start", "fraud", "3", "--bundles", bundles) == 0
        watching = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert watching.stdout is not None
        read_until(watching, "awaiting approval")
        assert house.types("grace", "approve", "fraud", "--yes") == 0
        read_until(watching, " rolled back ")
        assert watching.wait(60) == 1
        watching.stdout.close()
        capsys.readouterr()
        assert house.types("ada", "status", "fraud", "--json") == 0
        (found,) = json.loads(capsys.readouterr().out)["deployments"]
        assert (found["rollout"]["state"], found["rollout"]["champion"]) == ("rolled back", "2")
        assert "row_faults" in found["rollout"]["reason"]
        assert house.types("ada", "undo", "fraud") == 1
        assert "nothing of fraud can be undone" in capsys.readouterr().err


def read_until(watching: "subprocess.Popen[str]", text: str) -> None:
    """Read what is watched until something is said there; fail where it ends before."""
    assert watching.stdout is not None
    seen = []
    for line in watching.stdout:
        seen.append(line)
        if text in line:
            return
    pytest.fail(f"{text!r} was not said, but {seen}")

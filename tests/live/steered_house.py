"""A small gateway that is steered: workers, `sluice control`, a Redis that keeps rollouts, two people, and callers."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from gateway.client import SluiceClient, SluiceError
from gateway.testing.redis_server import RedisServer
from routing.control.keys import entry, make_key
from routing.control.redis_answer import PREFIX
from tests.free_ports import free_ports
from tests.live.running_control import Control, controlling
from tests.live.running_gateway import NO_SPARE, Running, start
from tests.live.small_house import SmallHouse, small_house
from tests.live.typed import Typed, typed
from tests.live.waiting import until

FEATURES = {"amount": 3.0, "customer_present": True, "card_limit": 1.0}
RULES = """
rollout:
  shadow: {rate: 1.0, pairs: 5, minutes: 0.01}
  steps: [{weight: 0.5, units: 20, minutes: MINUTES}]
  held_back: [{share: 0.1, minutes: 0.02}]
  promote: {ceiling: 0.3}
  guards: {row_faults: {}}
"""


@dataclass
class SteeredHouse:
    """Everybody's key is `NAME.pem` in the root."""

    house: SmallHouse
    features: RedisServer
    control: RedisServer
    deployment: str = "fraud"
    """The one that is steered."""
    ports: list[int] = field(default_factory=lambda: free_ports(2))

    def declare(self, minutes: float) -> None:
        """Declare fraud, whose canary step lasts so long at least."""
        path = self.house.declare("fraud", champion="1")
        path.write_text(path.read_text() + RULES.replace("MINUTES", str(minutes)))

    def steering(self) -> AbstractContextManager[Control]:
        """Run `sluice control` until the block ends, which kills it."""
        return controlling(self.control, self.house.models, self.house.root / "principals.yaml", self.ports)

    @contextmanager
    def serving(self, *more: str) -> Iterator[Running]:
        """Run the gateway, with `more` flags, until the block ends, which kills it."""
        flags = (
            "--workers",
            "2",
            *NO_SPARE,
            "--control-url",
            self.control.url,
            "--gateway-name",
            "gw",
            *self.house.flags,
            *more,
        )
        running = start(self.features, self.house.state, "h2corn", *flags)
        try:
            yield running
        finally:
            running.process.kill()
            running.process.wait()

    def order(self, *words: str, by: str = "ada") -> Any:
        """Type an order; return what it answers. Fails where it is refused."""
        done = self._typed(*words, by=by)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def begin(self, version: str, bundles: Path | None = None) -> None:
        """Have Ada begin a rollout of a bundle as it lies there, by default where the gateway has it."""
        self.order("start", self.deployment, version, "--bundles", str(bundles or self.house.bundles))

    def state(self) -> dict[str, Any]:
        """Return the rollout as it stands."""
        (found,) = self.order("status", self.deployment)["deployments"]
        rollout: dict[str, Any] = found["rollout"]
        return rollout

    def await_state(self, *states: str) -> dict[str, Any]:
        """Wait until the rollout is in one of the states and served everywhere; Ben approves whatever has to be."""

        def look() -> dict[str, Any] | None:
            state = self.state()
            if state["state"] == "awaiting approval":
                done = self._typed("approve", self.deployment, "--yes", by="ben")
                # What was approved in the look before may begin while this is typed.
                assert done.returncode == 0 or "is next" in done.stderr, done.stderr
            return state if state["state"] in states and (state["settled"] or state["state"] == "done") else None

        return until(look, complaint=f"the rollout is not {' or '.join(states)}")

    def words(self, *words: str, by: str = "ada") -> list[str]:
        """Return a command of `sluice rollout` with who asks, and whom."""
        who = ["--as", by, "--key", str(self.house.root / f"{by}.pem")]
        return ["rollout", *words, "--json", *who, "--control", f"127.0.0.1:{self.ports[0]}"]

    def _typed(self, *words: str, by: str) -> Typed:
        return typed(*self.words(*words, by=by))

    def memory(self) -> dict[bytes, bytes]:
        """Return all that the control Redis knows of rollouts."""
        with Redis.from_url(self.control.url) as client:
            return {key: client.dump(key) for key in client.keys(f"{PREFIX}*") if b"leader" not in key}

    def forget_since(self, memory: dict[bytes, bytes]) -> None:
        """Put the control Redis back to what it knew, as a replica would that had heard no more."""
        with Redis.from_url(self.control.url) as client, client.pipeline(transaction=True) as pipeline:
            pipeline.delete(*client.keys(f"{PREFIX}*"))
            for key, value in memory.items():
                pipeline.restore(key, 0, value)
            pipeline.execute()


@contextmanager
def steered_house(root: Path) -> Iterator[SteeredHouse]:
    """Make one, with champion 1 and a candidate 2."""
    house = small_house(root)
    house.bundle("fraud", "2")
    people = [entry(name, make_key(root / f"{name}.pem")) for name in ("ada", "ben")]
    (root / "principals.yaml").write_text("\n".join(["principals:", *people, ""]))
    (root / "control").mkdir()
    features = RedisServer()
    control = RedisServer("--appendonly", "yes", "--dir", str(root / "control"), "--maxmemory-policy", "noeviction")
    try:
        yield SteeredHouse(house, features, control)
    finally:
        features.close()
        control.close()


class Callers:
    """Four of them, each with new cards all the time. `answers` counts by arm and version, `wrong` holds the rest."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(number,)) for number in range(4)]
        self.answers: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def versions(self, calls: int = 200) -> set[str]:
        """Return the versions that answer the next calls."""
        before = Counter(self.answers)
        until(lambda: self.answers.total() >= before.total() + calls, complaint="nobody is answered")
        return {version for _, version in (self.answers - before)}

    def _call(self, number: int) -> None:
        card = number
        with SluiceClient(self._address) as client:
            while not self._over.wait(0.01):
                card += 8
                try:
                    answer = client.predict("fraud", {"card_id": card, "store_id": 2}, FEATURES, timeout=5.0)
                    self.answers[answer.arm, answer.bundle_version] += 1
                except SluiceError as exc:
                    self.wrong.append(repr(exc))

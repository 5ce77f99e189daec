"""One battery for every store of rollouts: compare-and-set, fencing, a log that goes with every change."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from gateway.testing.redis_server import RedisServer
from routing.control.errors import ControlError, Fenced, Stale
from routing.control.event import Event
from routing.control.memory_store import MemoryStore
from routing.control.redis_store import RedisStore
from routing.control.store import Kept, Store
from routing.rollout import Rollout, State
from routing.schedule import Stage, Step, schedule

SCHEDULE = schedule([Step(Stage.SHADOW, 0), Step(Stage.CANARY, 500, 1_000, 60.0, approval=True)])
_NAMES = itertools.count()


def rollout(deployment: str, **changes: object) -> Rollout:
    made = Rollout("r1", deployment, "1", "2", SCHEDULE, b"\x00salt\xff", "ada", table=3, begun=10.0, since=12.5)
    return replace(made, **changes)


def event(kept: Kept, changed: Rollout, by: str = "judge") -> Event:
    return Event(changed, "" if kept.rollout is None else kept.rollout.state, by, 99.0, {"evidence": 1e6})


@pytest.fixture
def deployment() -> str:
    return f"d{next(_NAMES)}"


@pytest.fixture(scope="module")
def control_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    directory = str(tmp_path_factory.mktemp("control"))
    server = RedisServer("--dir", directory, "--appendonly", "yes", "--maxmemory-policy", "noeviction")
    yield server
    server.close()


class Time:
    """Lets a lease end: by a clock of one's own, or by the server's."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["memory", "redis"])
async def stores(request: pytest.FixtureRequest, control_redis: RedisServer) -> AsyncIterator[Callable[[], Store]]:
    """Yield what opens the same store, once for each process that would."""
    if request.param == "memory":
        store = MemoryStore(Time())
        yield lambda: store
        return
    client = Redis.from_url(control_redis.url)
    await client.flushall()
    yield lambda: RedisStore(client)
    await client.aclose()


async def test_nothing_is_kept_at_first(stores: Callable[[], Store], deployment: str) -> None:
    assert await stores().read(deployment) == Kept(None, 0)
    assert await stores().history(deployment, 10) == []


async def test_what_is_written_is_read_to_the_bit_with_its_event(stores: Callable[[], Store], deployment: str) -> None:
    store = stores()
    kept = await store.read(deployment)
    first = await store.write(kept, event(kept, rollout(deployment), "ada"), 0)
    assert first == await stores().read(deployment) == Kept(rollout(deployment), 1)
    second = await store.write(first, event(first, rollout(deployment, state=State.SHADOWING, settled=True)), 0)
    events = await store.history(deployment, 10)
    assert [(one.by, one.before, one.rollout.state, one.numbers["evidence"]) for one in events] == [
        ("ada", "", State.PENDING, 1e6),
        ("judge", "pending", State.SHADOWING, 1e6),
    ]
    assert events[1].rollout == second.rollout
    assert await store.history(deployment, 1) == events[1:]


async def test_who_read_an_older_one_changes_nothing(stores: Callable[[], Store], deployment: str) -> None:
    store, other = stores(), stores()
    kept = await store.read(deployment)
    await other.write(kept, event(kept, rollout(deployment)), 0)
    with pytest.raises(Stale):
        await store.write(kept, event(kept, rollout(deployment, champion="9")), 0)
    assert (await store.read(deployment)).rollout == rollout(deployment)
    assert len(await store.history(deployment, 10)) == 1


async def test_there_is_one_leader_and_the_last_ones_word_is_not_heard(
    stores: Callable[[], Store], deployment: str
) -> None:
    store, other = stores(), stores()
    assert await store.leader() == ""
    first = await store.lead("a", 60.0, {"quotes", "fraud"})
    assert await other.unjudged() == {"quotes", "fraud"}
    assert await other.leader() == "a"
    assert first == await store.lead("a", 60.0)
    assert await other.unjudged() == frozenset()
    assert first == await store.lead("a", 0.001) > 0
    assert (await other.lead("b", 60.0)) in (0, first + 1)
    await lapse(store)
    assert await other.leader() == ""
    second = await other.lead("b", 60.0)
    assert second == first + 1
    assert await store.lead("a", 60.0) == 0
    kept = await store.read(deployment)
    with pytest.raises(Fenced):
        await store.write(kept, event(kept, rollout(deployment)), first)
    kept = await other.write(kept, event(kept, rollout(deployment)), second)
    assert await store.write(kept, event(kept, rollout(deployment, champion="9"), "ada"), 0), "a person leads nothing"


async def lapse(store: Store) -> None:
    """Let every lease end."""
    if isinstance(store, MemoryStore):
        store._clock.now += 3600.0  # type: ignore[attr-defined]
        return
    assert isinstance(store, RedisStore)
    while (
        await store._client.exists("{sluice}:control:leader")
        and await store._client.pttl("{sluice}:control:leader") < 1_000
    ):
        pass


async def test_a_redis_that_may_forget_is_refused(control_redis: RedisServer, redis_server: RedisServer) -> None:
    for url, good in ((control_redis.url, True), (redis_server.url, False)):
        async with Redis.from_url(url) as client:
            if good:
                await RedisStore(client).check()
                await client.config_set("maxmemory-policy", "allkeys-lru")
                with pytest.raises(ControlError, match="evict"):
                    await RedisStore(client).check()
                await client.config_set("maxmemory-policy", "noeviction")
            else:
                with pytest.raises(ControlError, match="append-only"):
                    await RedisStore(client).check()


async def test_a_redis_that_is_gone_is_said_so(deployment: str) -> None:
    server = RedisServer()
    server.close()
    async with Redis.from_url(server.url) as client:
        with pytest.raises(ControlError, match="does not answer"):
            await RedisStore(client).read(deployment)


async def test_who_resigns_makes_room_at_once_and_nobody_else_does(
    stores: Callable[[], Store], deployment: str
) -> None:
    store, other = stores(), stores()
    await lapse(store)
    first = await store.lead("c", 3_600.0)
    await other.resign("d")
    assert await other.lead("d", 3_600.0) == 0
    await store.resign("c")
    second = await other.lead("d", 0.001)
    assert second == first + 1
    kept = await store.read(deployment)
    with pytest.raises(Fenced):
        await store.write(kept, event(kept, rollout(deployment)), first)

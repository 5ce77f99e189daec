"""The Redis reader when Redis misbehaves: late at once or in time, never somebody else's answer, and back again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import redis
import uvloop

from gateway.call import FeatureStatus
from gateway.features.plan import Plan
from gateway.features.redis_reader import RedisFeatureReader
from gateway.testing.feast_hash import FeastHash
from gateway.testing.plans import small_plan
from gateway.testing.redis_server import RedisServer
from tests.live.reading_features import CARDS, FRESH, NOW, fill, is_late, read, read_until_fresh, reading

BROKEN = FeatureStatus.BROKEN
Scenario = Callable[[RedisFeatureReader], Awaitable[None]]
Run = Callable[[Scenario], None]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_plan(tmp_path, project="faults")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A Redis of the test's own, to be killed."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest, server: RedisServer, plan: Plan) -> Run:
    """Run a scenario against a filled server, on either event loop."""
    fill(server, plan)

    async def whole(scenario: Scenario) -> None:
        async with reading(server.url) as reader, asyncio.timeout(20):
            await scenario(reader)

    def start(scenario: Scenario) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(whole(scenario))

    return start


def test_a_frozen_redis_is_late_and_answers_are_never_mixed_up(run: Run, server: RedisServer, plan: Plan) -> None:
    async def scenario(reader: RedisFeatureReader) -> None:
        loop = asyncio.get_running_loop()
        server.pause()
        began = loop.time()
        late = await asyncio.gather(*[read(reader, plan, card, card + 1, patience=0.02) for card in range(8)])
        assert all(is_late(block) for block in late)
        assert loop.time() - began < 0.5
        patient = [asyncio.ensure_future(read(reader, plan, card, card)) for card in CARDS]
        await asyncio.sleep(0)
        server.resume()
        for card, block in zip(CARDS, await asyncio.gather(*patient), strict=True):
            assert block.values[:, 0].tolist() == [card, card]
            assert (block.statuses == FRESH).all()
        assert reader.connected == 2

    run(scenario)


def test_cancelled_reads_leave_no_answers_behind(run: Run, server: RedisServer, plan: Plan) -> None:
    async def scenario(reader: RedisFeatureReader) -> None:
        server.pause()
        doomed = [asyncio.ensure_future(read(reader, plan, 1)) for _ in range(6)]
        await asyncio.sleep(0)
        for task in doomed:
            task.cancel()
        server.resume()
        block = await read(reader, plan, 2)
        assert block.values[0, 0] == 2

    run(scenario)


def test_a_killed_redis_is_late_at_once_and_comes_back(run: Run, server: RedisServer, plan: Plan) -> None:
    async def scenario(reader: RedisFeatureReader) -> None:
        server.pause()
        waiting = asyncio.ensure_future(read(reader, plan, 3))
        await asyncio.sleep(0)
        server.kill()
        assert is_late(await waiting)
        assert is_late(await read(reader, plan, 3))
        server.restart()
        fill(server, plan)
        assert (await read_until_fresh(reader, plan, 3)).values[0, 0] in (0, 3)
        assert (await read(reader, plan, 3)).values[0, 0] == 3

    run(scenario)


def test_a_row_that_is_no_hash_breaks_alone(run: Run, server: RedisServer, plan: Plan) -> None:
    with redis.Redis(port=server.port) as client:
        client.set(plan.row_keys({"card_id": 1, "store_id": 1})[0].decode("latin-1").encode("latin-1"), b"text")

    async def scenario(reader: RedisFeatureReader) -> None:
        block = await read(reader, plan, 0, 1, 2)
        assert block.statuses.tolist() == [[FRESH] * 3, [BROKEN, BROKEN, FRESH], [FRESH] * 3]
        assert block.refused.tolist() == [False, True, False]

    run(scenario)


def test_a_cut_value_breaks_alone(run: Run, server: RedisServer, plan: Plan) -> None:
    with redis.Redis(port=server.port) as client:
        key = plan.row_keys({"card_id": 1, "store_id": 1})[0]
        client.execute_command("HSET", key, plan.stored[0].field, b"\x29\x00")

    async def scenario(reader: RedisFeatureReader) -> None:
        block = await read(reader, plan, 0, 1)
        assert block.statuses.tolist() == [[FRESH] * 3, [BROKEN, FRESH, FRESH]]

    run(scenario)


async def test_a_frozen_redis_is_dropped_when_it_owes_too_much(server: RedisServer, plan: Plan) -> None:
    fill(server, plan)
    async with reading(server.url, owed=10) as reader, asyncio.timeout(20):
        server.pause()
        for _ in range(20):
            assert is_late(await read(reader, plan, 1, 2, patience=0.001))
        assert reader.connected == 0
        server.resume()
        assert (await read_until_fresh(reader, plan, 1)).values[0, 0] == 1


async def test_a_reader_starts_without_redis_and_finds_it_later(server: RedisServer, plan: Plan) -> None:
    server.kill()
    async with reading(server.url) as reader, asyncio.timeout(20):
        assert reader.connected == 0
        assert is_late(await read(reader, plan, 1))
        server.restart()
        fill(server, plan)
        await read_until_fresh(reader, plan, 1)


async def test_closing_leaves_nobody_waiting(server: RedisServer, plan: Plan) -> None:
    async with reading(server.url) as reader:
        server.pause()
        waiting = asyncio.ensure_future(read(reader, plan, 1))
        await asyncio.sleep(0)
        await reader.close()
        assert is_late(await waiting)
        assert is_late(await read(reader, plan, 1))
        server.resume()


@pytest.mark.parametrize(
    ("arguments", "address", "complaint"),
    [
        (("--requirepass", "secret"), "redis://127.0.0.1:{port}/0", "NOAUTH"),
        (("--requirepass", "secret"), "redis://:wrong@127.0.0.1:{port}/0", "WRONGPASS"),
        (("--databases", "1"), "redis://127.0.0.1:{port}/5", "out of range"),
    ],
)
async def test_a_redis_that_cannot_be_used_says_why(
    arguments: tuple[str, ...],
    address: str,
    complaint: str,
    plan: Plan,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = RedisServer(*arguments)
    async with reading(address.format(port=server.port)) as reader:
        assert reader.connected == 0
        assert is_late(await read(reader, plan, 1))
    server.close()
    assert complaint in caplog.text
    assert "wrong" not in caplog.text.replace("WRONGPASS", "")


@pytest.mark.parametrize("address", ["redis://:secret@127.0.0.1:{port}/3", "unix://:secret@{socket}?db=3"])
async def test_password_database_and_unix_socket(address: str, plan: Plan, tmp_path: Path) -> None:
    socket = tmp_path / "redis.sock"
    server = RedisServer("--requirepass", "secret", "--unixsocket", str(socket))
    with redis.Redis(port=server.port, password="secret", db=3) as client:
        values = {"card_count": 4.0, "card_limit": 1.0, "store_count": 4.0}
        FeastHash(client).put(plan, {"card_id": 1, "store_id": 1}, values, NOW)
    async with reading(address.format(port=server.port, socket=socket)) as reader:
        assert (await read(reader, plan, 1)).values.tolist() == [[4, 1, 4]]
    server.close()

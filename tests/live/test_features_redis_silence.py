"""Redis under continuous reads while it is frozen, away, slow or busy: every read ends in time, and all ends well."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from gateway.features.plan import Plan
from gateway.features.tolerance import tolerance_of
from gateway.features.view_rule import ViewRule
from gateway.testing.feast_hash import FeastHash
from gateway.testing.plans import small_plan
from gateway.testing.redis_server import RedisServer
from tests.free_ports import free_ports
from tests.live.reading_features import (
    FRESH,
    LAST_KNOWN,
    LATE,
    Seen,
    Traffic,
    fill,
    is_late,
    read,
    reading_as_usual,
)

SLACK = 0.5
"""Seconds that a busy machine may add to a read before the test says so."""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_plan(tmp_path, project="silence")


@pytest.fixture
def server(plan: Plan) -> Iterator[RedisServer]:
    server = RedisServer()
    fill(server, plan)
    yield server
    server.close()


def all_in_time(seen: list[Seen], timeout: float) -> bool:
    return all(one.seconds < timeout + SLACK for one in seen)


def waits(seen: list[Seen], timeout: float) -> int:
    """How many reads took their whole time (or were held up that long by a busy machine)."""
    return sum(one.seconds >= timeout for one in seen)


@pytest.mark.parametrize(
    ("seconds", "wait"), [(0.7, 0.05), (1.5, 0.4), (2.6, 0.05)], ids=["hurried", "patient", "connections dropped"]
)
async def test_frozen_costs_few_reads_their_time_and_is_over_with_the_thaw(
    server: RedisServer, plan: Plan, seconds: float, wait: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with reading_as_usual(server.url) as reader:
        traffic = Traffic(reader, plan, wait)
        assert all(one.fresh for one in await traffic.flow_for(0.1))
        server.pause()
        frozen = await traffic.flow_for(seconds)
        thawed = time.monotonic()
        server.resume()
        after = await traffic.flow_until_fresh()
        assert after[-1].ended - thawed < 1.0
        assert all_in_time(frozen + after, wait)
        assert {status for one in frozen for status in one.statuses} == {LATE}
        assert 1 <= waits(frozen, wait) <= 0.1 * len(frozen), "the first few found it out for all others"
        assert "says nothing" in caplog.text
        assert all(one.fresh for one in await traffic.flow_for(0.1))
        assert "answers again" in caplog.text


async def test_killed_and_restarted(server: RedisServer, plan: Plan) -> None:
    async with reading_as_usual(server.url) as reader:
        traffic = Traffic(reader, plan)
        await traffic.flow_until_fresh()
        server.kill()
        gone = await traffic.flow_for(1.0)
        assert all_in_time(gone, traffic.timeout)
        assert waits(gone, traffic.timeout) <= 0.1 * len(gone), "what is gone is late at once"
        server.restart()
        fill(server, plan)
        back = time.monotonic()
        after = await traffic.flow_until_fresh()
        assert after[-1].ended - back < 1.0


async def test_last_known_values_stand_in_while_it_is_frozen(server: RedisServer, plan: Plan) -> None:
    tolerance = tolerance_of(
        plan, {"card_history": ViewRule(last_known=60.0), "store_history": ViewRule(last_known=60.0)}
    )
    async with reading_as_usual(server.url) as reader:
        traffic = Traffic(reader, plan, tolerance=tolerance)
        await traffic.flow_until_fresh()
        server.pause()
        frozen = await traffic.flow_for(0.5)
        server.resume()
        after = await traffic.flow_until_fresh()
        assert {status for one in frozen for status in one.statuses} == {LAST_KNOWN}
        assert waits(frozen, traffic.timeout) <= 0.1 * len(frozen)
        assert all_in_time(frozen + after, traffic.timeout)


async def test_one_hot_key_is_asked_for_once(server: RedisServer, plan: Plan) -> None:
    rule = ViewRule(cache=600.0)
    tolerance = tolerance_of(plan, {"card_history": rule, "store_history": rule})
    async with reading_as_usual(server.url) as reader:
        seen = await Traffic(reader, plan, tolerance=tolerance).flow(lambda seen: len(seen) == 200)
        assert all(one.fresh for one in seen)
        assert commands_of(server, "hmget") == 2, "once for each of its groups"


async def test_half_of_the_keys_are_gone(server: RedisServer, plan: Plan) -> None:
    with redis.Redis(port=server.port) as client:
        for card in range(0, 40, 2):
            FeastHash(client).remove(plan, {"card_id": card, "store_id": card})
    async with reading_as_usual(server.url) as reader:
        block = await read(reader, plan, *range(40))
        assert [sorted(set(row)) for row in block.statuses[1::2].tolist()] == [[FRESH]] * 20
        assert block.statuses[::2].tolist() == [[3, 3, 3]] * 20
        assert block.values[1::2, 0].tolist() == list(range(1, 40, 2))


@contextmanager
def delayed(server: RedisServer, seconds: float) -> Iterator[str]:
    """Yield the address of the same server with replies that take longer."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "loadtests.delay_proxy", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "--to", f"127.0.0.1:{server.port}", "--delay-us", str(seconds * 1e6)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.communicate()


async def test_ten_times_slower_is_late_for_who_is_in_a_hurry_and_fresh_for_who_is_not(
    server: RedisServer, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    with delayed(server, 0.03) as url:
        async with reading_as_usual(url) as reader, asyncio.timeout(60):
            for card in range(20):
                hurried = [read(reader, plan, card, patience=0.005) for _ in range(5)]
                patient = [read(reader, plan, card, patience=5.0) for _ in range(3)]
                blocks = await asyncio.gather(*hurried, *patient)
                assert all(is_late(block) for block in blocks[:5])
                assert [block.values[0, 0] for block in blocks[5:]] == [card] * 3
            assert reader.connected == 2
    assert "says nothing" not in caplog.text, "a slow Redis is no silent one"


async def test_what_is_optional_is_left_out_of_a_slow_redis(server: RedisServer, plan: Plan) -> None:
    tolerance = tolerance_of(plan, {"store_history": ViewRule(optional=True)})
    with delayed(server, 0.03) as url:
        async with reading_as_usual(url) as reader:
            patient = Traffic(reader, plan, 5.0, tolerance)
            assert all(one.fresh for one in await patient.flow(lambda seen: len(seen) == 20))
            before = commands_of(server, "hmget")
            hurried = await Traffic(reader, plan, 0.01, tolerance).flow(lambda seen: len(seen) == 5)
            assert {status for one in hurried for status in one.statuses} == {LATE}
            assert commands_of(server, "hmget") - before == 5, "one group of the two"


async def test_a_rewrite_of_its_log_and_a_burst_of_writes(tmp_path: Path, plan: Plan) -> None:
    server = RedisServer("--appendonly", "yes", "--dir", str(tmp_path))
    fill(server, plan)
    try:
        with redis.Redis(port=server.port) as writer:
            async with reading_as_usual(server.url) as reader:
                traffic = asyncio.create_task(Traffic(reader, plan, 5.0).flow_for(1.5))
                await asyncio.to_thread(burst, writer, plan)
                seen = await traffic
                assert writer.info("stats")["total_forks"] >= 1
                assert len(seen) > 50
                assert all(one.fresh for one in seen)
    finally:
        server.close()


def burst(client: redis.Redis, plan: Plan) -> None:
    """Have the log rewritten, and write as `feast materialize` does: as fast as it goes, in pipelines."""
    key = plan.row_keys({"card_id": 1, "store_id": 1})[0]
    client.bgrewriteaof()
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        with client.pipeline(transaction=False) as pipe:
            for number in range(500):
                pipe.hset(f"other-{number}", "field", "1" * 100)
                pipe.execute_command("HSET", key, b"unrelated", b"1")
            pipe.execute()


def commands_of(server: RedisServer, name: str) -> int:
    with redis.Redis(port=server.port) as client:
        return int(client.info("commandstats")[f"cmdstat_{name}"]["calls"])

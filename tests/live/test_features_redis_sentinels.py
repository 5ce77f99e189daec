"""The Redis reader behind real sentinels: it finds the master, follows a failover, and leaves a master of yesterday."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from gateway.features.address import SentinelAddress, parse_address
from gateway.features.connection import ConnectionLimits
from gateway.features.plan import Plan
from gateway.features.redis_reader import RedisLimits
from gateway.features.sentinels import Sentinels
from gateway.features.whereabouts import NowhereError
from gateway.testing.plans import small_plan
from gateway.testing.redis_server import RedisServer, SentinelServer
from tests.live.reading_features import Seen, Traffic, fill, is_late, read, reading_as_usual
from tests.live.waiting import until


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return small_plan(tmp_path, project="sentinels")


@dataclass
class House:
    """A master, its replica, and a sentinel that watches over both."""

    master: RedisServer
    replica: RedisServer
    sentinel: SentinelServer

    @property
    def url(self) -> str:
        """Of a sentinel that is not there, and of the one that is."""
        return f"redis+sentinel://127.0.0.1:1,127.0.0.1:{self.sentinel.port}/main/0"

    def leads(self, server: RedisServer) -> bool:
        """Whether the sentinel says so."""
        with redis.Redis(port=self.sentinel.port, decode_responses=True) as client:
            return client.sentinel_get_master_addr_by_name("main") == ("127.0.0.1", server.port)

    def replica_is_ready(self) -> bool:
        """Whether the replica has everything, and the sentinel knows it for one that could take over."""
        with redis.Redis(port=self.replica.port) as copy, redis.Redis(port=self.master.port) as original:
            whole = copy.dbsize() == original.dbsize() > 0
        with redis.Redis(port=self.sentinel.port, decode_responses=True) as client:
            return whole and [one["master-link-status"] for one in client.sentinel_slaves("main")] == ["ok"]


@pytest.fixture
def house(tmp_path: Path, plan: Plan) -> Iterator[House]:
    copies = ("--dir", str(tmp_path), "--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0")
    master = RedisServer(*copies)
    replica = RedisServer(*copies, "--replicaof", "127.0.0.1", str(master.port))
    fill(master, plan)
    sentinel = SentinelServer(tmp_path, "main", master)
    house = House(master, replica, sentinel)
    until(house.replica_is_ready, complaint="the replica never was in step")
    yield house
    for server in (master, replica, sentinel):
        server.close()


async def until_it_leads(traffic: Traffic, house: House, server: RedisServer) -> list[Seen]:
    """Read until the sentinel has another master."""
    return await traffic.flow(lambda _: house.leads(server))


def reads_of(server: RedisServer) -> int:
    """How many keys a server was asked for."""
    with redis.Redis(port=server.port) as client:
        return int(client.info("commandstats").get("cmdstat_hmget", {"calls": 0})["calls"])


async def test_a_master_that_dies_is_followed_by_its_replica(house: House, plan: Plan) -> None:
    async with reading_as_usual(house.url) as reader:
        traffic = Traffic(reader, plan)
        assert all(one.fresh for one in await traffic.flow_for(0.1))
        assert reads_of(house.replica) == 0
        house.master.kill()
        during = await until_it_leads(traffic, house, house.replica)
        assert all(one.seconds < traffic.timeout + 0.5 for one in during)
        promoted = time.monotonic()
        after = await traffic.flow_until_fresh()
        assert after[-1].ended - promoted < 2.0
        assert reads_of(house.replica) > 0


async def test_a_demoted_master_that_still_answers_is_left(house: House, plan: Plan) -> None:
    async with reading_as_usual(house.url) as reader:
        traffic = Traffic(reader, plan)
        await traffic.flow_until_fresh()
        with redis.Redis(port=house.sentinel.port) as client:
            client.sentinel_failover("main")
        await until_it_leads(traffic, house, house.replica)
        await traffic.flow(lambda _: reads_of(house.replica) > 0)
        await traffic.flow(lambda _: reader.connected == 2)
        left = reads_of(house.master)
        seen = await traffic.flow_for(0.3)
        assert all(one.fresh for one in seen)
        assert reads_of(house.master) == left


async def test_a_master_that_was_frozen_and_wakes_into_its_old_role_is_left(house: House, plan: Plan) -> None:
    faithful = RedisLimits(connection=ConnectionLimits(patience=60.0))  # nothing but the sentinels takes it away
    async with reading_as_usual(house.url, faithful) as reader:
        traffic = Traffic(reader, plan)
        await traffic.flow_until_fresh()
        house.master.pause()
        await until_it_leads(traffic, house, house.replica)
        house.master.resume()
        # Sentinel itself would turn it into a replica after eight seconds more, and only then hang up on us.
        await traffic.flow(lambda _: reads_of(house.replica) > 0, limit=5.0)
        await traffic.flow(lambda _: reader.connected == 2)
        left = reads_of(house.master)
        assert all(one.fresh for one in await traffic.flow_for(0.3))
        assert reads_of(house.master) == left


async def test_without_sentinels_what_is_known_goes_on(house: House, plan: Plan) -> None:
    async with reading_as_usual(house.url) as reader:
        house.sentinel.kill()
        assert all(one.fresh for one in await Traffic(reader, plan).flow_for(1.5))


async def test_a_reader_finds_its_sentinel_later(house: House, plan: Plan) -> None:
    house.sentinel.kill()
    async with reading_as_usual(house.url) as reader:
        assert is_late(await read(reader, plan, 1))
        house.sentinel.restart()
        await Traffic(reader, plan).flow_until_fresh()


async def test_a_service_that_nobody_knows_is_named(house: House, plan: Plan, caplog: pytest.LogCaptureFixture) -> None:
    async with reading_as_usual(house.url.replace("/main/", "/other/")) as reader:
        assert is_late(await read(reader, plan, 1))
    assert "it knows no service 'other'" in caplog.text
    assert f"redis://127.0.0.1:{house.sentinel.port}" in caplog.text


async def test_a_frozen_sentinel_costs_its_own_time_only(house: House) -> None:
    address = parse_address(house.url)
    assert isinstance(address, SentinelAddress)
    house.sentinel.pause()
    async with asyncio.timeout(10):
        with pytest.raises(NowhereError, match="no answer"):
            await Sentinels(address, time.monotonic).find()
    house.sentinel.resume()


async def test_the_address_of_a_sentinel_alone_says_what_to_write(
    house: House, plan: Plan, caplog: pytest.LogCaptureFixture
) -> None:
    async with reading_as_usual(house.sentinel.url) as reader:
        assert is_late(await read(reader, plan, 1))
    assert "write redis+sentinel://" in caplog.text

"""`sluice dead-letters` on a real Redis: what is said of letters, and what becomes of them."""

import asyncio
from collections.abc import Iterator

import pytest
import redis
import redis.asyncio

from gateway.cli import main
from gateway.later import dead_letters
from gateway.later.dead_letters import DeadLetters
from gateway.later.redis_queue import DEAD, STREAM, result_key
from gateway.later.settings import QueueSettings
from gateway.testing.redis_server import RedisServer
from protos.sluice.v1 import prediction_pb2 as pb

Output = pytest.CaptureFixture[str]


@pytest.fixture
def plain(redis_server: RedisServer) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture(autouse=True)
def named(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_QUEUE_URL", redis_server.url)


def give_up(plain: "redis.Redis", *result_ids: str, reason: str = "features are away") -> None:
    for number, result_id in enumerate(result_ids):
        request = pb.PredictRequest(deployment="fraud", request_id=f"r-{result_id}")
        request.entities["card_id"].int64_value = 32261
        fields = {"reason": reason, "id": result_id, "request": request.SerializeToString()}
        plain.xadd(DEAD, fields, id=f"{1_766_000_000_000 + number}-0")
        plain.set(result_key(result_id), b"it has failed", px=1000)


def run(*words: str) -> int:
    return main(["dead-letters", *words])


def test_a_list_says_when_which_and_why_but_not_whose(plain: "redis.Redis", capsys: Output) -> None:
    give_up(plain, "a", "b", "c", reason="x " * 200)
    assert run("list", "--limit", "2") == 0
    first, second, end = capsys.readouterr().out.splitlines()
    assert first.startswith("2025-12-17T19:33:20Z  c  fraud")
    assert (second.split()[1], end) == ("b", "2 of 3 dead letters")
    assert len(first) < 160
    assert "32261" not in first


def test_one_is_shown_with_what_was_asked(plain: "redis.Redis", capsys: Output) -> None:
    give_up(plain, "a")
    assert run("show", "a") == 0
    said = capsys.readouterr().out
    assert '"request_id": "r-a"' in said
    assert "32261" in said
    assert run("show", "nobody") == 1


def test_what_is_queued_again_waits_under_its_own_ids(plain: "redis.Redis", capsys: Output) -> None:
    give_up(plain, "a", "b")
    assert run("requeue", "a", "nobody") == 1
    said = capsys.readouterr()
    assert (said.out, "nobody" in said.err) == ("1 queued again\n", True)
    ((_, fields),) = plain.xrange(STREAM)
    assert (fields[b"id"], pb.PredictRequest.FromString(fields[b"request"]).request_id) == (b"a", "r-a")
    assert plain.get(result_key("a")) == b"", "pending"
    assert plain.pttl(result_key("a")) > 3_600_000
    assert [one[b"id"] for _, one in plain.xrange(DEAD)] == [b"b"]
    assert run("requeue", "--all", "--queue-length", "1") == 1
    assert "raise --queue-length" in capsys.readouterr().err
    assert (plain.xlen(DEAD), plain.get(result_key("b"))) == (1, b"it has failed")


def test_what_is_dropped_is_gone_and_its_result_stays(plain: "redis.Redis", capsys: Output) -> None:
    give_up(plain, "a", "b", "c")
    assert run("drop", "a") == 0
    assert plain.xlen(DEAD) == 2
    assert run("drop", "--all") == 0
    assert (plain.xlen(DEAD), plain.xlen(STREAM), plain.get(result_key("a"))) == (0, 0, b"it has failed")
    assert run("list") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no dead letters"


def test_nothing_is_changed_unless_something_is_named(plain: "redis.Redis") -> None:
    give_up(plain, "a")
    with pytest.raises(SystemExit):
        run("drop")
    assert plain.xlen(DEAD) == 1


async def test_many_are_read_page_by_page(
    plain: "redis.Redis", redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "PAGE", 2)
    await asyncio.to_thread(give_up, plain, *"abcde")
    async with redis.asyncio.Redis.from_url(redis_server.url) as client:
        letters = DeadLetters(client, QueueSettings())
        assert [one.result_id async for one in letters.newest_first()] == [*"edcba"]
        found = await letters.find("a")
        assert found is not None
        assert [await letters.requeue(found, 0.0) for _ in range(2)] == [True, False], "only once"


def test_a_redis_that_is_away_is_said_without_its_password(capsys: Output) -> None:
    assert run("--queue-url", "redis://:secret@127.0.0.1:1/0", "list") == 1
    said = capsys.readouterr().err
    assert "does not answer" in said
    assert "secret" not in said

"""The desk: calls in, results out, and nobody waits longer than was asked for."""

import asyncio
from collections import Counter

import pytest

from gateway.errors import InvalidRequest, Overloaded, QueueUnavailable, ResultNotFound
from gateway.fronts.desk import NO_DESK, Submission
from gateway.later import desk as desk_module
from gateway.later.desk import QueueDesk
from gateway.later.settings import QueueSettings
from gateway.later.store import Delivery, Entry
from gateway.testing.manual_clock import ManualClock
from gateway.testing.memory_queue import MemoryQueue
from protos.sluice.v1 import prediction_pb2 as pb

NOW = 1_000.0
REQUEST = pb.PredictRequest(deployment="fraud", request_id="r")
PENDING, ANSWERED = pb.RESULT_STATE_PENDING, pb.RESULT_STATE_ANSWERED


class House:
    def __init__(self, length: int = 10) -> None:
        self.clock = ManualClock()
        self.queue = MemoryQueue(QueueSettings(length=length, result_ttl=100.0), self.clock)
        self.counts: Counter[str] = Counter()
        self.closing = False
        self.desk = QueueDesk(
            self.queue,
            self.queue.settings,
            lambda outcome: self.counts.update([outcome]),
            lambda: NOW,
            lambda: self.closing,
        )

    async def submit(self, useful_for: float = 0.0) -> str:
        return await self.desk.submit(Submission(REQUEST, useful_for, "00-trace"))

    async def fetch(self, result_id: str, wait: float = 0.0) -> pb.FetchResponse:
        return pb.FetchResponse.FromString(await self.desk.fetch(result_id, wait))

    async def until_waited_for(self) -> None:
        while not self.desk._waiting:  # noqa: ASYNC110  # a desk tells nobody who waits there
            await asyncio.sleep(0)

    async def answer(self, result_id: str) -> None:
        (name,) = [name for name, one in self.queue.waiting.items() if one.entry.result_id == result_id]
        kept = pb.FetchResponse(result_id=result_id, state=ANSWERED).SerializeToString()
        assert await self.queue.consumer("one").settle(Delivery(name, Entry(result_id, b"", 0.0), 1), kept)


async def test_a_call_waits_under_an_id_that_nobody_can_guess() -> None:
    house = House()
    first, second = await house.submit(), await house.submit()
    assert first != second
    assert len(first) == 32
    (one, _) = house.queue.waiting.values()
    assert one.entry == Entry(first, REQUEST.SerializeToString(), NOW + 100.0, "00-trace")
    assert house.counts == {"accepted": 2}


async def test_how_long_it_is_of_use_is_the_callers_to_say_within_limits() -> None:
    house = House()
    await house.submit(useful_for=2.5)
    (one,) = house.queue.waiting.values()
    assert one.entry.until == NOW + 2.5
    with pytest.raises(InvalidRequest, match="at most"):
        await house.submit(useful_for=100.1)


async def test_a_full_queue_refuses() -> None:
    house = House(length=1)
    await house.submit()
    with pytest.raises(Overloaded, match="full"):
        await house.submit()
    assert house.counts == {"accepted": 1, "refused": 1}


async def test_what_is_not_there_yet_is_no_error() -> None:
    house = House()
    name = await house.submit()
    assert (await house.fetch(name)).state == PENDING
    assert (await house.fetch(name, wait=0.05)).state == PENDING
    await house.answer(name)
    assert (await house.fetch(name)).state == ANSWERED
    assert (await house.fetch(name)).state == ANSWERED, "it may be fetched again"


async def test_all_who_wait_are_told_when_it_comes() -> None:
    house = House()
    name = await house.submit()
    waiting = [asyncio.create_task(house.fetch(name, wait=10.0)) for _ in range(3)]
    gone = asyncio.create_task(house.fetch(name, wait=10.0))
    await house.until_waited_for()
    gone.cancel()
    await house.answer(name)
    assert {one.state for one in await asyncio.gather(*waiting)} == {ANSWERED}
    assert gone.cancelled() or gone.cancelling()
    assert house.desk._waiting == {}


@pytest.mark.parametrize("strange", ["", "a" * 32, "../" * 10, "x" * 1000, "é" * 32])
async def test_unknown_results_are_not_found(strange: str) -> None:
    with pytest.raises(ResultNotFound, match="not kept any more"):
        await House().desk.fetch(strange, 0.0)


async def test_results_go_after_their_time() -> None:
    house = House()
    name = await house.submit()
    await house.answer(name)
    house.clock.advance(100.0)
    with pytest.raises(ResultNotFound):
        await house.desk.fetch(name, 0.0)


async def test_no_more_wait_than_may_and_the_others_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk_module, "MOST_WAITING", 1)
    house = House()
    first, second = await house.submit(), await house.submit()
    waiting = asyncio.create_task(house.fetch(first, wait=10.0))
    await house.until_waited_for()
    assert (await house.fetch(second, wait=10.0)).state == PENDING
    await house.answer(first)
    assert (await waiting).state == ANSWERED


async def test_who_waits_is_told_when_the_worker_drains_or_the_queue_goes() -> None:
    house = House()
    name = await house.submit()
    house.closing = True
    async with asyncio.timeout(5.0):
        assert (await house.fetch(name, wait=10.0)).state == PENDING
    house.closing = False
    waiting = asyncio.create_task(house.fetch(name, wait=10.0))
    await house.until_waited_for()
    house.queue.away = True
    assert (await waiting).state == PENDING
    with pytest.raises(QueueUnavailable):
        await house.desk.fetch(name, 0.0)
    with pytest.raises(QueueUnavailable, match="is not known"):
        await house.submit()


async def test_closing_tells_everybody() -> None:
    house = House()
    name = await house.submit()
    waiting = asyncio.create_task(house.fetch(name, wait=10.0))
    await house.until_waited_for()
    await house.desk.close()
    assert (await waiting).state == PENDING


async def test_without_a_queue_it_is_said_how_to_have_one() -> None:
    with pytest.raises(QueueUnavailable, match="--queue-url"):
        await NO_DESK.submit(Submission(REQUEST, 0.0, ""))
    with pytest.raises(QueueUnavailable, match="--queue-url"):
        await NO_DESK.fetch("a" * 32, 0.0)


@pytest.mark.parametrize(
    "wrong", [{"length": 0}, {"tries": 0}, {"in_flight": 0}, {"claim_after": 0.5}, {"result_ttl": 0.0}]
)
def test_settings_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        QueueSettings(**wrong)  # type: ignore[arg-type]

"""The consumer of queued calls, before a scripted door and a queue in memory: what becomes of each outcome."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from gateway.call import Answer, Call, Priority
from gateway.errors import (
    BackendUnavailable,
    DeadlineExceeded,
    FeaturesMissing,
    FeaturesUnavailable,
    GatewayError,
    InternalError,
    InvalidRequest,
    Overloaded,
    PredictionFailed,
)
from gateway.later.consumer import Consumer
from gateway.later.settings import QueueSettings
from gateway.later.store import Entry
from gateway.testing.manual_clock import ManualClock
from gateway.testing.memory_queue import MemoryQueue
from gateway.testing.scripted_door import ScriptedDoor, approve
from protos.sluice.v1 import prediction_pb2 as pb

SETTINGS = QueueSettings(in_flight=2, tries=3, claim_after=1.0)
UNTIL = 1_000.0


@dataclass
class House:
    """One queue, and as many consumers as are begun; `counts` are of all of them."""

    clock: ManualClock = field(default_factory=ManualClock)
    wall: ManualClock = field(default_factory=ManualClock)
    door: ScriptedDoor = field(default_factory=ScriptedDoor)
    counts: Counter[str] = field(default_factory=Counter)
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(SETTINGS, self.clock)

    def begin(self, name: str = "one") -> Consumer:
        def count(outcome: str) -> None:
            self.counts[outcome] += 1

        consumer = Consumer(self.queue.consumer(name), self.door, SETTINGS, count, self.clock, self.wall)
        self.tasks.append(asyncio.create_task(consumer.run()))
        return consumer

    async def add(self, name: str, **request: object) -> None:
        entities = {"card_id": pb.Value(int64_value=1), "store_id": pb.Value(int64_value=2)}
        message = pb.PredictRequest(deployment="fraud", entities=entities, request_id=f"request-{name}")
        await self.queue.add(Entry(name, message.SerializeToString(), UNTIL, "00-trace"))

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the event loop go round until it holds; the queue's own clock runs."""
        async with asyncio.timeout(20.0):
            while not holds():
                self.clock.advance(0.1)
                await asyncio.sleep(0.001)

    async def result(self, name: str) -> pb.FetchResponse:
        await self.until(lambda: self.queue.results[name][0])
        return pb.FetchResponse.FromString(self.queue.results[name][0])


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    for task in house.tasks:
        task.cancel()
    await asyncio.gather(*house.tasks, return_exceptions=True)


async def test_a_queued_call_is_answered_by_the_line_after_all_others(house: House) -> None:
    house.begin()
    await house.add("a")
    result = await house.result("a")
    assert (result.state, result.request_id, result.result_id) == (pb.RESULT_STATE_ANSWERED, "request-a", "a")
    assert (result.prediction.decision, dict(result.prediction.outputs)) == ("approve", {"score": 0.125})
    (call,) = house.door.calls
    assert (call.priority, call.own_id, call.request_id, call.traceparent) == (
        Priority.SHEDDABLE,
        True,
        "request-a",
        "00-trace",
    )
    assert house.counts == {"answered": 1}
    assert house.queue.waiting == {}


@pytest.mark.parametrize("error", [FeaturesMissing("never stored"), PredictionFailed("NaN"), InvalidRequest("no")])
async def test_what_will_stay_wrong_is_said_at_once(house: House, error: GatewayError) -> None:
    house.door.script = lambda call: error
    house.begin()
    await house.add("a")
    result = await house.result("a")
    assert (result.state, result.error.code, result.error.message) == (pb.RESULT_STATE_FAILED, error.code, str(error))
    assert len(house.door.calls) == 1
    assert house.queue.dead == []
    assert house.counts == {"failed": 1}


@pytest.mark.parametrize(
    "error", [FeaturesUnavailable("away"), BackendUnavailable("away"), DeadlineExceeded("slow"), InternalError()]
)
async def test_what_may_pass_is_tried_again(house: House, error: GatewayError) -> None:
    house.door.script = lambda call: error if len(house.door.calls) < 3 else approve(call)
    house.begin()
    await house.add("a")
    assert (await house.result("a")).state == pb.RESULT_STATE_ANSWERED
    assert house.counts == {"again": 2, "answered": 1}


async def test_what_does_not_pass_goes_to_the_dead_letters(house: House) -> None:
    house.door.script = lambda call: BackendUnavailable("still away")
    house.begin()
    await house.add("a")
    result = await house.result("a")
    assert (result.error.code, len(house.door.calls)) == (BackendUnavailable.code, SETTINGS.tries)
    ((dead, reason),) = house.queue.dead
    assert (dead.result_id, reason) == ("a", "still away")
    assert house.counts == {"again": 2, "dead": 1}


async def test_a_call_that_kills_whoever_takes_it_is_given_up(house: House) -> None:
    for number in range(SETTINGS.tries):
        dying = house.queue.consumer(f"dying {number}")
        if number == 0:
            await house.add("a")
            assert await dying.take(1, 0.0)
        else:
            assert await dying.claim(1)
        house.clock.advance(2.0)
    house.begin()
    result = await house.result("a")
    assert house.door.calls == []
    assert result.error.code == InternalError.code
    assert "taken in hand 3 times" in house.queue.dead[0][1]


async def test_overload_costs_no_try(house: House) -> None:
    house.door.script = lambda call: Overloaded("full", 0.001) if len(house.door.calls) < 8 else approve(call)
    house.begin()
    await house.add("a")
    assert (await house.result("a")).state == pb.RESULT_STATE_ANSWERED
    assert house.counts == {"answered": 1}


async def test_what_nobody_wants_any_more_is_not_begun(house: House) -> None:
    house.wall.advance(UNTIL)
    house.begin()
    await house.add("a")
    result = await house.result("a")
    assert (result.error.code, house.door.calls) == (DeadlineExceeded.code, [])
    assert house.counts == {"expired": 1}
    assert house.queue.dead == []


async def test_no_more_are_in_hand_than_may_be(house: House) -> None:
    house.door.script = lambda call: None
    house.begin()
    for name in "abcde":
        await house.add(name)
    await house.until(lambda: len(house.door.held) == SETTINGS.in_flight)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(house.door.held) == SETTINGS.in_flight
    _answer(house.door.held.pop(0))
    await house.until(lambda: len(house.door.calls) == SETTINGS.in_flight + 1)


async def test_a_dead_ones_calls_are_answered_by_another(house: House) -> None:
    await house.add("a")
    assert await house.queue.consumer("dead").take(1, 0.0)
    house.begin("another")
    assert (await house.result("a")).state == pb.RESULT_STATE_ANSWERED


async def test_who_is_slow_and_alive_keeps_its_call(house: House) -> None:
    house.door.script = lambda call: None
    house.begin("slow")
    await house.add("a")
    await house.until(lambda: house.door.held)
    heard = next(iter(house.queue.waiting.values()))
    before = heard.heard
    await house.until(lambda: heard.heard > before)
    assert heard.times == 1


async def test_a_queue_that_is_away_is_tried_again(house: House) -> None:
    house.queue.away = True
    house.begin()
    await asyncio.sleep(0)
    house.queue.away = False
    await house.add("a")
    assert (await house.result("a")).state == pb.RESULT_STATE_ANSWERED


async def test_what_cannot_be_read_is_said_so(house: House) -> None:
    house.begin()
    await house.queue.add(Entry("a", b"\xff\xff", UNTIL))
    assert (await house.result("a")).error.code == InvalidRequest.code
    assert house.door.calls == []


async def test_a_draining_worker_answers_what_it_has_and_takes_nothing_more(house: House) -> None:
    house.door.script = lambda call: None
    consumer = house.begin()
    await house.add("a")
    await house.until(lambda: house.door.held)
    house.door.is_ready = False
    await house.tasks[0]
    await house.add("b")
    draining = asyncio.create_task(consumer.drain(10.0))
    await asyncio.sleep(0)
    _answer(house.door.held.pop())
    await draining
    assert (await house.result("a")).state == pb.RESULT_STATE_ANSWERED
    assert house.queue.results["b"][0] == b""
    assert len(house.door.calls) == 1


async def test_what_is_not_answered_by_then_is_left_to_others(house: House) -> None:
    house.door.script = lambda call: None
    consumer = house.begin()
    await house.add("a")
    await house.until(lambda: house.door.held)
    house.door.is_ready = False
    await consumer.drain(0.0)
    assert house.queue.results["a"][0] == b""
    house.door.is_ready, house.door.script = True, approve
    house.begin("another")
    assert (await house.result("a")).state == pb.RESULT_STATE_ANSWERED


def _answer(call: Call) -> None:
    answer: Answer = approve(call)
    call.reply(answer)

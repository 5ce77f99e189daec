"""Sources are asked beside the leader: in turn, one question at a time, and whatever comes of it is a reading."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs

import pytest

from routing.control.metric_sources import FORGOTTEN, MetricSources, unasked
from routing.control.web import Answer, WebError
from routing.rollout import Rollout, State
from routing.schedule import Stage, Step, schedule
from routing.sources import Query, Sources, Webhook
from routing.verdict import Outcome, Verdict, fail, passes

SCHEDULE = schedule([Step(Stage.SHADOW, 0), Step(Stage.CANARY, 500)])
ROLLOUT = Rollout(
    "r1", "fraud", "1", "2", SCHEDULE, b"salt", "ada", 1, 0.0, 0.0, state=State.CANARY, at=1, settled=True
)  # fmt: skip
QUERY = Query("errors", every=15.0, promql='rate(bad{v="{candidate}"}[1m])', above=0.02)
HOOK = Webhook("money", every=30.0, url="http://risk/rollout")
GOOD = passes("no harm was found")


def sample(value: str, at: float = 1_000.0) -> bytes:
    result = [{"metric": {}, "value": [at, value]}]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()


@dataclass
class ScriptedWeb:
    """Answers by address what it is told to, or hangs until it may answer."""

    answers: dict[str, Answer | Exception] = field(default_factory=dict)
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, url: str, body: bytes, kind: str) -> Answer:
        self.asked.append((url, body))
        await self.may_answer.wait()
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class House:
    """Metric sources on a clock that is set by hand."""

    now: float = 1_000.0
    web: ScriptedWeb = field(default_factory=ScriptedWeb)
    sources: Sources = field(default_factory=lambda: Sources((QUERY,)))
    rollout: Rollout = ROLLOUT

    def __post_init__(self) -> None:
        self.asker = MetricSources(self.web, lambda: self.now, "http://prometheus:9090/")
        self.web.may_answer.set()

    def weigh(self, judged: Verdict = GOOD) -> Verdict:
        return self.asker.weigh(self.rollout, self.sources, judged)

    async def turn(self, judged: Verdict = GOOD) -> Verdict:
        """Ask who is due, let every question that can end, end, and return what holds then."""
        self.weigh(judged)
        self.asker.ask_due()
        for _ in range(5):
            await asyncio.sleep(0)
        return self.weigh(judged)


PROMETHEUS = "http://prometheus:9090/api/v1/query"


async def test_a_query_is_asked_for_the_candidate_and_its_breach_is_a_fail() -> None:
    house = House()
    house.web.answers[PROMETHEUS] = Answer(200, sample("0.01"))
    assert await house.turn() == GOOD
    ((url, body),) = house.web.asked
    assert (url, parse_qs(body.decode())) == (PROMETHEUS, {"query": ['rate(bad{v="2"}[1m])']})
    house.web.answers[PROMETHEUS] = Answer(200, sample("0.5", 1_015.0))
    house.now += 15.0
    assert await house.turn() == fail("errors", "errors: 0.5 > 0.02 for 0 s", value=0.5)


async def test_a_scalar_is_a_value_too() -> None:
    house = House()
    body = b'{"status":"success","data":{"resultType":"scalar","result":[1000.0,"3"]}}'
    house.web.answers[PROMETHEUS] = Answer(200, body)
    assert (await house.turn()).reason == "errors: 3 > 0.02 for 0 s"


EMPTY = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
TWO = json.dumps({"data": {"resultType": "vector", "result": [{"value": [1_000, "1"]}] * 2}}).encode()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(200, EMPTY), "the query gave nothing"),
        (Answer(200, TWO), "it gave 2 series: sum them"),
        (Answer(200, b'{"data":{"resultType":"matrix","result":[]}}'), "the query gave a matrix"),
        (Answer(200, sample("NaN")), "the query gave nan"),
        (Answer(200, sample("1e3x")), "this is no answer of Prometheus"),
        (Answer(200, sample("9", 100.0)), "what it says is 900 s old"),
        (Answer(200, b"<html>"), "this is no answer of Prometheus"),
        (Answer(400, b'{"status":"error","error":"parse\\u001b error"}'), "Prometheus answered 400: parse error"),
        (Answer(302, b""), "Prometheus answered 302"),
        (WebError("it cannot be reached: refused"), "it cannot be reached: refused"),
        (RuntimeError("a bug"), "it could not be asked"),
    ],
)
async def test_what_is_no_measurement_holds_and_takes_nobody_out(answer: Answer | Exception, reason: str) -> None:
    house = House()
    house.web.answers[PROMETHEUS] = answer
    verdict = await house.turn()
    assert verdict.outcome is Outcome.CANNOT_TELL
    assert verdict.reason.startswith(f"errors: {reason}")
    house.rollout = replace(ROLLOUT, at=0, state=State.SHADOWING)
    assert await house.turn() == GOOD, "who answers nobody leaves no trace that could be missed"


async def test_a_webhook_is_told_of_the_rollout_and_its_word_counts() -> None:
    house = House(sources=Sources((), (HOOK,)))
    house.web.answers[HOOK.url] = Answer(200, b'{"verdict":"fail","reason":"3 charge\\nbacks"}')
    assert (await house.turn()).reason == "money: 3 charge backs for 0 s"
    assert json.loads(house.web.asked[0][1]) == {
        "deployment": "fraud",
        "rollout": "r1",
        "champion": "1",
        "candidate": "2",
        "state": "canary",
        "weight": 500,
    }
    for body in (b'{"verdict":"cannot tell"}', b'{"verdict":"yes"}', b"[]", b""):
        house.web.answers[HOOK.url] = Answer(200, body)
        house.now += 30.0
        assert (await house.turn()).outcome is Outcome.CANNOT_TELL
    house.web.answers[HOOK.url] = Answer(200, b'{"verdict":"pass"}')
    house.now += 30.0
    assert await house.turn() == GOOD


async def test_one_question_at_a_time_and_in_its_turn() -> None:
    house = House()
    house.web.may_answer.clear()
    house.web.answers[PROMETHEUS] = Answer(200, sample("0.01"))
    await house.turn()
    house.now += 100.0
    await house.turn()
    assert len(house.web.asked) == 1, "who has not answered is not asked again"
    house.web.may_answer.set()
    await house.turn()
    await house.turn()
    assert len(house.web.asked) == 2
    house.now += 14.0
    await house.turn()
    assert len(house.web.asked) == 2, "it is not its turn"


async def test_who_hangs_delays_no_other_verdict() -> None:
    house = House()
    house.web.may_answer.clear()
    assert (await house.turn()).reason == "errors has said nothing yet"
    breach = fail("row_faults", "row_faults: canary 9 of 10 units")
    assert await house.turn(breach) == breach


async def test_a_dry_run_is_reported_and_holds_nobody() -> None:
    house = House(sources=Sources((replace(QUERY, dry_run=True),)))
    house.web.answers[PROMETHEUS] = Answer(200, sample("0.5"))
    assert await house.turn() == GOOD
    assert house.asker.verdicts("r1")["errors"].outcome is Outcome.FAIL
    assert house.asker.verdicts("another") == {}


async def test_a_source_that_is_declared_anew_begins_anew() -> None:
    house = House()
    house.web.answers[PROMETHEUS] = Answer(200, sample("0.5"))
    assert (await house.turn()).outcome is Outcome.FAIL
    house.sources = Sources((replace(QUERY, above=0.9),))
    assert house.weigh().reason == "errors has said nothing yet"
    assert await house.turn() == GOOD


async def test_nobody_asks_for_a_rollout_that_nobody_mentions() -> None:
    house = House()
    house.web.answers[PROMETHEUS] = Answer(200, sample("0.01"))
    await house.turn()
    house.now += FORGOTTEN + 1
    house.asker.ask_due()
    assert house.asker.verdicts("r1") == {}
    assert len(house.web.asked) == 1


async def test_without_a_prometheus_it_says_what_to_do() -> None:
    house = House()
    house.asker = MetricSources(house.web, lambda: house.now)
    assert (await house.turn()).reason.startswith("errors: no Prometheus is known: declare")


async def test_who_stops_asks_nothing_more() -> None:
    house = House()
    house.web.may_answer.clear()
    house.weigh()
    running = asyncio.create_task(house.asker.run())
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(house.web.asked) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for _ in range(5):
        await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("ask ")] == []


def test_where_nobody_asks_who_declares_a_source_goes_nowhere() -> None:
    assert unasked(ROLLOUT, Sources(), GOOD) == GOOD
    assert unasked(ROLLOUT, Sources((QUERY,)), GOOD).reason == "errors is asked by nobody"
    assert unasked(ROLLOUT, Sources((replace(QUERY, dry_run=True),)), GOOD) == GOOD

"""A repeated call is told what the first one was, whoever answers it by then; another call under its id is refused."""

import asyncio
from pathlib import Path

import pytest

from gateway.answer_book import AnswerBook
from gateway.call import Answer
from gateway.errors import AnswersUnavailable, DeadlineExceeded, InvalidRequest
from gateway.features.beside import Values
from gateway.idempotency import IdempotencyRule
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.manual_clock import ManualClock
from routing.table import CANARY, CHAMPION
from tests.unit.small_line import DIGESTS, WALL, SmallLine, small_line

ANSWERS = IdempotencyRule(600.0, "answer")
REFUSES = IdempotencyRule(600.0, "refuse")


class ForgetfulStore(FixedFeatures):
    """Can lose the way to what is kept, while what is read comes; or keep, and not say so."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.deaf = self.mute = False

    async def keep(self, values: Values, ttl: float, timeout: float) -> Values:  # noqa: ASYNC109  # as ValueStore
        if self.deaf:
            return {}
        found = await super().keep(values, ttl, timeout)  # type: ignore[arg-type]
        return {} if self.mute else found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


@pytest.fixture
def store(clock: ManualClock) -> ForgetfulStore:
    return ForgetfulStore(clock)


def worker(directory: Path, store: FixedFeatures, clock: ManualClock, weight: int = 0, slot: int = 0) -> SmallLine:
    return small_line(directory, store, REFUSES, weight, slot, clock)


async def test_a_repeated_call_is_told_the_same_though_the_model_says_otherwise_by_now(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    first = await line.answer("q-1", amount=5.0)
    line.backends[CHAMPION].factor = 3.0
    again = await line.answer("q-1", amount=5.0)
    assert (first.outputs, first.replayed) == ({"score": 5.0}, False)
    assert (again.outputs, again.decision, again.arm, again.bundle_version) == (
        {"score": 5.0},
        "approve",
        "champion",
        "1",
    )
    assert (again.replayed, again.infer_time) == (True, 0.0)
    assert (await line.answer("q-2", amount=5.0)).outputs == {"score": 15.0}
    assert line.backends[CHAMPION].runs == [1, 1]


async def test_it_is_the_same_over_weights_and_workers(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    before, after = worker(tmp_path, store, clock), worker(tmp_path, store, clock, weight=10_000, slot=1)
    first = await before.answer("q-1")
    again = await after.answer("q-1")
    assert (first.arm, again.arm, again.outputs, again.replayed) == (CHAMPION, CHAMPION, first.outputs, True)
    assert (await after.answer("q-2")).arm == CANARY
    rolled_back = await before.answer("q-2")
    assert (rolled_back.arm, rolled_back.bundle_version, rolled_back.outputs) == (CANARY, "2", {"score": 10.0})


async def test_of_two_at_the_same_moment_one_is_first_and_both_are_told_the_same(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    quick, slow = worker(tmp_path, store, clock), worker(tmp_path, store, clock, slot=1)
    slow.backends[CHAMPION].factor = 3.0
    slow.backends[CHAMPION].gate.clear()
    later = asyncio.create_task(slow.answer("q-1"))
    await slow.backends[CHAMPION].entered.wait()
    first = await quick.answer("q-1")
    slow.backends[CHAMPION].gate.set()
    second = await later
    assert first.outputs == second.outputs == {"score": 5.0}
    assert (first.replayed, second.replayed) == (False, True)
    assert slow.counted("sluice_kept_answers_total", outcome="kept") == 1
    assert slow.counted("sluice_kept_answers_total", outcome="replayed") == 1


async def test_of_two_in_one_list_the_first_is_first(tmp_path: Path, store: ForgetfulStore, clock: ManualClock) -> None:
    line = worker(tmp_path, store, clock)
    await line.ask_all([line.call("q-1", amount=5.0), line.call("q-1", amount=5.0), line.call("q-1", amount=6.0)])
    first, second, other = line.told["q-1"]
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert first.outputs == second.outputs == {"score": 5.0}
    assert {first.replayed, second.replayed} == {False, True}
    assert line.counted("sluice_kept_answers_total", outcome="kept") == 1
    assert isinstance(other, InvalidRequest)


@pytest.mark.parametrize("changed", [{"amount": 6.0}, {"card": 2}, {"features": {"card_limit": 3.0}}])
async def test_another_call_under_a_known_id_is_refused(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock, changed: dict[str, object]
) -> None:
    line = worker(tmp_path, store, clock)
    await line.answer("q-1")
    refused = await line.ask("q-1", **changed)
    assert isinstance(refused, InvalidRequest)
    assert "'q-1' was answered before, and to another call" in str(refused)
    assert line.counted("sluice_kept_answers_total", outcome="reused") == 1
    assert line.counted("sluice_calls_total", arm="none", code="INVALID_REQUEST") == 1


async def test_the_same_call_in_other_clothes_is_the_same(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    await line.answer("q-1", amount=5.0, card=7)
    assert (await line.answer("q-1", amount=5, card="7")).replayed


async def test_an_answer_is_kept_no_longer_than_declared(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    await line.answer("q-1")
    clock.advance(599.0)
    assert (await line.answer("q-1")).replayed
    clock.advance(1.0)
    assert not (await line.answer("q-1", amount=6.0)).replayed


async def test_ids_that_the_gateway_made_are_not_kept(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    for _ in range(2):
        assert not (await line.answer("made-1", own_id=False)).replayed
    assert line.counted("sluice_kept_answers_total", outcome="kept") == 0


async def test_what_failed_is_tried_again(tmp_path: Path, store: ForgetfulStore, clock: ManualClock) -> None:
    line = worker(tmp_path, store, clock)
    line.backends[CHAMPION].failure = "out of order"
    assert not isinstance(await line.ask("q-1"), Answer)
    line.backends[CHAMPION].failure = None
    assert not (await line.answer("q-1")).replayed
    assert (await line.answer("q-1")).replayed


async def test_where_answers_may_not_change_nothing_is_answered_without_the_store(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = small_line(tmp_path, store, REFUSES, clock=clock)
    await line.answer("q-1")
    store.away = True
    assert isinstance(await line.ask("q-1"), AnswersUnavailable)
    assert line.backends[CHAMPION].runs == [1], "nothing was begun"
    store.away, store.deaf = False, True
    assert isinstance(await line.ask("q-2"), AnswersUnavailable)
    store.deaf, store.mute = False, True
    assert isinstance(await line.ask("q-3", amount=7.0), AnswersUnavailable)
    store.mute = False
    line.backends[CHAMPION].factor = 3.0
    assert (await line.answer("q-3", amount=7.0)).outputs == {"score": 7.0}, "it was kept, though nobody was told so"


async def test_elsewhere_the_answer_says_that_it_is_not_kept(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = small_line(tmp_path, store, ANSWERS, clock=clock)
    store.deaf = True
    answer = await line.answer("q-1")
    assert answer.degraded_reasons == ("answer_not_kept",)
    assert line.kept.records[-1].degraded == ("answer_not_kept",)
    assert line.counted("sluice_kept_answers_total", outcome="unknown") == 1
    store.deaf = False
    again = await line.answer("q-1")
    assert (again.replayed, again.degraded_reasons) == (False, ())


async def test_who_could_not_look_it_up_still_tells_what_was_told_first(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = small_line(tmp_path, store, ANSWERS, clock=clock)
    sent = {"card_limit": 2.0}
    await line.answer("q-1", features=sent)
    line.backends[CHAMPION].factor = 3.0
    line.backends[CHAMPION].entered.clear()
    line.backends[CHAMPION].gate.clear()
    store.away = True
    asking = asyncio.create_task(line.answer("q-1", features=sent))
    await line.backends[CHAMPION].entered.wait()
    store.away = False
    line.backends[CHAMPION].gate.set()
    again = await asking
    assert (again.outputs, again.replayed) == ({"score": 5.0}, True)


async def test_a_repeated_call_is_recorded_as_one_and_is_no_evidence(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    await line.answer("q-1")
    assert len(line.witness.flush(clock())[0]) == 1
    await line.answer("q-1")
    assert line.witness.flush(clock())[0] == ()
    first, again = line.kept.records
    assert (first.given_before, again.given_before) == (None, WALL)
    assert (again.arm, again.bundle_version, again.bundle_digest) == ("champion", "1", DIGESTS[CHAMPION])
    assert (again.request_id, again.outputs, again.decision, again.unit) == ("q-1", {"score": 5.0}, "approve", "1")
    assert (again.stored, again.model_row, again.event_times) == ({}, {}, {})
    assert line.counted("sluice_calls_total", arm="none", code="OK") == 1
    assert line.counted("sluice_calls_total", arm="champion", code="OK") == 1


async def test_nothing_is_kept_of_what_comes_too_late(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    line.backends[CHAMPION].gate.clear()
    asking = asyncio.create_task(line.ask("q-1", deadline=0.02))
    await line.backends[CHAMPION].entered.wait()
    clock.advance(0.03)
    line.backends[CHAMPION].gate.set()
    assert isinstance(await asking, DeadlineExceeded)
    assert not (await line.answer("q-1")).replayed


async def test_strange_bytes_under_a_key_are_no_answer(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    await store.keep({b"sluice:answer:fraud:q-1": b"\xffstrange"}, 60.0, 1.0)
    assert isinstance(await line.ask("q-1"), AnswersUnavailable)


async def test_keys_name_deployment_and_request_alone(
    tmp_path: Path, store: ForgetfulStore, clock: ManualClock
) -> None:
    line = worker(tmp_path, store, clock)
    book: AnswerBook | None = line.line._beside.answers
    assert book is not None
    rows = [line.intake.read(line.call("q-1")), line.intake.read(line.call("made", own_id=False))]
    assert book.keys(rows) == [b"sluice:answer:fraud:q-1"]

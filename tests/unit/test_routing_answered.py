"""A canary that is not heard of: nothing is let through by what nobody knows."""

from routing.answered import LEAST, SPAN, Answered
from routing.order import UNKNOWN, Settled
from routing.verdict import Outcome


def calls(answered: Answered, canary: bool, count: int, signs: int = 0, at: float = 1.0) -> None:
    for unit in range(count):
        answered.call(Settled(at, unit, canary, 0, 500, signs))


def test_one_that_is_away_beside_a_champion_that_answers_cannot_be_told() -> None:
    answered = Answered()
    calls(answered, False, 100)
    calls(answered, True, LEAST, UNKNOWN)
    found = answered.look()
    assert found is not None
    assert (found.outcome, found.reason) == (
        Outcome.CANNOT_TELL,
        f"of the canary's last {LEAST} calls it answered 0: it is away, or late",
    )


def test_what_both_share_and_what_is_long_ago_say_nothing() -> None:
    shared, few, before = Answered(), Answered(), Answered()
    for answered in (shared, few, before):
        calls(answered, False, 100, UNKNOWN if answered is shared else 0)
        calls(answered, True, LEAST - (answered is few), UNKNOWN)
    calls(before, False, 100, at=2.0 + SPAN)
    calls(before, True, LEAST, at=2.0 + SPAN)
    assert [answered.look() for answered in (shared, few, before)] == [None, None, None]

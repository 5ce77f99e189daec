"""What a gateway makes of a rollout: its table, never an older one, and never a candidate that it has taken out."""

from dataclasses import replace

import pytest

from gateway.served import Part, Served
from gateway.supervisor.following import Following, follow
from routing.rollout import Rollout, State
from routing.table import Canary, Shadow, Table
from tests.unit.followed_rollouts import CANARY, CURRENT, DIGESTS, ROLLOUT


def followed(rollout: Rollout, current: Served = CURRENT, condemned: set[str] | None = None) -> Served:
    following = follow(rollout, current, condemned or set())
    assert following.served is not None, following.trouble
    return following.served


def test_a_pending_candidate_is_made_ready_as_a_shadow_that_sees_nothing() -> None:
    served = followed(ROLLOUT)
    assert served.table == Table("fraud", 5, "1", b"salt", shadows=(Shadow("2", 0.0), Shadow("7", 0.5)), fallback="8")
    assert served.digests == {**DIGESTS, "2": "b"}
    assert served.part == Part("r", 0, 0, 0)


def test_a_canary_gets_its_weight() -> None:
    served = followed(CANARY)
    assert served.table.canary == Canary("2", 100)
    assert served.part == Part("r", 1, 0, 100)
    assert follow(CANARY, served, ()) == Following(None)


def test_what_was_promoted_is_the_champion_and_the_former_one_stays_warm() -> None:
    done = replace(CANARY, state=State.DONE, at=5, table=9)
    served = followed(done, followed(CANARY))
    assert (served.table.champion, served.table.shadows[0]) == ("2", Shadow("1", 0.0))
    assert served.part is not None
    assert served.part.over


def test_who_comes_after_a_promotion_with_the_former_champion_and_a_later_table_says_so() -> None:
    done = replace(CANARY, state=State.DONE, at=5, table=9)
    late = replace(CURRENT, table=replace(CURRENT.table, number=12))
    following = follow(done, late, ())
    assert following.served is None
    assert following.trouble == (
        "it serves table 12 of its own with champion 1; unless that is meant, name 2 there, which was promoted"
    )
    assert follow(done, replace(late, table=replace(late.table, champion="2")), ()) == Following(None)


def test_the_end_is_noticed_when_no_table_changes() -> None:
    back = replace(CANARY, state=State.ROLLING_BACK, table=8)
    served = followed(replace(back, state=State.ROLLED_BACK), followed(back))
    assert served.table == followed(back).table
    assert served.part is not None
    assert served.part.over


@pytest.mark.parametrize("table", [1, 6])
def test_an_older_table_is_not_served(table: int) -> None:
    back = followed(replace(CANARY, state=State.ROLLING_BACK, table=8))
    assert follow(replace(CANARY, table=table), back, ()) == Following(None)


def test_a_memory_that_lost_the_rollback_cannot_bring_the_candidate_back() -> None:
    back = followed(replace(CANARY, state=State.ROLLING_BACK, table=8))
    following = follow(replace(CANARY, at=2, table=12), back, {"r"})
    assert following.served is None
    assert "was taken out by rollout r" in following.trouble


def test_a_candidate_that_was_taken_out_may_still_be_taken_out_further() -> None:
    back = followed(replace(CANARY, state=State.ROLLING_BACK, table=8), condemned={"r"})
    assert back.table.canary is None
    assert "2" not in back.table.versions


@pytest.mark.parametrize(("name", "section"), [("policy", "policy"), ("rules", "rollout")])
def test_a_rollout_that_is_bound_to_another_declaration_is_not_served(name: str, section: str) -> None:
    bound = replace(ROLLOUT, digests={**ROLLOUT.digests, name: "other"})
    done = followed(replace(bound, state=State.DONE, at=5, table=9))
    assert done.table.champion == "2", "what was declared since then does not bring the former champion back"
    following = follow(bound, CURRENT, ())
    assert following.served is None
    assert f"its {section} section is another one" in following.trouble


def test_a_gateway_whose_own_table_is_ahead_says_so() -> None:
    following = follow(replace(ROLLOUT, table=4), CURRENT, ())
    assert following.served is None
    assert "table 4 of its own" in following.trouble
    assert follow(replace(ROLLOUT, state=State.ABORTED, table=4), CURRENT, ()) == Following(None)


def test_arms_of_the_rollout_before_leave_with_the_next_one() -> None:
    done = followed(replace(CANARY, state=State.DONE, at=5, table=9))
    following = replace(
        ROLLOUT, name="q", champion="2", candidate="3", table=10, digests={"bundle": "c", "champion": "b"}
    )
    assert followed(following, done).table.versions == {"2", "3", "7", "8"}

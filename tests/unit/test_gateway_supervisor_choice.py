"""Which table a deployment gets: what is wrong or gone takes nothing out of service, and numbers only grow."""

from dataclasses import replace

import pytest

from gateway.deployment import DeploymentError, parse_deployment
from gateway.served import Part, Served
from gateway.supervisor.choice import Choice, choose
from gateway.supervisor.declarations import Declared
from models.manifest import BundleError
from routing.table import Shadow, Table

DECLARATION = """
deployment: fraud
unit: {entity: card_id}
clock: CLOCK
budget_ms: 100
policy:
  version: "3"
  contract: {min: 0.0, max: 1.0}
  decide: {kind: thresholds, steps: [{below: 0.5, decision: approve}], otherwise: decline}
arms:
  champion: "1"
  canary: {version: "2", weight: 0.05}
"""


def declared(text: str = DECLARATION, clock: str = "replay", digest: str = "b") -> Declared:
    text = text.replace("CLOCK", clock)
    return Declared(text, parse_deployment(text, "x"), {"1": "a", "2": digest}, 1_000.0)


def served(found: Declared | None = None, offset: float | None = 5.0) -> Served:
    choice = choose("fraud", found or declared(), None, offset)
    assert choice.served is not None
    return choice.served


def test_the_first_table_is_number_one() -> None:
    first = served()
    assert first.table.number == 1
    assert first.offset == 5.0
    assert first.deployment().table.canary is not None


def test_nothing_new_changes_nothing() -> None:
    last = served().numbered(7)
    assert choose("fraud", declared(), last, 5.0) == Choice(last)


@pytest.mark.parametrize("text", [DECLARATION + "# words\n", DECLARATION.replace("0.05", "0.050")])
def test_comments_and_spelling_are_no_change(text: str) -> None:
    last = served().numbered(7)
    assert choose("fraud", declared(text), last, 5.0) == Choice(last)


@pytest.mark.parametrize(
    "found",
    [
        declared(DECLARATION.replace("0.05", "0.06")),
        declared(DECLARATION.replace("budget_ms: 100", "budget_ms: 90")),
        declared(DECLARATION.replace("below: 0.5", "below: 0.6")),
        declared(digest="another"),
    ],
    ids=["weight", "budget", "policy", "bundle"],
)
def test_what_callers_could_notice_is_a_new_number(found: Declared) -> None:
    choice = choose("fraud", found, served().numbered(7), 5.0)
    assert choice.served is not None
    assert choice.served.table.number == 8
    assert choice.complaint == ""


def test_a_clock_that_is_set_anew_is_no_new_table() -> None:
    choice = choose("fraud", declared(), served().numbered(7), 6.0)
    assert choice.served is not None
    assert (choice.served.table.number, choice.served.offset) == (7, 6.0)


@pytest.mark.parametrize("found", [DeploymentError("wrong"), BundleError("damaged")])
def test_what_is_broken_goes_on(found: DeploymentError | BundleError) -> None:
    last = served().numbered(7)
    assert choose("fraud", found, last, 5.0) == Choice(last, str(found))
    assert choose("fraud", found, None, 5.0) == Choice(None, str(found))


def test_what_is_gone_goes_on_until_it_is_ended_in_words() -> None:
    last = served()
    choice = choose("fraud", None, last, 5.0)
    assert choice.served is last
    assert "--forget fraud" in choice.complaint


def test_a_replay_clock_that_was_never_set_is_not_guessed() -> None:
    choice = choose("fraud", declared(), None, None)
    assert choice.served is None
    assert "no offset" in choice.complaint
    assert served(declared(clock="wall"), None).offset == 0.0


def test_what_an_older_release_kept_and_nobody_understands_is_replaced() -> None:
    last = Served("deployment: [", served().table, {}, 0.0).numbered(3)
    choice = choose("fraud", declared(), last, 5.0)
    assert choice.served is not None
    assert choice.served.table.number == 4


def after_rollout(over: bool) -> Served:
    table = Table("fraud", 9, "2", b"s", shadows=(Shadow("1", 0.0),))
    return replace(served(), table=table, part=Part("r", 4, 0, 0, over))


def test_a_rollout_s_arms_stay_when_the_declaration_still_says_the_same() -> None:
    last = after_rollout(over=True)
    assert choose("fraud", declared(), last, 5.0) == Choice(last)


def test_arms_that_were_declared_after_a_rollout_are_served() -> None:
    choice = choose("fraud", declared(DECLARATION.replace('champion: "1"', 'champion: "3"')), after_rollout(True), 5.0)
    assert choice.served is not None
    assert (choice.served.table.champion, choice.served.table.number, choice.served.part) == ("3", 10, None)


@pytest.mark.parametrize(
    ("before", "after"),
    [('champion: "1"', 'champion: "3"'), ("below: 0.5", "below: 0.6"), ("arms:", "rollout: {alpha: 0.02}\narms:")],
)
def test_what_a_rollout_was_begun_with_stays_while_it_runs(before: str, after: str) -> None:
    last = after_rollout(over=False)
    choice = choose("fraud", declared(DECLARATION.replace(before, after)), last, 5.0)
    assert choice.served == last
    assert "rollout r runs" in choice.complaint


@pytest.mark.parametrize("over", [False, True])
def test_a_budget_may_change_beside_a_rollout_whose_table_keeps_its_number(over: bool) -> None:
    choice = choose("fraud", declared(DECLARATION.replace("budget_ms: 100", "budget_ms: 80")), after_rollout(over), 5.0)
    assert choice.served is not None
    assert choice.served.deployment().budget == 0.08
    assert (choice.served.table.champion, choice.served.table.number) == ("2", 9)

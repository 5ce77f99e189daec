"""What a watcher knows and shows, and when it has seen enough."""

from gateway.command_line.rollout.trace import LENGTH, trend
from gateway.command_line.rollout.watched import WAITING, Watched, changed, screen
from protos.sluice.v1 import rollouts_pb2 as pb
from tests.unit.sample_rollouts import NOON, at_end, deployment, events, overview


def growing(watched: Watched, seconds: int) -> Watched:
    """Let the evidence of the first guard grow by a fifth a second."""
    for second in range(seconds):
        found = overview(at=NOON + second)
        found.deployments[0].rollout.guards[0].evidence = 1.2**second
        watched = watched.heard(found)
    return watched


def page(watched: Watched, now: float = NOON) -> str:
    return "\n".join(line.plain.rstrip() for line in screen(watched, now))


def test_the_page_shows_where_evidence_came_from_and_what_has_happened() -> None:
    text = page(growing(Watched("fraud"), 30).told("fraud", events()))
    assert (
        "  guards    row_faults  █████████████████···  198 of 500        ▂▂▂▂▃▃▃▃▃▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆  growing\n"
        "                        canary 3 of 812 units (0.37%), champion 9 of 15,000\n"
        "            slower      ····················  0.4 of 500        ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁  steady\n"
        "            flips       ██████████▉·········  30 (reports)      ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄  steady\n"
        "                        4 of 90 pairs differ\n" in text
    )
    assert text.endswith(
        "  events    11:50:00  pending            ada: retrained\n"
        "            11:51:00  shadowing          judge: every worker has loaded and warmed the candidate\n"
        "            11:56:00  canary 5 %         grace: approved by grace"
    )


def test_what_has_happened_is_that_of_the_last_rollout() -> None:
    former = pb.Event(at=NOON - 900, note="of the rollout before")
    former.rollout.name = "r1"
    text = page(growing(Watched("fraud"), 3).told("fraud", [former, *events()]))
    assert "of the rollout before" not in text
    assert text == page(growing(Watched("fraud"), 3).told("fraud", events()))


def test_a_trace_is_bounded_takes_a_point_a_second_and_belongs_to_one_rollout() -> None:
    watched = growing(Watched("fraud"), 100)
    assert [len(values) for values in watched.traces["fraud"].evidence.values()] == [LENGTH] * 3
    soon = watched.heard(overview(at=NOON + 99.4))
    assert soon.traces == watched.traces
    another = overview(at=NOON + 200)
    another.deployments[0].rollout.name = "fraud-20261123-000000-aaaa"
    assert len(watched.heard(another).traces["fraud"].evidence["row_faults"]) == 1


def test_trends() -> None:
    assert trend([]) == trend([1.0]) == trend([1.0, 1.05]) == "steady"
    assert trend([1.0] * 50 + [1.2]) == "growing"
    assert trend([900.0, *[2.0] * 8, 1.0]) == "falling"
    assert trend([900.0, *[1.0] * 20]) == "steady", "what was long ago is no trend"


def test_silence_is_said_with_its_length_and_ends_when_something_is_heard() -> None:
    watched = Watched("fraud").heard(overview()).silent("nobody listens at x", NOON + 2)
    assert page(watched.silent("still nobody", NOON + 7), NOON + 14).startswith(
        "NOT HEARD for 12 s: still nobody; trying again\n"
        "Below is how it stood then. Champions serve on; a canary's weight lapses unless it is renewed.\n"
        "2026-11-22 12:00:00 UTC   leader control-1\n"
    )
    assert "NOT HEARD" not in page(watched.heard(overview(at=NOON + 9)))


def test_one_deployment_is_watched_to_its_end() -> None:
    watched = Watched("fraud").heard(overview())
    assert watched.result is None
    for state, result in (("rolling back", None), ("rolled back", 1), ("aborted", 1), ("done", 0)):
        assert watched.heard(overview(deployment(at_end(state)))).result == result
    assert Watched("fraud").heard(overview(deployment(at_end("aborted")))).result == 1, "it was over when we came"


def test_of_all_those_count_that_were_seen_running() -> None:
    other = at_end("rolled back")
    other.deployment, other.name = "quotes", "quotes-1"
    old = pb.DeploymentState(deployment="quotes", rollout=other)
    watched = Watched("").heard(overview(deployment(), old))
    assert watched.result is None
    assert watched.heard(overview(deployment(at_end("done")), old)).result == 0
    assert watched.heard(overview(deployment(at_end("aborted")), old)).result == 1
    text = page(watched)
    assert text.endswith("\nquotes: rolled back for 4 min"), "of one that is over a line, below those that run"


def test_what_has_changed_since() -> None:
    first = Watched("fraud").heard(overview())
    assert changed(Watched("fraud"), first) == ["fraud"]
    assert changed(first, first.heard(overview(at=NOON + 1))) == []
    assert changed(first, first.heard(overview(deployment(at_end("rolled back"))))) == ["fraud"]


def test_the_first_rollout_of_a_deployment_is_waited_for() -> None:
    none = overview(pb.DeploymentState(deployment="fraud"))
    watched = Watched("fraud").heard(none)
    assert (watched.states, watched.awaited, Watched("fraud").awaited, Watched("").heard(none).awaited) == (
        [], True, False, False,
    )  # fmt: skip
    assert page(watched).endswith("\nfraud: no rollout so far\n" + WAITING)
    assert not watched.heard(overview()).awaited


def test_where_nothing_was_heard_nothing_is_shown() -> None:
    assert page(Watched("")) == ""

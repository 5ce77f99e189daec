"""Both fronts of the control process do what is ordered, and show all that is known, alike."""

import pytest

from protos.sluice.v1 import rollouts_pb2 as pb
from routing.comparison import compared
from routing.order import Settled
from routing.window import Pair, Window
from tests.wire.control_speakers import BUNDLE, Refusal, Scene, Speaker, refused, started


async def test_a_rollout_begins_with_what_the_gateways_serve(scene: Scene, speaker: Speaker) -> None:
    await scene.report(gateway="other", table=9)
    state = await started(scene, speaker)
    assert state.name.startswith("fraud-20261122-120000-")
    assert (state.champion, state.candidate, state.state, state.requested_by) == ("1", "2", "pending", "ada")
    assert state.table == 10, "above every table that a gateway serves"
    assert dict(state.digests) == {
        "bundle": BUNDLE,
        "champion": "c" * 64,
        "policy": "p" * 64,
        "report": "none",
        "rules": "rules",
    }
    assert [(step.stage, step.weight, step.approval) for step in state.steps[:3]] == [
        ("shadow", 0.0, False),
        ("canary", 0.01, True),
        ("canary", 0.05, False),
    ]
    rollout = await scene.rollout()
    assert (rollout.name, len(rollout.salt)) == (state.name, 16)


async def test_without_a_report_the_first_step_needs_approval_whatever_is_declared(
    scene: Scene, speaker: Speaker
) -> None:
    scene.sections["fraud"] = {"steps": [{"weight": 0.1}, {"weight": 0.2}]}
    assert [step.approval for step in (await started(scene, speaker)).steps[:3]] == [False, True, False]


async def test_a_second_one_is_refused_while_one_runs(scene: Scene, speaker: Speaker) -> None:
    first = await started(scene, speaker)
    refusal = await refused(speaker, "start", scene.start("3"))
    assert refusal.code == "FAILED_PRECONDITION"
    assert f"rollout {first.name} of fraud runs already (pending, step 1 of" in str(refusal)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"champion": "9"}, "gateways do not serve the same champion of fraud: gw serves 1 (cccccccccccc)"),
        ({"champion_digest": "d" * 64}, "other serves 1 (dddddddddddd)"),
        ({"policy": "q" * 64}, "gateways gw and other do not read the same policy"),
        ({"rules": "others"}, "do not read the same `rollout` section"),
    ],
)
async def test_gateways_that_do_not_agree_let_none_begin(
    scene: Scene, speaker: Speaker, changes: dict[str, str], match: str
) -> None:
    await scene.report(gateway="other", **changes)
    with pytest.raises(Refusal, match="ABORTED") as caught:
        await started(scene, speaker)
    assert match in str(caught.value)
    scene.now += 6.0
    assert (await started(scene, speaker)).state == "pending", "who has not reported lately has no say"


async def test_what_else_lets_none_begin(scene: Scene, speaker: Speaker) -> None:
    refusal = await refused(speaker, "start", scene.start())
    assert (refusal.code, "no gateway that serves fraud" in str(refusal)) == ("ABORTED", True)
    await scene.report(champion="", champion_digest="")
    assert "does not say who is champion" in str(await refused(speaker, "start", scene.start()))
    await scene.report(rules="older")
    assert "another `rollout` section" in str(await refused(speaker, "start", scene.start()))
    await scene.report()
    scene.policies["fraud"] = "q" * 64
    refusal = await refused(speaker, "start", scene.start())
    assert refusal.code == "ABORTED", "in a moment the gateways may have told that they serve it"
    assert "another `policy` section of fraud than its deployment.yaml says here: `sluice reload`" in str(refusal)
    scene.policies["fraud"] = "p" * 64
    assert "is the champion of fraud already" in str(await refused(speaker, "start", scene.start("1")))
    refusal = await refused(speaker, "start", scene.order("ada", "start", candidate="2"))
    assert (refusal.code, "sha256" in str(refusal)) == ("INVALID_ARGUMENT", True)
    refusal = await refused(speaker, "start", scene.start(deployment="loans"))
    assert str(refusal) == "NOT_FOUND: no deployment is called 'loans'; known are fraud, quotes"


async def test_an_approval_is_kept_and_shown_and_not_the_requesters_own(scene: Scene, speaker: Speaker) -> None:
    state = await started(scene, speaker)
    approval = {"rollout": state.name, "step": 1, "digests": dict(state.digests)}
    refusal = await refused(speaker, "approve", scene.order("ada", "approve", **approval))
    assert (refusal.code, "somebody else has to approve" in str(refusal)) == ("PERMISSION_DENIED", True)
    other = {**approval, "digests": {**approval["digests"], "bundle": "e" * 64}}  # type: ignore[dict-item]
    assert (await refused(speaker, "approve", scene.order("grace", "approve", **other))).code == "PERMISSION_DENIED"
    after = await speaker.ask("approve", scene.order("grace", "approve", **approval))
    assert after.approved_by == "grace"
    scene.now += 61.0
    overview = await speaker.ask("list", scene.order("night", "list"))
    assert overview.deployments[0].rollout.approved_by == "", "it has expired"
    assert (await refused(speaker, "approve", scene.order("grace", "approve", "quotes", **approval))).code == (
        "FAILED_PRECONDITION"
    )


async def test_who_operates_aborts_and_undoes(scene: Scene, speaker: Speaker) -> None:
    state = await started(scene, speaker)
    assert (await refused(speaker, "abort", scene.order("night", "abort", rollout="r0"))).code == "FAILED_PRECONDITION"
    reason = "wrong\n- **done** (judge): bundle"
    after = await speaker.ask("abort", scene.order("night", "abort", rollout=state.name, reason=reason))
    assert (after.state, after.table) == ("rolling back", state.table + 1)
    assert after.reason == "aborted by night: wrong - **done** (judge): bundle", "one line, however it was sent"
    assert (await speaker.ask("undo", scene.order("night", "undo"))).state == "rolling back"
    assert (await refused(speaker, "abort", scene.order("night", "abort", "quotes"))).code == "FAILED_PRECONDITION"
    assert (await refused(speaker, "undo", scene.order("night", "undo", "quotes"))).code == "FAILED_PRECONDITION"


async def test_a_freeze_holds_and_is_taken_back(scene: Scene, speaker: Speaker) -> None:
    await scene.report()
    until = scene.now + 600.0
    halts = await speaker.ask("freeze", scene.order("night", "freeze", reason="holiday", until=until))
    assert [(one.deployment, one.kind, one.by, one.reason, one.until) for one in halts.halts] == [
        ("fraud", "freeze", "night", "holiday", until)
    ]
    refusal = await refused(speaker, "start", scene.start())
    assert "no rollout of fraud begins now: frozen: holiday (night, until 2026-11-22 12:10 UTC)" in str(refusal)
    overview = await speaker.ask("list", scene.order("ada", "list", ""))
    assert [(one.deployment, bool(one.frozen)) for one in overview.deployments] == [("fraud", True), ("quotes", False)]
    assert not (await speaker.ask("thaw", scene.order("night", "thaw"))).halts
    assert (await refused(speaker, "thaw", scene.order("night", "thaw"))).code == "FAILED_PRECONDITION"
    past = scene.order("night", "freeze", until=scene.now - 1.0)
    assert "past already" in str(await refused(speaker, "freeze", past))
    assert (await speaker.ask("start", scene.start())).state == "pending"


async def test_stop_all_and_kill_take_out_what_runs_and_let_nothing_begin(scene: Scene, speaker: Speaker) -> None:
    await started(scene, speaker)
    await scene.report("quotes")
    await speaker.ask("start", scene.start(deployment="quotes"))
    halts = await speaker.ask("kill", scene.order("night", "kill", reason="prices"))
    assert [(one.deployment, one.kind) for one in halts.halts] == [("fraud", "kill")]
    assert (await scene.rollout()).reason == "aborted by night: killed: prices"
    assert (await scene.rollout("quotes")).state == "pending"
    refusal = await refused(speaker, "stop_all", scene.order("night", "stop_all", "quotes"))
    assert refusal.code == "INVALID_ARGUMENT"
    halts = await speaker.ask("stop_all", scene.order("night", "stop_all", "", reason="incident 7"))
    assert [(one.deployment, one.kind) for one in halts.halts] == [("", "stop"), ("fraud", "kill")]
    assert (await scene.rollout("quotes")).state == "rolling back"
    assert (await refused(speaker, "start", scene.start(deployment="quotes"))).code == "FAILED_PRECONDITION"
    await speaker.ask("thaw", scene.order("night", "thaw", ""))
    refusal = await refused(speaker, "start", scene.start())
    assert "killed: prices (night)" in str(refusal), "what was halted by name stays so"


async def test_all_that_the_leader_knows_is_shown_and_no_more_than_that(scene: Scene, speaker: Speaker) -> None:
    state = await started(scene, speaker)
    before = await speaker.ask("list", scene.order("grace", "list"))
    assert (before.leader, before.deployments[0].rollout.HasField("verdict")) == ("", False)
    await scene.leader.tick()
    after = await speaker.ask("list", scene.order("grace", "list"))
    rollout = after.deployments[0].rollout
    assert (after.leader, after.at) == ("leader", scene.now)
    assert (rollout.verdict.outcome, rollout.verdict.reason) == ("cannot tell", "no worker has sent anything")
    assert [one.guard for one in rollout.guards] == ["row_faults", "contract", "slower", "tail", "flaky"]
    assert {one.enough for one in rollout.guards} == {600.0}
    assert rollout.proof_enough == pytest.approx(20.0)
    assert [(one.name, one.table) for one in after.deployments[0].gateways] == [("gw", 7)]
    assert (rollout.name, rollout.weight, len(rollout.steps)) == (state.name, 0.0, 6)


async def test_how_both_bundles_compare_and_how_long_it_takes_is_shown(scene: Scene, speaker: Speaker) -> None:
    state = await started(scene, speaker)
    different = compared("card 7", 0.1, 0.9, flip=True).merged(compared("card 8", 0.2, 0.2, flip=False))
    for number in range(1, 41):
        scene.now += 0.5
        await scene.report()
        seen = Window("gw.0", number, scene.now, scene.now, pairs=(Pair(0, 0),) * 10, comparison=different)
        await scene.feed.send(state.name, seen)
        await scene.leader.tick()
    rollout = (await speaker.ask("list", scene.order("grace", "list", entities=True))).deployments[0].rollout
    assert (rollout.comparison.rows, rollout.comparison.flips) == (80, 40)
    assert rollout.comparison.mean_distance == pytest.approx(0.4)
    assert [(one.entity, one.candidate) for one in rollout.comparison.most_different] == [("card 7", 0.9)]
    assert [one.quantile for one in rollout.comparison.quantiles][:2] == [0.05, 0.25]
    assert rollout.verdict.reason == "400 of 2000 pairs"
    rollout = (await speaker.ask("list", scene.order("grace", "list"))).deployments[0].rollout
    assert [(one.entity, one.candidate) for one in rollout.comparison.most_different] == [("", 0.9)]
    for entities, name in ((False, ""), (True, "card 7")):
        await scene.leader.tick()
        async for overview in speaker.stream("watch", scene.order("grace", "watch", entities=entities)):
            assert [one.entity for one in overview.deployments[0].rollout.comparison.most_different] == [name]
            break


async def test_a_watch_says_what_changes_and_something_every_second(scene: Scene, speaker: Speaker) -> None:
    await started(scene, speaker)
    seen: list[pb.Overview] = []
    async for overview in speaker.stream("watch", scene.order("grace", "watch")):
        seen.append(overview)
        if len(seen) == 3:
            await speaker.ask("abort", scene.order("night", "abort", reason="enough"))
        if overview.deployments[0].rollout.state == "rolling back":
            break
    times = [one.at for one in seen]
    assert times[1] - times[0] == times[2] - times[1] == 1.0, "nothing has changed, and it is still there"
    assert {one.deployments[0].rollout.state for one in seen[:3]} == {"pending"}


async def test_a_watch_ends_with_the_key_of_whoever_watches(scene: Scene, speaker: Speaker) -> None:
    watch = speaker.stream("watch", scene.order("grace", "watch"))
    assert (await anext(watch)).deployments
    del scene.principals["grace"]
    with pytest.raises(Refusal, match="PERMISSION_DENIED: the key of grace"):
        _ = [await anext(watch) for _ in range(10)]  # what was on its way comes first


async def test_what_happened_is_told_as_events_and_as_a_note(scene: Scene, speaker: Speaker) -> None:
    state = await started(scene, speaker)
    await speaker.ask("abort", scene.order("night", "abort", reason="wrong bundle"))
    events = (await speaker.ask("history", scene.order("grace", "history"))).events
    assert [(one.by, one.before, one.rollout.state) for one in events] == [
        ("ada", "", "pending"),
        ("night", "pending", "rolling back"),
    ]
    last = (await speaker.ask("history", scene.order("grace", "history", count=1))).events
    assert [one.by for one in last] == ["night"]
    note = await speaker.ask("explain", scene.order("grace", "explain", rollout=state.name))
    assert note.markdown.startswith(f"# Rollout {state.name} of fraud: rolling back")
    refusal = await refused(speaker, "explain", scene.order("grace", "explain", rollout="r0"))
    assert (refusal.code, f"the last one is {state.name}" in str(refusal)) == ("NOT_FOUND", True)
    assert (await refused(speaker, "explain", scene.order("grace", "explain", "quotes"))).code == "NOT_FOUND"
    assert not (await speaker.ask("history", scene.order("grace", "history", "quotes"))).events


async def bad_windows(scene: Scene) -> None:
    """Send ten seconds in which the canary's units are bad and nobody else's are."""
    rollout = await scene.rollout()
    for number in range(1, 21):
        now = scene.now + number / 2
        calls = tuple(
            Settled(now - 0.1, 1000 * number + unit, unit % 2 == 0, 1, 5_000, int(unit % 2 == 0)) for unit in range(20)
        )
        pairs = (Pair(0, 0),)
        await scene.feed.send(rollout.name, Window("gw.0", number, now, now, 1, calls, 0, pairs))


async def test_a_rollout_is_judged_again_by_its_rules_and_by_others(scene: Scene, speaker: Speaker) -> None:
    await started(scene, speaker)
    await bad_windows(scene)
    said = [one async for one in speaker.stream("replay", scene.order("grace", "replay"))]
    assert (said[-1].verdict.outcome, said[-1].verdict.guard) == ("fail", "row_faults")
    lenient = "rollout:\n  guards:\n    row_faults: {tolerated: 10000}\n"
    said = [one async for one in speaker.stream("replay", scene.order("grace", "replay", rules=lenient))]
    assert said
    assert "fail" not in {one.verdict.outcome for one in said}


async def test_rules_that_cannot_be_are_said_so(scene: Scene, speaker: Speaker) -> None:
    await started(scene, speaker)
    refusal = await refused(speaker, "replay", scene.order("grace", "replay", rules="guards: {speed: {}}"))
    assert refusal.code == "INVALID_ARGUMENT"
    assert "rules: rollout: guards: 'speed' is unknown" in str(refusal)

"""What people do, beside what is kept of it: approvals and halts are in the history of what runs."""

from typing import Any

import pytest
from google.protobuf.message import Message

from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control.errors import NotFound, Refused
from routing.control.event import Event
from routing.control.view import Board
from routing.rollout import State
from tests.wire.control_speakers import Scene


@pytest.fixture
async def scene() -> Scene:
    """Two deployments, of which fraud has a rollout."""
    scene = Scene()
    await scene.report()
    await do(scene, "ada", "start", candidate="2", digests={"bundle": "b" * 64})
    return scene


async def do(scene: Scene, by: str, deed: Any, deployment: str = "fraud", **what: Any) -> Message:
    return await scene.desk.answer(deed, scene.order(by, deed, deployment, **what))


async def last(scene: Scene, deployment: str = "fraud") -> Event:
    event: Event = (await scene.store.history(deployment, 1))[-1]
    return event


async def approve(scene: Scene) -> None:
    rollout = await scene.rollout()
    await do(
        scene, "grace", "approve", rollout=rollout.name, step=rollout.at + 1, digests=rollout.digests, reason="looked"
    )


async def test_an_approval_is_in_the_history_and_in_the_note(scene: Scene) -> None:
    before = await scene.rollout()
    await approve(scene)
    event = await last(scene)
    assert (event.rollout, event.by, event.note) == (before, "grace", "step 2 approved: looked")
    (listed,) = [one for one in (await scene.looks.history(await _looking(scene, "history"))).events if one.note]
    assert (listed.note, listed.by) == ("step 2 approved: looked", "grace")
    assert "step 2 approved: looked (grace)" in (await scene.looks.explain(await _looking(scene, "explain"))).markdown


async def test_what_is_approved_while_the_leader_changes_it_is_kept_all_the_same(scene: Scene) -> None:
    write, kept = scene.store.write, await scene.store.read("fraud")

    async def slower(*arguments: Any) -> Any:
        scene.store.write = write
        await write(kept, Event(kept.rollout, "pending", "judge", scene.now), 0)
        return await write(*arguments)

    scene.store.write = slower
    await approve(scene)
    assert (await last(scene)).note == "step 2 approved: looked"
    assert len(await scene.notes.approvals((await scene.rollout()).name)) == 1


async def test_freezes_and_thaws_are_in_the_history_of_what_runs(scene: Scene) -> None:
    await do(scene, "night", "freeze", reason="holiday")
    assert (await last(scene)).note == "frozen: holiday"
    await do(scene, "night", "thaw", reason="over")
    assert ((await last(scene)).note, (await last(scene)).by) == ("thawed: over", "night")
    await do(scene, "night", "freeze", "", reason="everywhere")
    assert (await last(scene)).note == "frozen: everywhere"
    assert await scene.store.history("quotes", 9) == [], "nothing runs there"
    await scene.report(table=99)
    await do(scene, "night", "undo", reason="enough")
    await scene.leader.tick()
    rollout = await scene.rollout()
    await scene.report(table=rollout.table, rollout=rollout.name)
    await scene.leader.tick()
    assert (await scene.rollout()).over
    count = len(await scene.store.history("fraud", 99))
    await do(scene, "night", "thaw", "", reason="over")
    assert len(await scene.store.history("fraud", 99)) == count, "what is over stays as it was"


@pytest.mark.parametrize("ahead", [10.1 * 366 * 86_400, 1.79e12, 1e300])
async def test_a_freeze_that_no_calendar_ends_is_refused(scene: Scene, ahead: float) -> None:
    with pytest.raises(Refused, match="within ten years"):
        await do(scene, "night", "freeze", until=scene.now + ahead)
    assert await scene.notes.halts() == []
    await do(scene, "night", "freeze", until=scene.now + 9.9 * 366 * 86_400)


async def test_one_deployment_that_cannot_be_shown_hides_no_other(scene: Scene) -> None:
    read = scene.store.read

    async def unreadable(deployment: str) -> Any:
        if deployment == "fraud":
            raise ValueError("Object missing required field `salt`")
        return await read(deployment)

    scene.store.read = unreadable
    fraud, quotes = (await scene.looks.overview()).deployments
    assert fraud == pb.DeploymentState(
        deployment="fraud", trouble="it cannot be shown: the control plane's log says why"
    )
    assert quotes == pb.DeploymentState(deployment="quotes")
    with pytest.raises(ValueError, match="salt"):
        await scene.looks.overview("fraud")


@pytest.mark.parametrize("deed", ["abort", "undo", "kill", "stop_all"])
async def test_what_people_take_back_is_kept_with_what_the_judge_knew(scene: Scene, deed: str) -> None:
    await scene.leader.tick()
    await do(scene, "night", deed, "" if deed == "stop_all" else "fraud", reason="complaints")
    event = await last(scene)
    assert event.view is not None
    assert (event.by, event.view.verdict.reason) == ("night", "no worker has sent anything")
    assert [guard.guard for guard in event.view.guards] == ["row_faults", "contract", "slower", "tail", "flaky"]
    (*_, listed) = (await scene.looks.history(await _looking(scene, "history"))).events
    assert (listed.rollout.verdict.reason, len(listed.rollout.guards)) == ("no worker has sent anything", 5)
    assert "- row_faults: evidence 1 of 600; " in (await scene.looks.explain(await _looking(scene, "explain"))).markdown


async def test_the_way_back_needs_no_numbers(scene: Scene) -> None:
    async def broken() -> Board:
        raise ValueError("Object missing required field `leader`")

    scene.notes.board = broken  # type: ignore[method-assign]
    state = await do(scene, "night", "abort", reason="wrong")
    assert isinstance(state, pb.RolloutState)
    assert (state.state, (await scene.rollout()).state) == ("rolling back", State.ROLLING_BACK)
    assert (await last(scene)).view is None


async def test_one_rollout_that_cannot_be_read_keeps_no_halt_from_the_others(scene: Scene) -> None:
    read = scene.store.read

    async def unreadable(deployment: str) -> Any:
        if deployment == "credit":
            raise ValueError("Object missing required field `salt`")
        return await read(deployment)

    scene.sections["credit"] = {}
    scene.store.read = unreadable
    frozen = await do(scene, "night", "freeze", "", reason="holiday")
    assert isinstance(frozen, pb.Halts)
    assert ((await last(scene)).note, list(frozen.unreadable)) == ("frozen: holiday", ["credit"])
    stopped = await do(scene, "night", "stop_all", "", reason="incident 7")
    assert isinstance(stopped, pb.Halts)
    assert (list(stopped.aborted), list(stopped.unreadable)) == ([(await scene.rollout()).name], ["credit"])
    assert (await scene.rollout()).state is State.ROLLING_BACK
    killed = await do(scene, "night", "kill", "credit", reason="what is it?")
    assert isinstance(killed, pb.Halts)
    assert (list(killed.aborted), list(killed.unreadable)) == ([], ["credit"])


async def test_a_kill_says_what_it_has_ended(scene: Scene) -> None:
    name = (await scene.rollout()).name
    found = await do(scene, "night", "kill", reason="wrong")
    assert isinstance(found, pb.Halts)
    assert list(found.aborted) == [name]
    assert list((await do(scene, "night", "kill", "quotes", reason="wrong")).aborted) == []  # type: ignore[attr-defined]


async def test_what_cannot_be_done_says_so(scene: Scene) -> None:
    with pytest.raises(Refused, match="quotes has had no rollout yet: there is nothing to undo"):
        await do(scene, "night", "undo", "quotes", reason="back")
    with pytest.raises(Refused, match="`sluice rollout status` shows what does"):
        await do(scene, "night", "thaw")
    with pytest.raises(NotFound, match="quotes has had no rollout yet"):
        [one async for one in scene.desk.stream("replay", scene.order("ada", "replay", "quotes"))]


async def _looking(scene: Scene, deed: Any) -> Any:
    return await scene.desk._checked(deed, scene.order("ada", deed))

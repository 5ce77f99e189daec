"""`sluice rollout` as it is typed, against a real server: what it prints, what it signs, and how it ends."""

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import pytest

from gateway.cli import main
from gateway.command_line.rollout import patience
from gateway.command_line.rollout import watch as watching
from gateway.command_line.rollout.watched import WAITING
from gateway.testing.bundles import write_bundle
from models.manifest import load_manifest
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control.keys import read_key
from tests.unit.sample_rollouts import NOON, at_end, canary, deployment, events, overview
from tests.wire.scripted_control import Refusal, ScriptedControl, scripted_control

Rollout = Callable[..., int]


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ScriptedControl]:
    with scripted_control(tmp_path) as found:
        yield found


@pytest.fixture
def rollout(control: ScriptedControl, monkeypatch: pytest.MonkeyPatch) -> Rollout:
    """Type a command as somebody who may do everything; `by` is somebody else."""

    def typed(*words: str, by: str = "root") -> int:
        monkeypatch.setenv("SLUICE_CONTROL", control.address)
        monkeypatch.setenv("SLUICE_PRINCIPAL", by)
        monkeypatch.setenv("SLUICE_KEY", str(control.keys[by]))
        return main(["rollout", *words])

    return typed


TAKEN_OUT = {
    "Kill": "aborted: nothing, no rollout was running\n"
    "no rollout begins until it is taken back: sluice rollout thaw fraud\n",
    "StopAll": "aborted: r1\nno rollout begins until it is taken back: sluice rollout thaw --all\n",
}


def bundle(directory: Path, **changes: str) -> Path:
    """Write a bundle, version 2 of fraud; return where bundles lie."""
    write_bundle(directory / "bundles" / "fraud", "2", **changes)
    return directory / "bundles"


def test_start_proves_the_bundle_signs_its_digest_and_shows_the_plan(
    rollout: Rollout, control: ScriptedControl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = bundle(tmp_path)
    control.answers["Start"] = canary()
    assert rollout("start", "fraud", "2", "--bundles", str(bundles), "--reason", "retrained", by="ada") == 0
    ((name, order),) = control.asked
    assert (name, order.candidate, order.reason) == ("ada", "2", "retrained")
    assert order.digests == {"bundle": load_manifest(bundles / "fraud" / "2").digest()}
    out = capsys.readouterr().out
    assert out.startswith("rollout fraud-20261122-115000-3f2a: bundle 2 is to replace bundle 1\nstep  stage ")
    assert "4     canary   25 %" in out
    assert out.endswith("it goes by itself; to see it: sluice rollout watch fraud\n")


def test_start_waits_until_gateways_have_told_that_they_serve_what_is_declared(
    rollout: Rollout,
    control: ScriptedControl,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    early = Refusal(grpc.StatusCode.ABORTED, "the gateways serve another `rollout` section")
    monkeypatch.setattr(patience, "AGAIN", 0.01)
    control.answers["Start"] = [early, early, canary()]
    words = ("start", "fraud", "2", "--bundles", str(bundle(tmp_path)))
    assert rollout(*words) == 0
    assert len(control.orders("start")) == 3, "each is an order of its own"
    said = "waiting, 10 s at most: the gateways serve another `rollout` section"
    assert capsys.readouterr().err == f"sluice: {said}\n", "once"
    control.answers["Start"] = early
    assert rollout(*words, "--wait", "0s") == 1
    assert capsys.readouterr().err == "sluice: the gateways serve another `rollout` section\n"
    control.answers["Start"] = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "one runs already")
    assert rollout(*words) == 1
    assert capsys.readouterr().err == "sluice: one runs already\n", "what does not pass is not waited for"


def test_a_bundle_that_is_not_what_it_says_is_not_started(
    rollout: Rollout, control: ScriptedControl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = bundle(tmp_path)
    (bundles / "fraud" / "2" / "model.onnx").write_bytes(b"another")
    assert rollout("start", "fraud", "2", "--bundles", str(bundles)) == 1
    assert "the manifest says" in capsys.readouterr().err
    assert rollout("start", "fraud", "3", "--bundles", str(bundles)) == 1
    assert f"no version 3 of fraud lies in {bundles}; there lie 2" in capsys.readouterr().err
    assert rollout("start", "frau", "2", "--bundles", str(bundles)) == 1
    assert f"no bundle of frau lies in {bundles}; bundles lie there of fraud" in capsys.readouterr().err
    assert rollout("start", "fraud", "2", "--bundles", str(tmp_path / "x")) == 1
    assert "none: --bundles names another directory" in capsys.readouterr().err
    other = bundle(tmp_path / "other", deployment="quotes")
    assert rollout("start", "fraud", "2", "--bundles", str(other)) == 1
    assert "is bundle 2 of quotes" in capsys.readouterr().err
    assert control.asked == []


def test_status(rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]) -> None:
    control.answers["List"] = overview()
    assert rollout("status") == 0
    assert "\nfraud: canary at 5 % of units for 4 min\n" in capsys.readouterr().out
    assert rollout("status", "fraud", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["deployments"][0]["rollout"]["requested_by"] == "ada"
    assert [asked.deployment for _, asked in control.asked] == ["", "fraud"]


def test_customers_are_named_only_where_that_is_asked_for(rollout: Rollout, control: ScriptedControl) -> None:
    control.answers |= {"List": overview(), "History": pb.Events(), "Watch": []}
    for words in (["status"], ["status", "fraud", "--entities", "--json"], ["watch"], ["watch", "--entities"]):
        control.answers["Watch"].append([overview(deployment(at_end("done")))])
        assert rollout(*words) == 0
    looked = [asked for _, asked in control.asked if asked.deed in ("list", "watch")]
    assert [one.entities for one in looked] == [False, True, False, True]


def test_an_approval_shows_what_is_approved_and_signs_over_it(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers |= {"List": overview(), "Approve": canary()}
    assert rollout("approve", "fraud", "--yes", "--for", "2h", by="grace") == 0
    assert capsys.readouterr().out == (
        "rollout fraud-20261122-115000-3f2a of fraud, requested by ada\n"
        "approved is step 4 of 6: canary, 25 % of units are answered by bundle 2\n"
        "the judge says  cannot tell: 812 of 2,000 units of each arm\n"
        "bundle          9f86d081884c7d65\n"
        "champion        60303ae22b998861\n"
        "policy          fd61a03af4f77d87\n"
        "report          none\n"
        "approved by grace for 2 h\n"
    )
    (order,) = control.orders("approve")
    assert (order.step, order.digests, order.expires) == (3, dict(canary().digests), order.at + 7_200)


class Person(io.StringIO):
    """Somebody at a terminal, who types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "status"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_a_person_is_asked(
    rollout: Rollout,
    control: ScriptedControl,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    status: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Person(typed))
    control.answers |= {"List": overview(), "Approve": canary()}
    assert rollout("approve", "fraud") == status
    captured = capsys.readouterr()
    assert captured.err == "approve this? [y/N] " + ("sluice: nothing was approved\n" if status else "")
    assert len(control.orders("approve")) == 1 - status


def test_where_nobody_can_be_asked_nothing_looks_approved(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers["List"] = overview()
    assert rollout("approve", "fraud") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "sluice: nobody can be asked here: look at `sluice rollout status` first, then --yes approves\n"
    )
    assert control.asked == []


@pytest.mark.parametrize(
    ("states", "words", "status", "message"),
    [
        ([canary()], ["--yes", "--for", "8d"], 2, "--for: an approval holds 7 d at most"),
        ([at_end("done")], ["--yes"], 1, "no rollout of fraud is running"),
        ([], ["--yes"], 1, "no rollout of fraud is running"),
    ],
)
def test_approvals_that_are_not_signed(
    rollout: Rollout,
    control: ScriptedControl,
    capsys: pytest.CaptureFixture[str],
    states: list[pb.RolloutState],
    words: list[str],
    status: int,
    message: str,
) -> None:
    control.answers["List"] = pb.Overview(deployments=[deployment(state) for state in states])
    assert rollout("approve", "fraud", *words) == status
    assert message in capsys.readouterr().err
    assert control.orders("approve") == []


@pytest.mark.parametrize(
    ("words", "method", "asked"),
    [
        ("abort fraud --reason why", "Abort", ("fraud", "why", 0.0)),
        ("undo fraud --reason why --rollout r1", "Undo", ("fraud", "why", 0.0)),
        ("undo fraud", "Undo", ("fraud", "", 0.0)),
        ("kill fraud --reason why", "Kill", ("fraud", "why", 0.0)),
        ("stop-all --reason why", "StopAll", ("", "why", 0.0)),
        ("freeze fraud --reason why", "Freeze", ("fraud", "why", 0.0)),
        ("freeze --all --for 2h --reason why", "Freeze", ("", "why", 7_200.0)),
        ("thaw --all", "Thaw", ("", "", 0.0)),
        ("thaw fraud", "Thaw", ("fraud", "", 0.0)),
    ],
)
def test_what_takes_back_and_holds(
    rollout: Rollout,
    control: ScriptedControl,
    capsys: pytest.CaptureFixture[str],
    words: str,
    method: str,
    asked: tuple[str, str, float],
) -> None:
    changes = method in ("Abort", "Undo")
    halts = pb.Halts(
        halts=[
            pb.Halt(kind="freeze", by="night", reason="the night of the year", until=NOON),
            pb.Halt(deployment="fraud", kind="kill", by="night", reason="wrong"),
        ],
        aborted=["r1"] if method == "StopAll" else [],
    )
    control.answers[method] = at_end("aborted", "aborted by root: why") if changes else halts
    assert rollout(*words.split()) == 0
    ((_, order),) = control.asked
    assert (order.deployment, order.reason) == asked[:2]
    assert order.rollout == ("r1" if "r1" in words else "")
    assert order.until == (pytest.approx(order.at + asked[2], abs=60) if asked[2] else 0.0)
    assert capsys.readouterr().out == (
        "fraud: rollout fraud-20261122-115000-3f2a is aborted: aborted by root: why\n"
        if changes
        else "freeze  every deployment, by night, until 2026-11-22 12:00:00 UTC: the night of the year\n"
        "kill    fraud, by night, until it is taken back: wrong\n" + TAKEN_OUT.get(method, "")
    )
    assert rollout(*words.split(), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["state" if changes else "halts"]


def test_what_could_not_be_read_is_said_and_is_not_good(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers |= {"StopAll": pb.Halts(aborted=["r1"], unreadable=["quotes"]), "Freeze": pb.Halts()}
    assert rollout("stop-all", "--reason", "x") == 1
    assert capsys.readouterr().out.splitlines()[-1] == (
        "quotes: its rollout cannot be read: what was ordered holds, but nothing was written down there, and no"
        " candidate was taken out; the control plane's log says why"
    )
    assert rollout("stop-all", "--reason", "x", "--json") == 1
    assert json.loads(capsys.readouterr().out)["unreadable"] == ["quotes"]
    assert rollout("freeze", "--all", "--reason", "x") == 0


def test_nothing_halted_is_said(rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]) -> None:
    control.answers["Thaw"] = pb.Halts()
    assert rollout("thaw", "--all") == 0
    assert capsys.readouterr().out == "nothing keeps rollouts from going forward\n"


def test_history_and_explain(rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]) -> None:
    control.answers |= {"History": pb.Events(events=events()), "Explain": pb.Note(markdown="# Rollout\n\n\x1b[2Jx\n")}
    assert rollout("history", "fraud", "--count", "3") == 0
    assert capsys.readouterr().out.count("\n") == 4
    assert rollout("explain", "fraud", "--rollout", "r1") == 0
    assert capsys.readouterr().out == "# Rollout\n\n\N{REPLACEMENT CHARACTER}[2Jx\n"
    assert [(asked.count, asked.rollout) for _, asked in control.asked] == [(3, ""), (0, "r1")]
    control.answers["History"] = pb.Events()
    assert rollout("history", "fraud") == 1
    assert capsys.readouterr().err == "sluice: there was no rollout of fraud so far\n"


def test_what_if(
    rollout: Rollout, control: ScriptedControl, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "stricter.yaml"
    rules.write_text("deployment: fraud\nrollout: {alpha: 0.05}\n")
    earlier = pb.Event(rollout=at_end("aborted"), by="ada", at=NOON - 9_000)
    earlier.rollout.name = "fraud-older"
    control.answers["History"] = pb.Events(events=[earlier, *events()])
    ruling = pb.Ruling(at=NOON - 100, verdict=pb.Verdict(outcome="fail", reason="row_faults: 20 of 180 units"))
    control.answers["Replay"] = [[ruling], [ruling]]
    assert rollout("replay", "fraud", "--rules", str(rules)) == 0
    captured = capsys.readouterr()
    assert captured.err == (
        f"sluice: judging {canary().name} again by {rules}; shadow, steps and held_back are those that it went through,"
        " whatever is said of them there\n"
    )
    lines = captured.out.splitlines()
    assert len(lines) == 5, "the older rollout's are left out"
    assert lines[-1] == "11:58:20    8 min                      fail: row_faults: 20 of 180 units"
    (order,) = control.orders("replay")
    assert (order.rollout, order.rules) == (canary().name, '{"alpha": 0.05}')
    assert rollout("replay", "fraud", "--json") == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["outcome"] == "fail"
    assert rollout("replay", "fraud", "--rollout", "fraud-1999") == 1
    assert "no such rollout among the last 1000 events" in capsys.readouterr().err
    control.answers["History"] = pb.Events()
    assert rollout("replay", "fraud") == 1
    assert capsys.readouterr().err == "sluice: there was no rollout of fraud so far\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("alhpa: 0.05", "'alhpa' is unknown"),
        ("steps: [{units: 5}]", "weight is missing"),
        ("[", "it holds a `rollout` section"),
        (None, "No such file"),
    ],
)
def test_rules_that_cannot_be_are_told_before_anybody_is_asked(
    rollout: Rollout,
    control: ScriptedControl,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    message: str,
) -> None:
    rules = tmp_path / "rules.yaml"
    if text is not None:
        rules.write_text(text)
    assert rollout("replay", "fraud", "--rules", str(rules)) == 2
    assert message in capsys.readouterr().err
    assert control.asked == []


@pytest.mark.parametrize(("state", "status"), [("done", 0), ("rolled back", 1), ("aborted", 1)])
def test_a_script_waits_for_a_rollout(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str], state: str, status: int
) -> None:
    control.answers["History"] = pb.Events(events=events())
    end = overview(deployment(at_end(state, "so it is")), at=NOON + 60)
    control.answers["Watch"] = [[overview(), overview(at=NOON + 1), end, threading.Event()]]
    assert rollout("watch", "fraud") == status
    lines = capsys.readouterr().out.splitlines()
    assert [line[:8] for line in lines] == ["12:00:00", "12:01:00"]
    assert f"{state} (step" in lines[1]


def test_a_watch_outlives_the_control_plane(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(watching.time, "sleep", waited.append)
    away = Refusal(grpc.StatusCode.UNAVAILABLE, "the control Redis is away")
    control.answers["History"] = away
    control.answers["Watch"] = [[overview(), away], [away], [], [overview(deployment(at_end("done")), at=NOON + 9)]]
    assert rollout("watch", "fraud") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith(" not heard: the control Redis is away; trying again")
    assert lines[2] == "12:00:09 heard again"
    assert "done (step 6 of 6)" in lines[3]
    assert waited == [0.25, 0.5, 1.0], "less and less often"


def test_a_watch_goes_on_when_the_process_has_come_back(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = threading.Event()

    def dying() -> Iterator[pb.Overview]:
        yield overview()
        control.server.stop(None)
        gone.wait(30)

    def come_back(seconds: float) -> None:
        control.serve()

    monkeypatch.setattr(watching.time, "sleep", come_back)
    control.answers |= {"History": pb.Events(), "Watch": [dying(), [overview(deployment(at_end("done")))]]}
    try:
        assert rollout("watch", "fraud") == 0
    finally:
        gone.set()
    assert ["not heard" in line for line in capsys.readouterr().out.splitlines()] == [False, True, False, False]


def test_a_watch_that_never_heard_anything_or_may_not_look_ends(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers["Watch"] = [[Refusal(grpc.StatusCode.UNAVAILABLE, "the control Redis is away")]]
    assert rollout("watch", "fraud") == 1
    assert capsys.readouterr().err == "sluice: the control Redis is away\n"
    control.answers["Watch"] = [[overview(pb.DeploymentState(deployment="quotes"))]]
    assert rollout("watch") == 0
    begins = "sluice rollout start begins one, and watch --forever waits for it"
    assert capsys.readouterr().err == f"sluice: no rollout is running: {begins}\n"
    control.answers |= {"Watch": [[overview(deployment(at_end("rolled back")))]], "History": pb.Events()}
    assert rollout("watch", "fraud") == 1
    assert capsys.readouterr().err == f"sluice: no rollout of fraud is running; this is the last one: {begins}\n"


def test_a_watch_waits_for_a_deployments_first_rollout(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]
) -> None:
    none = pb.DeploymentState(deployment="fraud")
    control.answers |= {"Watch": [[overview(none), overview(none), overview(), overview(deployment(at_end("done")))]]}
    control.answers["History"] = pb.Events(events=events())
    assert rollout("watch", "fraud") == 0
    captured = capsys.readouterr()
    lines = [line.partition(" ")[2] for line in captured.out.splitlines()]
    assert lines[:2] == ["fraud: no rollout so far", WAITING]
    assert ["canary 5 %" in lines[2], "done (step 6 of 6)" in lines[3], len(lines)] == [True, True, 4]
    assert captured.err == ""


def test_a_watch_for_machines(rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]) -> None:
    control.answers["History"] = pb.Events(events=events())
    control.answers["Watch"] = [[overview(), overview(at=NOON + 1), overview(deployment(at_end("done")))]]
    assert rollout("watch", "fraud", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["deployments"][0]["rollout"]["state"] for line in lines] == ["canary", "canary", "done"]


def test_the_live_page_is_left_cleanly(control: ScriptedControl) -> None:
    """It has a screen of its own, and Ctrl-C gives the terminal back with the last page on it."""
    with on_a_terminal(control, "xterm") as (process, terminal):
        seen = read_until(terminal, "approved by grace")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        after = read_rest(terminal)
    assert "approved by grace" in after.partition("\x1b[?1049l")[2], "the last page stays"
    assert "\x1b[?1049h" in seen
    assert "row_faults" in re.sub(r"\x1b\[[0-9;]*m", "", seen)
    assert "\x1b[?25h" in after, "the cursor is back"


def test_a_terminal_that_cannot_be_drawn_on_gets_lines(control: ScriptedControl) -> None:
    with on_a_terminal(control, "dumb") as (process, terminal):
        seen = read_until(terminal, "(step 3 of 6)")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert "\x1b" not in seen


@contextmanager
def on_a_terminal(control: ScriptedControl, kind: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Watch on a terminal of that kind; yield who watches, and the terminal as whoever sits there sees it."""
    never = threading.Event()
    control.answers |= {"History": pb.Events(events=events()), "Watch": [[overview(), never]]}
    ours, theirs = pty.openpty()
    environment = os.environ | {
        "SLUICE_CONTROL": control.address, "SLUICE_PRINCIPAL": "root", "SLUICE_KEY": str(control.keys["root"]),
        "TERM": kind, "COLUMNS": "120", "LINES": "40",
    }  # fmt: skip
    command = [sys.executable, "-m", "gateway", "rollout", "watch", "fraud"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, env=environment)
    os.close(theirs)
    assert process.stderr is not None
    try:
        yield process, ours
        assert process.stderr.read() == b"", "no traceback"
    finally:
        never.set()
        process.kill()
        process.wait()
        process.stderr.close()
        os.close(ours)


def read_until(terminal: int, text: str) -> str:
    """Read what is drawn until something stands there; fail after half a minute."""
    seen = b""
    while text not in seen.decode(errors="replace"):
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"{text!r} did not come, but {seen.decode(errors='replace')!r}"
        seen += os.read(terminal, 65536)
    return seen.decode(errors="replace")


def read_rest(terminal: int) -> str:
    """Read what was drawn until its last writer had gone, which is all that the terminal holds."""
    seen = b""
    with suppress(OSError):  # its end, as Linux tells it
        while more := os.read(terminal, 65536):
            seen += more
    return seen.decode(errors="replace")


def test_a_key_is_made_once_and_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLUICE_PRINCIPAL", raising=False)
    file = tmp_path / "keys" / "ada.pem"
    assert main(["rollout", "key", "new", str(file), "--as", "ada", "--roles", "request"]) == 0
    said, entry = capsys.readouterr().out.splitlines()
    assert said.startswith(f"# {file} is yours alone")
    assert re.fullmatch(r'  ada: \{key: "[A-Za-z0-9+/]{43}=", roles: \[request\]\}', entry)
    made = read_key(file)
    assert main(["rollout", "key", "new", str(file), "--as", "ada"]) == 2
    assert "is not overwritten" in capsys.readouterr().err
    assert read_key(file).private_bytes_raw() == made.private_bytes_raw()
    assert main(["rollout", "key", "show", str(file), "--as", "ada", "--roles", "request"]) == 0
    assert capsys.readouterr().out == entry + "\n"
    assert main(["rollout", "key", "show", str(file), "--as", "ada", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["principal"] == "ada"
    assert main(["rollout", "key", "show", str(file)]) == 2
    assert capsys.readouterr().err == "sluice: say whose key it is: --as NAME\n"
    assert main(["rollout", "key", "show", str(file), "--as", "ada", "--roles", "king"]) == 2
    assert "'king' is no role" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "--as", ""], "say who you are: --as NAME, or SLUICE_PRINCIPAL"),
        (["status", "--key", "/nowhere/key.pem"], "make one with `sluice rollout key new`"),
        (["status", "--tls-ca", "/nowhere/ca.pem"], "cannot read /nowhere/ca.pem"),
        (["status", "--tls-client-cert", "x"], "belong together"),
        (["freeze", "--reason", "x"], "say which deployment, or --all"),
        (["thaw", "fraud", "--all"], "say which deployment, or --all"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert rollout(*words) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert control.asked == []


@pytest.mark.parametrize("words", [["abort", "fraud"], ["kill", "fraud"], ["freeze", "fraud", "--for", "soon"], []])
def test_a_reason_is_asked_for(rollout: Rollout, words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        rollout(*words)
    assert caught.value.code == 2


def test_who_may_not_is_told_so(rollout: Rollout, control: ScriptedControl, capsys: pytest.CaptureFixture[str]) -> None:
    assert rollout("stop-all", "--reason", "x", by="ada") == 1
    assert capsys.readouterr().err == "sluice: ada may not stop_all: that takes the role operate\n"


@pytest.mark.parametrize("missing", ["cryptography", "rich"])
def test_a_base_that_signs_nothing_says_what_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from gateway.cli import main;"
        "sys.exit(main(['rollout', 'status', '--as', 'ada']))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.endswith("pip install '.[control]'\n")
    assert ended.stderr.count("\n") == 1


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rollout", "--help"])
    assert "sluice rollout key new" in capsys.readouterr().out

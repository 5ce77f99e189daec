"""The client of the control plane against a real server: what it signs is heeded, what goes wrong says what to do."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from gateway.client import Tls
from gateway.client.rollouts import APPROVED_FOR, VALID_FOR, RolloutsClient, Signer
from gateway.client.rollouts_errors import (
    Away,
    InvalidOrder,
    NotAllowed,
    NotFound,
    NotYet,
    Refused,
    RolloutsError,
)
from gateway.testing.scripted_door import ScriptedDoor
from gateway.testing.served_front import served_front
from loadtests.certificate import make_pair
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control.keys import read_key
from tests.unit.sample_rollouts import DIGESTS, NOON, canary, events, overview
from tests.wire.scripted_control import Refusal, ScriptedControl, scripted_control


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ScriptedControl]:
    with scripted_control(tmp_path) as found:
        found.clock = lambda: NOON
        yield found


def client_of(control: ScriptedControl, name: str = "root", **options: Any) -> RolloutsClient:
    return RolloutsClient(control.address, Signer(name, read_key(control.keys[name])), clock=lambda: NOON, **options)


Call = Callable[[RolloutsClient], Message]


@pytest.mark.parametrize(
    ("method", "call", "asked"),
    [
        ("Start", lambda c: c.start("fraud", "2", "9f86", "why"),
         {"deployment": "fraud", "candidate": "2", "digests": {"bundle": "9f86"}, "reason": "why"}),
        ("Approve", lambda c: c.approve(canary(), "seen"),
         {"deployment": "fraud", "rollout": canary().name, "step": 3, "digests": DIGESTS, "reason": "seen",
          "expires": NOON + APPROVED_FOR}),
        ("Abort", lambda c: c.abort("fraud", "why"), {"deployment": "fraud", "reason": "why"}),
        ("Undo", lambda c: c.undo("fraud", "why"), {"deployment": "fraud", "reason": "why"}),
        ("Freeze", lambda c: c.freeze("", "why", 7.0), {"deployment": "", "reason": "why", "until": 7.0}),
        ("Thaw", lambda c: c.thaw("fraud", "why"), {"deployment": "fraud", "reason": "why"}),
        ("StopAll", lambda c: c.stop_all("why"), {"deployment": "", "reason": "why"}),
        ("Kill", lambda c: c.kill("fraud", "why"), {"deployment": "fraud", "reason": "why"}),
        ("List", lambda c: c.overview("fraud"), {"deployment": "fraud"}),
    ],
)  # fmt: skip
def test_every_order_says_what_is_meant_for_a_short_while(
    control: ScriptedControl, method: str, call: Call, asked: dict[str, object]
) -> None:
    answer: Message = {"List": overview()}.get(method) or canary()
    answer = pb.Halts(halts=[pb.Halt(kind="stop")]) if method in ("Freeze", "Thaw", "StopAll", "Kill") else answer
    control.answers[method] = answer
    with client_of(control) as client:
        assert call(client) == answer
    ((name, order),) = control.asked
    assert name == "root"
    assert {field: getattr(order, field) for field in asked} == asked
    assert (order.at, order.expires) == (NOON, asked.get("expires", NOON + VALID_FOR))
    assert len(order.nonce) == 32


def test_history_explain_and_replay(control: ScriptedControl) -> None:
    ruling = pb.Ruling(at=NOON, verdict=pb.Verdict(outcome="fail", reason="x"))
    control.answers |= {
        "History": pb.Events(events=events()),
        "Explain": pb.Note(markdown="# Rollout"),
        "Replay": [[ruling, ruling]],
    }
    with client_of(control) as client:
        assert client.history("fraud", 3) == events()
        assert client.explain("fraud", "r1") == "# Rollout"
        assert list(client.replay("fraud", "r1", "alpha: 0.05")) == [ruling, ruling]
    found = [(asked.deed, asked.count, asked.rollout, asked.rules) for _, asked in control.asked]
    assert found == [("history", 3, "", ""), ("explain", 0, "r1", ""), ("replay", 0, "r1", "alpha: 0.05")]


def test_a_watch_that_is_left_ends_at_the_server_too(control: ScriptedControl) -> None:
    control.answers["Watch"] = [[overview(), overview(at=NOON + 1), overview(at=NOON + 2)]]
    with client_of(control) as client:
        watching = client.watch("fraud")
        assert [next(watching).at for _ in range(2)] == [NOON, NOON + 1]
        watching.close()  # type: ignore[attr-defined]
        control.answers["List"] = overview()
        assert client.overview() == overview()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, NotAllowed),
        (grpc.StatusCode.FAILED_PRECONDITION, Refused),
        (grpc.StatusCode.ABORTED, NotYet),
        (grpc.StatusCode.NOT_FOUND, NotFound),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidOrder),
        (grpc.StatusCode.UNAVAILABLE, Away),
        (grpc.StatusCode.INTERNAL, RolloutsError),
    ],
)
def test_a_refusal_is_passed_on_in_its_own_words(
    control: ScriptedControl, code: grpc.StatusCode, kind: type[RolloutsError]
) -> None:
    control.answers["Abort"] = Refusal(code, "the control plane's own words")
    control.answers["Watch"] = [[overview(), Refusal(code, "the control plane's own words")]]
    with client_of(control) as client:
        with pytest.raises(kind, match=r"^the control plane's own words$") as caught:
            client.abort("fraud", "why")
        assert type(caught.value) is kind
        assert caught.value.retryable == (kind in (Away, NotYet))
        watching = client.watch()
        assert next(watching) == overview()
        with pytest.raises(kind, match="own words"):
            next(watching)


def test_whose_key_it_is_not_and_who_may_not(control: ScriptedControl) -> None:
    with (
        RolloutsClient(control.address, Signer("root", read_key(control.keys["ada"])), clock=lambda: NOON) as client,
        pytest.raises(NotAllowed, match="not signed with the key of root"),
    ):
        client.overview()
    with client_of(control, "ada") as client, pytest.raises(NotAllowed, match="that takes the role operate"):
        client.stop_all("why")
    with client_of(control) as client:
        control.clock = lambda: NOON + VALID_FOR
        with pytest.raises(NotAllowed, match="sign it anew"):
            client.overview()
    assert control.asked == []


def test_nobody_there(control: ScriptedControl) -> None:
    control.address = "127.0.0.1:1"
    with client_of(control) as client:
        for call in (client.overview, lambda: next(client.watch())):
            with pytest.raises(Away, match=r"nobody listens at 127\.0\.0\.1:1: is `sluice control` up there"):
                call()


def test_no_answer_in_time(control: ScriptedControl) -> None:
    with client_of(control, timeout=-1.0) as client, pytest.raises(Away, match="in time: look whether"):
        client.overview()


async def test_the_gateways_own_port_is_no_control_plane(control: ScriptedControl) -> None:
    async with served_front("conservative", ScriptedDoor()) as front:
        control.address = front.grpc
        client = client_of(control)
        with pytest.raises(
            RolloutsError, match="is no control plane: --control takes the gRPC port of `sluice control`"
        ):
            await asyncio.to_thread(client.overview)
        client.close()


def test_tls(tmp_path: Path) -> None:
    authority = make_pair(tmp_path, "ca-")
    pair = make_pair(tmp_path, "server-", authority)
    files = [(pair.key.read_bytes(), pair.certificate.read_bytes())]
    with scripted_control(tmp_path / "tls", grpc.ssl_server_credentials(files)) as behind_tls:
        behind_tls.clock, behind_tls.answers["List"] = lambda: NOON, overview()
        with client_of(behind_tls, tls=Tls(authority.certificate)) as client:
            assert client.overview() == overview()
        with client_of(behind_tls) as client, pytest.raises(Away):
            client.overview()

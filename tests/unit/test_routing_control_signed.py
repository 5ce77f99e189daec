"""Orders are somebody's, for one deed on one rollout, and for a while; who requests does not approve."""

import base64
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from routing.control.approval import approve, approver
from routing.control.principals import Principal, PrincipalsError, Role, read_principals
from routing.control.signed import AHEAD, LONGEST, LONGEST_ORDER, Asked, NoOrder, NotAllowed, check, looks_only, sign
from routing.rollout import Rollout, State
from routing.schedule import Stage, Step, schedule

KEYS = {name: Ed25519PrivateKey.generate() for name in ("ada", "grace", "night")}
ROLES = {"ada": [Role.REQUEST, Role.APPROVE], "grace": [Role.APPROVE], "night": [Role.OPERATE]}
PRINCIPALS = {name: Principal(name, KEYS[name].public_key(), frozenset(ROLES[name])) for name in KEYS}
DIGESTS = {"bundle": "b1", "policy": "p1", "report": "none"}
ROLLOUT = Rollout(
    "r1", "fraud", "1", "2", schedule([Step(Stage.SHADOW, 0), Step(Stage.CANARY, 500, approval=True)]), b"s", "ada",
    table=1, begun=0.0, since=0.0, state=State.AWAITING_APPROVAL, settled=True, digests=DIGESTS,
)  # fmt: skip
APPROVAL = Asked("approve", "fraud", "r1", 1_000.0, 2_000.0, step=1, digests=DIGESTS)


def test_an_order_is_heeded_from_whoever_may_give_it() -> None:
    asked = replace_asked(APPROVAL, deed="abort")
    assert check(sign("night", KEYS["night"], asked), PRINCIPALS, 1_500.0) == asked


def replace_asked(asked: Asked, **changes: object) -> Asked:
    return msgspec.structs.replace(asked, **changes)


@pytest.mark.parametrize(
    ("name", "key", "changes", "now", "match"),
    [
        ("mallory", "ada", {}, 1_500.0, "nobody is called 'mallory'"),
        ("grace", "ada", {}, 1_500.0, "not signed with the key of grace"),
        ("night", "night", {}, 1_500.0, "night may not approve: that takes the role approve"),
        ("grace", "grace", {}, 2_000.0, "has expired"),
        ("grace", "grace", {}, 1_000.0 - AHEAD - 1, "not valid yet"),
        ("grace", "grace", {"expires": 1_001.0 + LONGEST}, 1_500.0, "sign it anew"),
    ],
)
def test_what_is_not_heeded(name: str, key: str, changes: dict[str, object], now: float, match: str) -> None:
    with pytest.raises(NotAllowed, match=match):
        check(sign(name, KEYS[key], replace_asked(APPROVAL, **changes)), PRINCIPALS, now)


@pytest.mark.parametrize("deed", ["list", "watch", "history", "explain", "replay"])
def test_whoever_has_any_role_may_look(deed: str) -> None:
    asked = replace_asked(APPROVAL, deed=deed)
    assert all(check(sign(name, KEYS[name], asked), PRINCIPALS, 1_500.0) == asked for name in KEYS)
    assert looks_only(asked)


@pytest.mark.parametrize("deed", ["undo", "freeze", "thaw", "stop_all", "kill"])
def test_what_changes_something_takes_the_role_for_it(deed: str) -> None:
    asked = replace_asked(APPROVAL, deed=deed)
    assert check(sign("night", KEYS["night"], asked), PRINCIPALS, 1_500.0) == asked
    with pytest.raises(NotAllowed, match="takes the role operate"):
        check(sign("ada", KEYS["ada"], asked), PRINCIPALS, 1_500.0)
    assert not looks_only(asked)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"deed": "reign"}, "deed"),
        ({"reason": "x" * 1_001}, "reason"),
        ({"count": -1}, "count"),
        ({"candidate": "../../etc"}, "candidate"),
        ({"digests": {"x": "x" * LONGEST_ORDER}}, "at most 65536 bytes"),
        ({"rules": "x" * 16_385}, "rules"),
    ],
)
def test_what_was_signed_and_is_no_order(changes: dict[str, object], match: str) -> None:
    with pytest.raises(NoOrder, match=match):
        check(sign("grace", KEYS["grace"], replace_asked(APPROVAL, **changes)), PRINCIPALS, 1_500.0)


@pytest.mark.parametrize("place", range(0, 200, 7))
def test_a_bit_that_was_changed_is_noticed(place: int) -> None:
    signed = sign("grace", KEYS["grace"], APPROVAL)
    order = bytearray(signed.order)
    order[place % len(order)] ^= 1
    with pytest.raises(NotAllowed):
        check(msgspec.structs.replace(signed, order=bytes(order)), PRINCIPALS, 1_500.0)


def test_an_approval_of_the_next_step_by_somebody_else_counts_until_it_expires() -> None:
    signed = sign("grace", KEYS["grace"], APPROVAL)
    assert approve(signed, PRINCIPALS, ROLLOUT, 1_500.0) == APPROVAL
    assert approver([signed], PRINCIPALS, ROLLOUT, 1_500.0) == "grace"
    assert approver([signed], PRINCIPALS, ROLLOUT, 2_500.0) == ""
    without = {name: one for name, one in PRINCIPALS.items() if name != "grace"}
    assert approver([signed], without, ROLLOUT, 1_500.0) == "", "who was struck off approves nothing any more"


@pytest.mark.parametrize(
    ("name", "changes", "match"),
    [
        ("ada", {}, "ada has requested rollout r1: somebody else has to approve it"),
        ("grace", {"rollout": "r0"}, "no approval of rollout r1"),
        ("grace", {"deployment": "quotes"}, "no approval of rollout r1"),
        ("grace", {"step": 2}, "approves step 2, and step 1 is next"),
        ("grace", {"digests": DIGESTS | {"bundle": "b2"}}, "another bundle, policy or report"),
    ],
)
def test_approvals_that_do_not_count(name: str, changes: dict[str, object], match: str) -> None:
    signed = sign(name, KEYS[name], replace_asked(APPROVAL, **changes))
    with pytest.raises(NotAllowed, match=match):
        approve(signed, PRINCIPALS, ROLLOUT, 1_500.0)
    assert approver([signed], PRINCIPALS, ROLLOUT, 1_500.0) == ""


def test_a_start_is_no_approval() -> None:
    signed = sign("ada", KEYS["ada"], replace_asked(APPROVAL, deed="start"))
    with pytest.raises(NotAllowed, match="no approval"):
        approve(signed, PRINCIPALS, replace(ROLLOUT, requested_by="bob"), 1_500.0)


def public(name: str) -> str:
    return base64.b64encode(KEYS[name].public_key().public_bytes_raw()).decode()


def test_principals_are_read_with_their_roles(tmp_path: Path) -> None:
    path = tmp_path / "principals.yaml"
    path.write_text(f"principals:\n  ada: {{key: {public('ada')}, roles: [request, approve]}}\n")
    ada = read_principals(path)["ada"]
    assert (ada.name, ada.roles) == ("ada", frozenset({Role.REQUEST, Role.APPROVE}))
    assert check(sign("ada", KEYS["ada"], APPROVAL), {"ada": ada}, 1_500.0) == APPROVAL


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("principals: {ada: {key: abc, roles: [request]}}", "ada: key is no ed25519 public key"),
        ("principals: {ada: {roles: [request]}}", "ada: key is no ed25519 public key"),
        ("principals: {ada: {key: %s}}", "ada: roles are"),
        ("principals: {ada: {key: %s, roles: [king]}}", "request, approve, operate"),
        ("people: {}", "it holds `principals:`"),
        ("[", "it holds `principals:`"),
    ],
)
def test_principals_that_cannot_be_used(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "principals.yaml"
    path.write_text(text.replace("%s", public("ada")))
    with pytest.raises(PrincipalsError, match=match):
        read_principals(path)

"""Both fronts of the control process refuse alike what nobody may ask, what is no order, and what cannot be."""

import msgspec

from gateway.control.grpc_front import STATUS as GRPC_STATUS
from gateway.control.http_front import STATUS as HTTP_STATUS
from protos.sluice.v1 import rollouts_pb2 as pb
from routing.control.errors import ControlError
from routing.control.signed import LONGEST_ORDER, Signed, sign
from tests.wire.control_speakers import METHODS, Scene, Speaker, message, refused


async def test_no_order_is_heeded_that_was_not_signed(scene: Scene, speaker: Speaker) -> None:
    for deed in METHODS:
        good = scene.order("night", deed)
        for wrong in (
            pb.SignedOrder(),
            pb.SignedOrder(principal="mallory", order=good.order, signature=good.signature),
            pb.SignedOrder(principal="ada", order=good.order, signature=good.signature),
            pb.SignedOrder(principal="night", order=good.order),
            pb.SignedOrder(principal="night", order=good.order[:-1] + b" ", signature=good.signature),
        ):
            assert (await refused(speaker, deed, wrong)).code == "PERMISSION_DENIED"


async def test_an_order_is_heeded_only_where_it_is_meant(scene: Scene, speaker: Speaker) -> None:
    for deed in METHODS:
        other = "explain" if deed == "list" else "list"
        refusal = await refused(speaker, deed, scene.order("night", other))
        assert str(refusal) == f"INVALID_ARGUMENT: this order is to {other}, and was sent to where one can {deed}"


async def test_not_everybody_may_do_everything(scene: Scene, speaker: Speaker) -> None:
    for by, deed, role in (
        ("grace", "start", "request"),
        ("night", "start", "request"),
        ("night", "approve", "approve"),
        *((by, deed, "operate") for by in ("ada", "grace") for deed in ("abort", "undo", "freeze", "thaw", "kill")),
        ("ada", "stop_all", "operate"),
    ):
        refusal = await refused(speaker, deed, scene.order(by, deed))
        assert str(refusal) == f"PERMISSION_DENIED: {by} may not {deed}: that takes the role {role}"


async def test_what_has_expired_or_came_before_is_not_heeded(scene: Scene, speaker: Speaker) -> None:
    await scene.report()
    order, look = scene.start(), scene.order("ada", "list")
    assert (await speaker.ask("start", order)).state == "pending"
    await speaker.ask("abort", scene.order("night", "abort"))
    assert "was heeded before" in str(await refused(speaker, "start", order))
    await speaker.ask("list", look)
    await speaker.ask("list", look)
    scene.now += 60.0
    for deed, late in (("start", order), ("list", look)):
        refusal = await refused(speaker, deed, late)
        assert (refusal.code, "has expired" in str(refusal)) == ("PERMISSION_DENIED", True)


async def test_who_is_struck_off_is_not_heard_any_more(scene: Scene, speaker: Speaker) -> None:
    order = scene.order("grace", "list")
    await speaker.ask("list", order)
    del scene.principals["grace"]
    assert (await refused(speaker, "list", order)).code == "PERMISSION_DENIED"


async def test_signed_bytes_that_are_no_order(scene: Scene, speaker: Speaker) -> None:
    asked = msgspec.structs.replace(scene.asked("list"), digests={"x": "x" * LONGEST_ORDER})
    too_long = message(sign("night", scene.keys["night"], asked))
    refusal = await refused(speaker, "list", too_long)
    assert (refusal.code, "at most 65536 bytes" in str(refusal)) == ("INVALID_ARGUMENT", True)
    meant = b"sluice order v1\0night\0no order"
    nonsense = message(Signed("night", b"no order", scene.keys["night"].sign(meant)))
    assert (await refused(speaker, "list", nonsense)).code == "INVALID_ARGUMENT"


async def test_a_control_redis_that_is_away_is_said_so(scene: Scene, speaker: Speaker) -> None:
    scene.store.error = ControlError("the control Redis does not answer: refused")
    for deed in ("list", "abort", "watch"):
        refusal = await refused(speaker, deed, scene.order("night", deed))
        assert str(refusal) == "UNAVAILABLE: the control Redis does not answer: refused"


async def test_a_defect_is_owned_up_to_and_tells_nothing(scene: Scene, speaker: Speaker) -> None:
    scene.store.error = KeyError("secret")
    for deed in ("list", "watch"):
        refusal = await refused(speaker, deed, scene.order("night", deed))
        assert str(refusal) == "INTERNAL: a defect of the control process: its log says more"


def test_every_kind_of_error_has_a_word_of_its_own_or_its_parents() -> None:
    assert set(GRPC_STATUS) == set(HTTP_STATUS)
    assert {code.name for code in GRPC_STATUS.values()} == {code for _, code in HTTP_STATUS.values()}
    assert {kind: GRPC_STATUS[kind].name for kind in GRPC_STATUS} == {
        kind: HTTP_STATUS[kind][1] for kind in HTTP_STATUS
    }

"""Bodies, piece by piece: whole, too long, never finished, and left in the middle."""

import asyncio
from collections.abc import Iterable

import pytest

from gateway.errors import DeadlineExceeded, Overloaded, RequestTooLarge
from gateway.fronts.asgi import Bodies, CallerLeft, Message, Receive
from gateway.fronts.limits import FrontLimits

LIMIT = 50


def bodies(stall_seconds: float = 15.0) -> Bodies:
    return Bodies(FrontLimits(max_unfinished_bytes=100, stall_seconds=stall_seconds))


def pieces(*parts: bytes, last: Message | None = None) -> Receive:
    """The parts, then `last`; then nothing more ever comes."""
    events: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    left: Iterable[Message] = iter([*events, *([] if last is None else [last])])

    async def receive() -> Message:
        for event in left:
            return event
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    return receive


END: Message = {"type": "http.request"}
GONE: Message = {"type": "http.disconnect"}


async def test_pieces_become_one_body() -> None:
    assert await bodies().read(pieces(b"ab", b"c", last=END), {}, LIMIT) == b"abc"


@pytest.mark.parametrize("parts", [(b"x" * 51,), (b"x" * 50, b"x"), (b"x" * 10, b"x" * 41)])
async def test_a_body_that_grows_too_long_is_refused(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(RequestTooLarge):
        await bodies().read(pieces(*parts, last=END), {}, LIMIT)


async def test_a_declared_length_is_refused_unread() -> None:
    with pytest.raises(RequestTooLarge):
        await bodies().read(pieces(), {b"content-length": b"51"}, LIMIT)


async def test_bodies_that_never_end_are_refused_together() -> None:
    reader = bodies()
    begun = [asyncio.ensure_future(reader.read(pieces(b"x" * 40), {}, LIMIT)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await reader.read(pieces(b"x" * 30, last=END), {}, LIMIT)
    assert await reader.read(pieces(b"x" * 20, last=END), {}, LIMIT) == b"x" * 20
    for one in begun:
        one.cancel()
    await asyncio.wait(begun)
    assert await reader.read(pieces(b"x" * 50, last=END), {}, LIMIT) == b"x" * 50


async def test_what_a_caller_left_is_let_go() -> None:
    reader = bodies()
    for _ in range(5):
        with pytest.raises(CallerLeft):
            await reader.read(pieces(b"x" * 40, last=GONE), {}, LIMIT)
    assert await reader.read(pieces(b"x" * 50, last=END), {}, LIMIT) == b"x" * 50


async def test_a_body_that_stalls_is_given_up() -> None:
    with pytest.raises(DeadlineExceeded, match="not whole"):
        await bodies(stall_seconds=0.01).read(pieces(b"x"), {}, LIMIT)


async def test_no_more_bodies_are_waited_for_than_may_be() -> None:
    """Who has been waited for longest is given up; a body that is there at once is read however many are not."""
    reader = Bodies(FrontLimits(max_unfinished_calls=2))
    begun = [asyncio.ensure_future(reader.read(pieces(b"x" * at), {}, LIMIT)) for at in range(2)]
    await asyncio.sleep(0)
    assert await reader.read(pieces(b"ab", last=END), {}, LIMIT) == b"ab"
    with pytest.raises(Overloaded):
        await begun[0]
    await asyncio.sleep(0)
    assert not begun[1].done()
    begun[1].cancel()
    with pytest.raises(asyncio.CancelledError):
        await begun[1]


async def test_a_body_that_is_whole_by_its_first_piece_is_not_waited_for() -> None:
    assert await bodies().read(pieces(b"whole"), {}, LIMIT, lambda body: body == b"whole") == b"whole"

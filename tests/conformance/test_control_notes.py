"""One battery for all that is kept beside rollouts: approvals, halts, orders that were heeded, the leader's board."""

from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from redis.asyncio import Redis

from gateway.testing.redis_server import RedisServer
from routing.comparison import Differing, QuantileShift
from routing.control.errors import ControlError
from routing.control.halts import Halt
from routing.control.memory_notes import MemoryNotes
from routing.control.notes import Notes
from routing.control.redis_notes import RedisNotes
from routing.control.signed import Signed
from routing.control.view import NOBODY, SHOWN_FOR, Board, Compared, View
from routing.findings import GuardState
from routing.verdict import Outcome, Verdict

VIEW = View(
    "r1",
    Verdict(Outcome.FAIL, "row_faults: canary 3 of 9 units", {"evidence": 1e200}, "row_faults"),
    (
        GuardState("row_faults", 412.5, 300.0, 3, 0, False, "canary 3"),
        GuardState("flips", 1.0, float("inf"), 0, 0, True, ""),
    ),
    1.5,
    20.0,
    (90, 9),
    17,
    42.0,
    Compared(90, 3, 0.01, -2.5, (QuantileShift(0.5, 0.1, 0.2),), (Differing("card 7", 0.1, 0.9),)),
)


class Time:
    """A clock that goes on when it is told to."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Kept(Protocol):
    """Notes, and a way to let time pass for what fades."""

    notes: Notes

    async def pass_time(self, seconds: float) -> None:
        """Let so many seconds pass, or let the server believe so."""


class InMemory:
    def __init__(self) -> None:
        self._time = Time()
        self.notes: Notes = MemoryNotes(self._time)

    async def pass_time(self, seconds: float) -> None:
        self._time.now += seconds


class InRedis:
    def __init__(self, client: Redis) -> None:
        self._client = client
        self.notes: Notes = RedisNotes(client)

    async def pass_time(self, seconds: float) -> None:
        """Shorten what is left of every key that fades, and end those of which nothing is left."""
        for key in await self._client.keys("{sluice}:control:*"):
            left = await self._client.pttl(key)
            if left >= 0:
                await self._client.pexpire(key, max(0, left - round(seconds * 1000)))


@pytest.fixture(params=["memory", "redis"])
async def kept(request: pytest.FixtureRequest, redis_server: RedisServer) -> AsyncIterator[Kept]:
    if request.param == "memory":
        yield InMemory()
        return
    async with Redis.from_url(redis_server.url) as client:
        for key in await client.keys("{sluice}:control:*"):
            await client.delete(key)
        yield InRedis(client)


async def test_approvals_come_back_as_they_were_signed_the_last_of_each_person(kept: Kept) -> None:
    assert await kept.notes.approvals("r1") == []
    await kept.notes.approve("r1", Signed("grace", b"\x00first", b"\xff" * 64))
    await kept.notes.approve("r1", Signed("grace", b"\x00second", b"\xfe" * 64))
    await kept.notes.approve("r1", Signed("bob", b"his", b"\xfd" * 64))
    await kept.notes.approve("r2", Signed("grace", b"other", b""))
    assert await kept.notes.approvals("r1") == [
        Signed("bob", b"his", b"\xfd" * 64),
        Signed("grace", b"\x00second", b"\xfe" * 64),
    ]


async def test_halts_hold_until_they_are_taken_back_each_for_itself(kept: Kept) -> None:
    everywhere = Halt("", "stop", "night", "incident 7", 10.0)
    freeze, kill = Halt("fraud", "freeze", "ada", "holiday", 11.0, 99.5), Halt("fraud", "kill", "night", "", 12.0)
    for halt in (everywhere, freeze, kill, Halt("quotes", "kill", "night", "", 13.0)):
        await kept.notes.halt(halt)
    await kept.notes.halt(Halt("quotes", "kill", "ada", "again", 14.0))
    assert await kept.notes.halts() == [everywhere, freeze, kill, Halt("quotes", "kill", "ada", "again", 14.0)]
    assert await kept.notes.lift("fraud") == 2
    assert await kept.notes.lift("fraud") == 0
    assert await kept.notes.lift("") == 1, "what was halted by name stays so"
    assert [halt.deployment for halt in await kept.notes.halts()] == ["quotes"]


async def test_an_order_is_new_once_until_it_is_forgotten(kept: Kept) -> None:
    assert await kept.notes.first_time("a" * 64, 30.0)
    assert await kept.notes.first_time("b" * 64, 300.0)
    assert not await kept.notes.first_time("a" * 64, 30.0)
    await kept.pass_time(31.0)
    assert await kept.notes.first_time("a" * 64, 30.0)
    assert not await kept.notes.first_time("b" * 64, 300.0)


async def test_a_board_is_shown_to_the_bit_and_fades(kept: Kept) -> None:
    assert await kept.notes.board() == NOBODY
    await kept.notes.show(Board("a", 1.0))
    board = Board("b", 2.0, {"fraud": VIEW})
    await kept.notes.show(board)
    assert await kept.notes.board() == board
    await kept.pass_time(SHOWN_FOR)
    assert await kept.notes.board() == NOBODY


async def test_a_redis_that_is_gone_is_said_so() -> None:
    server = RedisServer()
    server.close()
    async with Redis.from_url(server.url) as client:
        notes = RedisNotes(client)
        for asked in (
            notes.approvals("r1"),
            notes.approve("r1", Signed("grace", b"", b"")),
            notes.halts(),
            notes.halt(Halt("", "stop", "night", "", 0.0)),
            notes.lift(""),
            notes.first_time("a", 1.0),
            notes.board(),
            notes.show(NOBODY),
        ):
            with pytest.raises(ControlError, match="does not answer"):
                await asked

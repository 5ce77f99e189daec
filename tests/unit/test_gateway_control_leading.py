"""The leader's loop goes on whatever happens, says what did once, and makes room when it ends."""

import asyncio

import pytest

from gateway.control.leading import lead
from routing.control.errors import ControlError


class Scripted:
    """Stands for a leader: each tick raises or returns what comes next, and the last one stops the loop."""

    def __init__(self, stop: asyncio.Event, *script: Exception | bool, resigning: Exception | None = None) -> None:
        self._stop = stop
        self._script = list(script)
        self._resigning = resigning
        self.resigned = 0

    async def tick(self) -> bool:
        came = self._script.pop(0)
        if not self._script:
            self._stop.set()
        if isinstance(came, Exception):
            raise came
        return came

    async def resign(self) -> None:
        self.resigned += 1
        if self._resigning is not None:
            raise self._resigning


class Clock:
    """A clock that may be away with its Redis."""

    def __init__(self, *script: Exception) -> None:
        self._script = list(script)
        self.looked = 0

    async def look(self) -> None:
        self.looked += 1
        if self._script:
            raise self._script.pop(0)


AWAY = ControlError("the control Redis does not answer: refused")


async def test_what_is_wrong_is_said_once_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    leader = Scripted(stop, True, AWAY, AWAY, AWAY, True, AWAY, False)
    clock = Clock()
    await lead(leader, clock, stop, every=0.0)
    assert clock.looked == 7
    said = [record.message for record in caplog.records]
    away, back = "nothing is judged for the time being", "the control Redis answers again"
    assert said == [away, back, away, back]
    assert leader.resigned == 1


async def test_whose_clock_cannot_be_told_does_not_lead(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    leader = Scripted(stop, True)
    await lead(leader, Clock(AWAY), stop, every=0.0)
    assert next(record.message for record in caplog.records) == "nothing is judged for the time being"


async def test_a_defect_ends_nothing_and_is_told_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    leader = Scripted(stop, KeyError("x"), KeyError("x"), True)
    await lead(leader, Clock(), stop, every=0.0)
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]


async def test_a_lease_that_cannot_be_given_up_is_no_reason_to_fail(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    await lead(Scripted(stop, True, resigning=AWAY), Clock(), stop, every=0.0)
    assert [record.message for record in caplog.records] == ["the lease could not be given up, and lapses by itself"]

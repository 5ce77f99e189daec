"""Spare workers, as processes that follow a script: one waits, is taken or ends, and none outlives the supervisor."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

import gateway.supervisor.spares
from gateway.messages import MessageError, Report, Waiting
from gateway.supervisor.listeners import Listeners
from gateway.supervisor.spares import Spares
from monitoring.series import Gauge


class ScriptedProcess:
    """Stands for a launched process, for its channel, and for its handle at once."""

    def __init__(self, says: "asyncio.Future[Report | None]", pid: int) -> None:
        self.pid = pid
        self.process = self.channel = self
        self.says = says
        self.killed = False
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def receive(self) -> Report | None:
        return await self.says

    async def wait(self) -> int:
        return await asyncio.shield(self.ended)

    def kill(self) -> None:
        self.killed = True
        if not self.ended.done():
            self.ended.set_result(-9)


class House:
    """What was launched, in turn; `trouble` is raised by the next launches."""

    def __init__(self) -> None:
        self.launched: list[ScriptedProcess] = []
        self.trouble: list[OSError] = []
        self.waiting = memoryview(bytearray(8)).cast("d")

    async def launch(self, module: str, listeners: Listeners) -> ScriptedProcess:
        assert module == "gateway.spare"
        if self.trouble:
            raise self.trouble.pop()
        self.launched.append(ScriptedProcess(asyncio.get_running_loop().create_future(), len(self.launched)))
        return self.launched[-1]

    def spares(self, count: int = 1) -> Spares:
        return Spares(Listeners.__new__(Listeners), count, Gauge(self.waiting, 0))

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110  # the keepers' own tasks bring it about
                await asyncio.sleep(0)

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House()
    monkeypatch.setattr(gateway.supervisor.spares, "launch", house.launch)
    monkeypatch.setattr(gateway.supervisor.spares, "PAUSE", 0.0)
    return house


async def test_only_one_that_waits_is_handed_over_and_it_lives_on(house: House) -> None:
    spares = house.spares()
    assert spares.take() is None
    spares.refill()
    await house.until(lambda: house.launched)
    assert spares.take() is None, "it still imports, at the lowest priority"
    house.launched[0].says.set_result(Waiting())
    await house.settle()
    assert house.waiting[0] == 1.0
    assert spares.take() is house.launched[0]
    assert spares.take() is None
    assert house.waiting[0] == 0.0
    await house.settle()
    await spares.close()
    assert not house.launched[0].killed


async def test_the_next_one_is_started_when_asked_for(house: House) -> None:
    spares = house.spares()
    spares.refill()
    await house.until(lambda: house.launched)
    house.launched[0].says.set_result(Waiting())
    await house.settle()
    spares.refill()
    spares.take()
    await house.settle()
    assert len(house.launched) == 1
    spares.refill()
    await house.until(lambda: len(house.launched) == 2)
    await spares.close()
    assert [one.killed for one in house.launched] == [False, True]


async def test_one_that_ends_or_talks_nonsense_is_replaced(house: House, caplog: pytest.LogCaptureFixture) -> None:
    spares = house.spares()
    house.trouble = [OSError(11, "no process")]
    spares.refill()
    await house.until(lambda: house.launched)
    house.launched[0].says.set_result(Waiting())
    await house.settle()
    house.launched[0].ended.set_result(1)
    await house.until(lambda: len(house.launched) == 2)
    assert house.waiting[0] == 0.0
    assert spares.take() is None, "the one that ended is not handed over"
    house.launched[1].says.set_exception(MessageError("what?"))
    await house.until(lambda: len(house.launched) == 3)
    assert house.launched[1].killed
    house.launched[2].says.set_result(None)
    house.launched[2].ended.set_result(3)
    await house.until(lambda: len(house.launched) == 4)
    await spares.close()
    assert "no spare worker can be started" in caplog.text
    assert caplog.text.count("a spare worker ended") == 2
    assert house.launched[3].killed


async def test_as_many_as_are_wanted_and_none_is_fine(house: House) -> None:
    none, two = house.spares(0), house.spares(2)
    none.refill()
    await none.close()
    two.refill()
    await house.until(lambda: len(house.launched) == 2)
    await two.close()
    two.refill()
    await house.settle()
    assert [one.killed for one in house.launched] == [True, True]

"""The supervisor's care for its workers, with workers that follow a script: started anew, whatever goes wrong."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gateway.supervisor.workers
from gateway.config import ServeConfig
from gateway.messages import Done, Order
from gateway.served import Served
from gateway.supervisor.listeners import Listeners
from gateway.supervisor.spares import Spares
from gateway.supervisor.worker_process import WorkerGone
from gateway.supervisor.workers import StartFailed, Workers
from monitoring.series import Gauge
from routing.table import Table

SERVED = [Served("x", Table("fraud", 1, "1", b"s"), {})]


class ScriptedWorker:
    """Becomes ready, or not; answers, or not; ends when it is told to."""

    def __init__(self, slot: int, served: list[Served], becomes_ready: bool = True) -> None:
        self.slot, self.pid, self.served, self.heard = slot, 4711, served, 0
        self.ready = self.becomes_ready = becomes_ready
        self.hangs = False
        self.signals: list[int] = []
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if not becomes_ready:
            self.end(1)

    @property
    def running(self) -> bool:
        return not self._ended.done()

    async def wait_ready(self) -> bool:
        return self.becomes_ready

    async def ask(self, order: Callable[[int], Order], patience: float) -> Done:
        if not self.running:
            raise WorkerGone("gone")
        await asyncio.sleep(0)
        if self.hangs:
            raise TimeoutError
        self.heard += 1
        return Done(order(1).id)

    def end(self, code: int) -> None:
        self.ready = False
        if not self._ended.done():
            self._ended.set_result(code)

    def retire(self) -> None:
        self.send_signal(signal.SIGTERM)

    def send_signal(self, number: int) -> None:
        self.signals.append(number)
        self.end(0 if number == signal.SIGTERM else -number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)


class NoListeners(Listeners):
    def __init__(self) -> None:
        pass

    def close(self) -> None:
        pass


class House:
    """Workers that were spawned, in turn; `trouble` is raised by the next ones, or makes them fail to start."""

    def __init__(self) -> None:
        self.spawned: list[ScriptedWorker] = []
        self.trouble: list[OSError | None] = []
        self.served = SERVED
        self.stop = asyncio.Event()
        config = ServeConfig(models=Path("/m"), bundles=Path("/b"), state=Path("/s"), workers=2, worker_patience=3.0)
        spares = Spares(NoListeners(), 0, Gauge(memoryview(bytearray(8)).cast("d"), 0))
        self.workers = Workers(config, NoListeners(), spares, lambda: self.served)

    async def spawn(
        self, slot: int, config: ServeConfig, listeners: Listeners, served: list[Served], spare: None
    ) -> ScriptedWorker:
        trouble = self.trouble.pop(0) if self.trouble else None
        if trouble is not None and trouble.errno:
            raise trouble
        worker = ScriptedWorker(slot, list(served), becomes_ready=trouble is None)
        self.spawned.append(worker)
        return worker

    async def start(self) -> "asyncio.Task[None]":
        ready = asyncio.Event()
        task = asyncio.create_task(self.workers.run(self.stop, ready.set))
        await asyncio.wait([task, asyncio.create_task(ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        return task

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110  # the supervisor's own tasks bring it about
                await asyncio.sleep(0)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House()
    monkeypatch.setattr(gateway.supervisor.workers, "spawn", house.spawn)
    monkeypatch.setattr(gateway.supervisor.workers, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(gateway.supervisor.workers, "BEAT", 0.0)
    return house


async def ended(house: House, task: "asyncio.Task[None]") -> None:
    house.stop.set()
    await task
    assert not any(worker.running for worker in house.spawned)


async def test_a_worker_that_ends_is_started_anew(house: House) -> None:
    task = await house.start()
    house.spawned[0].end(-9)
    await house.until(lambda: len(house.spawned) == 3)
    assert house.spawned[2].slot == 0
    await house.until(lambda: len(house.workers.ready) == 2)
    await ended(house, task)


async def test_no_room_for_a_process_is_no_end_of_trying(house: House, caplog: pytest.LogCaptureFixture) -> None:
    task = await house.start()
    house.trouble = [OSError(11, "no process"), OSError(24, "no descriptor"), None]
    house.spawned[0].end(-9)
    await house.until(lambda: len(house.spawned) == 3)
    assert caplog.text.count("no worker can be started") == 2
    await ended(house, task)


async def test_one_that_does_not_become_ready_is_tried_again(house: House) -> None:
    task = await house.start()
    house.trouble = [OSError(), OSError()]
    house.spawned[1].end(1)
    await house.until(lambda: len(house.spawned) == 5 and len(house.workers.ready) == 2)
    await ended(house, task)


async def test_one_that_hangs_is_killed(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gateway.supervisor.workers, "BEAT", 0.001)
    task = await house.start()
    await house.until(lambda: house.spawned[1].heard > 3)
    house.spawned[0].hangs = True
    await house.until(lambda: len(house.spawned) == 3)
    assert house.spawned[0].signals == [signal.SIGKILL]
    assert house.spawned[1].signals == []
    assert "does not answer" in caplog.text
    await ended(house, task)


async def test_one_that_is_slow_but_says_something_lives(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer comes too late for its own question; each of them is a sign of life all the same."""
    monkeypatch.setattr(gateway.supervisor.workers, "BEAT", 0.5)
    task = await house.start()
    slow = house.spawned[0]
    asked = 0

    async def ask(order: Callable[[int], Order], patience: float) -> Done:
        nonlocal asked
        asked += 1
        slow.heard += 1
        await asyncio.sleep(0)
        raise TimeoutError

    slow.ask = ask  # type: ignore[method-assign]
    await house.until(lambda: asked > 50)
    assert slow.signals == []
    await ended(house, task)


async def test_one_that_started_while_the_table_changed_is_started_once_more(house: House) -> None:
    task = await house.start()
    former, house.served = house.served, [SERVED[0].numbered(2)]
    spawn, house.served = house.served, former
    original = house.spawn

    async def late(*arguments: object) -> ScriptedWorker:
        worker = await original(*arguments)  # type: ignore[arg-type]
        house.served = spawn
        return worker

    gateway.supervisor.workers.spawn = late  # type: ignore[assignment]
    house.spawned[0].end(-9)
    await house.until(lambda: len(house.spawned) == 4)
    assert house.spawned[2].signals == [signal.SIGTERM]
    assert house.spawned[3].served == spawn
    await ended(house, task)


async def test_a_first_start_that_fails_ends_it_all(house: House) -> None:
    house.trouble = [None, OSError()]
    task = await house.start()
    with pytest.raises(StartFailed):
        await task
    assert not any(worker.running for worker in house.spawned)

"""The loop's lateness: a pause is forgiven, a loop that is always late is not."""

import asyncio

from tests.sim.worker_model import Worker, simulate


def test_a_single_pause_is_no_queue() -> None:
    async def scenario(worker: Worker) -> None:
        worker.loop.spend(0.08)
        await _turns(worker, 0.003)
        assert worker.lag.seconds < 0.005

    simulate(scenario)


def test_a_loop_that_is_always_late_says_so_and_recovers() -> None:
    async def scenario(worker: Worker) -> None:
        for _ in range(8):
            worker.loop.spend(0.03)
            await _turns(worker, 0.0)
        assert worker.lag.seconds > 0.02
        for _ in range(8):
            await _turns(worker, 0.006)
        assert worker.lag.seconds < 0.001

    simulate(scenario)


async def _turns(worker: Worker, seconds: float) -> None:
    """Let the loop come round twice, `seconds` apart."""
    await asyncio.sleep(seconds)
    await asyncio.sleep(0)

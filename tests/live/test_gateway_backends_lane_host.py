"""Lane hosts with real children, and what becomes of the worker when these crash, hang, eat memory or talk nonsense."""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gateway.backends.backend import BackendError
from gateway.backends.host import HostedBackend
from gateway.backends.lane_host import LaneHost
from gateway.testing.bundles import write_model
from gateway.testing.hostile_models import FOR_EVER, write_hungry_model, write_looping_model
from gateway.testing.scripted_host import QUESTION, SPOILED, WAYS
from models.manifest import BundleError
from tests.live.hosted import (
    LONG,
    SETTINGS,
    WIDTH,
    children,
    descriptors,
    lives,
    model_at,
    read,
    rows,
    running,
    total,
)
from tests.live.waiting import comes

SCRIPTED = (sys.executable, "-m", "gateway.testing.scripted_host")
NONSENSE = sorted(set(WAYS) - {"no answer", "a complaint that is no text", QUESTION, SPOILED})
Write = Callable[[Path, int], None]


def written(directory: Path, write: Write = write_model) -> Path:
    write(directory / "model.onnx", WIDTH)
    return directory / "model.onnx"


async def answers(host: LaneHost) -> None:
    """Wait until the host scores again, and rightly."""
    backend = host.backend(0)
    for _ in range(10_000):
        try:
            assert (await backend.run(rows(0.25, 0.5))).tolist() == [0.25, 0.5]
        except BackendError:
            await asyncio.sleep(0.01)
        else:
            return
    raise AssertionError("the host did not come back")


async def failure(run: "asyncio.Future[np.ndarray[tuple[int], np.dtype[np.float64]]]") -> str:
    """Return why a run failed."""
    with pytest.raises(BackendError) as caught:
        await asyncio.wait_for(run, LONG)
    return str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
async def test_a_host_that_is_killed_fails_its_runs_at_once_and_comes_back(tmp_path: Path, number: int) -> None:
    async with running(tmp_path, [model_at(written(tmp_path))]) as host:
        (pid,) = children()
        os.kill(pid, signal.SIGSTOP)
        runs = [asyncio.ensure_future(host.backend(0).run(rows(float(at)))) for at in range(3)]
        await asyncio.sleep(0)
        os.kill(pid, number)
        os.kill(pid, signal.SIGCONT)
        for run in runs:
            assert signal.Signals(number).name in await failure(run)
        assert not lives(pid)
        await answers(host)
        assert total(tmp_path, "sluice_host_deaths_total", "signal") == 1
        assert total(tmp_path, "sluice_host_starts_total") == 2
        assert total(tmp_path, "sluice_host_down") == 0


async def test_while_a_host_is_away_runs_fail_at_once(tmp_path: Path) -> None:
    settings = replace(SETTINGS, first_pause=LONG, longest_pause=LONG)
    async with running(tmp_path, [model_at(written(tmp_path))], settings) as host:
        (pid,) = children()
        os.kill(pid, signal.SIGSEGV)
        await comes(lambda: total(tmp_path, "sluice_host_down") == 1)
        assert "SIGSEGV" in await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert children() == []


async def test_a_loop_in_native_code_is_stuck_and_killed(tmp_path: Path) -> None:
    path = written(tmp_path, write_looping_model)
    async with running(tmp_path, [model_at(path)], replace(SETTINGS, patience=1.0)) as host:
        backend = host.backend(0)
        assert (await backend.run(rows(0.5, second=10))).tolist() == [0.5]
        run = asyncio.ensure_future(backend.run(rows(0.5, second=FOR_EVER)))
        neighbour = asyncio.ensure_future(backend.run(rows(0.5)))
        await asyncio.sleep(0)
        neighbour.cancel()  # nobody waits any more, and yet the host is watched
        assert "stuck" in await failure(run)
        await answers(host)
        assert total(tmp_path, "sluice_host_deaths_total", "stuck") == 1


async def test_a_stopped_host_is_stuck_also_when_nobody_waits(tmp_path: Path) -> None:
    async with running(tmp_path, [model_at(written(tmp_path))], replace(SETTINGS, patience=1.0)) as host:
        (pid,) = children()
        os.kill(pid, signal.SIGSTOP)
        run = asyncio.ensure_future(host.backend(0).run(rows(1.0)))
        await asyncio.sleep(0)
        run.cancel()
        await comes(lambda: not lives(pid))
        await answers(host)


async def test_a_slow_host_that_goes_on_is_not_stuck(tmp_path: Path) -> None:
    """Its patience is shorter than all the runs together take, and longer than each."""
    path = written(tmp_path, write_looping_model)
    async with running(tmp_path, [model_at(path)], replace(SETTINGS, patience=3.0)) as host:
        backend = host.backend(0)
        began = asyncio.get_running_loop().time()
        await backend.run(rows(0.5, second=25_000))
        took = asyncio.get_running_loop().time() - began
        matrix = rows(0.5, second=round(25_000 * 0.5 / took))
        runs = [backend.run(matrix) for _ in range(8)]
        assert [scores.tolist() for scores in await asyncio.gather(*runs)] == [[0.5]] * 8
        assert total(tmp_path, "sluice_host_deaths_total") == 0


async def test_memory_is_bounded_and_the_next_host_has_it_again(tmp_path: Path) -> None:
    path = written(tmp_path, write_hungry_model)
    async with running(tmp_path, [model_at(path)], replace(SETTINGS, memory_mb=200)) as host:
        backend = host.backend(0)
        assert (await backend.run(rows(0.5, second=1e7))).tolist() == [0.5]
        why = await failure(asyncio.ensure_future(backend.run(rows(0.5, second=1e8))))
        assert "out of memory" in why
        assert "--host-memory-mb" in why
        await answers(host)
        assert total(tmp_path, "sluice_host_deaths_total", "memory") == 1


async def test_beyond_its_slots_a_host_is_busy(tmp_path: Path) -> None:
    async with running(tmp_path, [model_at(written(tmp_path))]) as host:
        (pid,) = children()
        backend = host.backend(0)
        os.kill(pid, signal.SIGSTOP)
        runs = [asyncio.ensure_future(backend.run(rows(float(at)))) for at in range(SETTINGS.slots)]
        await asyncio.sleep(0)
        assert total(tmp_path, "sluice_host_busy") == SETTINGS.slots
        runs[0].cancel()
        await asyncio.sleep(0)
        assert "busy" in await failure(asyncio.ensure_future(backend.run(rows(1.0)))), "its slot is still the host's"
        os.kill(pid, signal.SIGCONT)
        assert [run.tolist() for run in await asyncio.gather(*runs[1:])] == [
            [float(at)] for at in range(1, SETTINGS.slots)
        ]
        assert total(tmp_path, "sluice_host_busy") == 0
        await answers(host)


async def test_several_models_in_one_host(tmp_path: Path) -> None:
    write_model(tmp_path / "narrow.onnx", WIDTH)
    write_model(tmp_path / "wide.onnx", 5)
    models = [model_at(tmp_path / "narrow.onnx"), replace(model_at(tmp_path / "wide.onnx"), width=5)]
    async with running(tmp_path, models) as host:
        narrow, wide = host.backend(0), host.backend(1)
        matrices = [np.random.default_rng(at).random((64, (WIDTH, 5)[at % 2]), dtype=np.float32) for at in range(8)]
        runs = await asyncio.gather(*((narrow, wide)[at % 2].run(matrix) for at, matrix in enumerate(matrices)))
        assert [scores.tolist() for scores in runs] == [matrix[:, 0].tolist() for matrix in matrices]
        assert len(children()) == 1


@pytest.mark.parametrize("way", NONSENSE)
async def test_nonsense_is_not_believed(tmp_path: Path, way: str) -> None:
    model = model_at(tmp_path / "none.onnx")
    async with running(tmp_path, [model], command=(*SCRIPTED, way)) as host:
        (pid,) = children()
        assert "nobody had asked" in await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert not lives(pid)
        assert total(tmp_path, "sluice_host_deaths_total", "nonsense") == 1


async def test_a_complaint_that_is_no_text_is_still_one(tmp_path: Path) -> None:
    command = (*SCRIPTED, "a complaint that is no text")
    async with running(tmp_path, [model_at(tmp_path / "none.onnx")], command=command) as host:
        why = await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert 0 < len(why) < 1100
        assert "\n" not in why


@pytest.mark.parametrize(
    ("way", "reason", "changes"),
    [
        ("exits", "exit", {}),
        ("never ready", "stuck", {"loading": 0.5}),
        ("no answer", "stuck", {"patience": 0.5}),
    ],
)
async def test_hosts_that_do_not_serve(tmp_path: Path, way: str, reason: str, changes: dict[str, float]) -> None:
    async def ask(backends: Sequence[HostedBackend]) -> None:
        await backends[0].run(rows(1.0))

    settings, command = replace(SETTINGS, **changes), (*SCRIPTED, way)  # type: ignore[arg-type]
    async with running(tmp_path, [model_at(tmp_path / "none.onnx")], settings, command, ask) as host:
        await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert total(tmp_path, "sluice_host_deaths_total", reason) >= 1
        await comes(lambda: total(tmp_path, "sluice_host_starts_total") >= 3)


async def test_a_host_that_closes_its_bell_and_stays_is_killed(tmp_path: Path) -> None:
    settings, command = replace(SETTINGS, patience=0.5), (*SCRIPTED, "closes its bell")
    async with running(tmp_path, [model_at(tmp_path / "none.onnx")], settings, command):
        await comes(lambda: total(tmp_path, "sluice_host_deaths_total", "stuck") >= 1)


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    async with running(tmp_path, [model_at(tmp_path / "none.onnx")], command=("/nowhere/python",)) as host:
        assert "cannot be started" in await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert total(tmp_path, "sluice_host_deaths_total", "spawn") >= 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b"no model"), "sha256"),
        (lambda path: write_model(path, WIDTH, output="other"), "sha256"),
    ],
)
async def test_a_model_that_is_not_what_was_ordered(tmp_path: Path, spoil: Callable[[Path], None], why: str) -> None:
    path = written(tmp_path)
    model = model_at(path)
    spoil(path)
    async with running(tmp_path, [model], replace(SETTINGS, first_pause=LONG, longest_pause=LONG)) as host:
        assert why in await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert total(tmp_path, "sluice_host_deaths_total", "load") == 1


async def test_a_model_of_another_width(tmp_path: Path) -> None:
    write_model(tmp_path / "model.onnx", WIDTH + 1)
    settings = replace(SETTINGS, first_pause=LONG, longest_pause=LONG)
    async with running(tmp_path, [model_at(tmp_path / "model.onnx")], settings) as host:
        why = await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert f"{WIDTH} columns" in why


async def test_wrong_golden_rows_keep_a_host_out(tmp_path: Path) -> None:
    async def off(backends: Sequence[HostedBackend]) -> None:
        await backends[0].run(rows(1.0))
        raise BundleError("golden rows are off by 1")

    settings = replace(SETTINGS, first_pause=LONG, longest_pause=LONG)
    async with running(tmp_path, [model_at(written(tmp_path))], settings, proof=off) as host:
        assert "golden rows" in await failure(asyncio.ensure_future(host.backend(0).run(rows(1.0))))
        assert total(tmp_path, "sluice_host_deaths_total", "golden") == 1
        assert children() == []


async def test_a_closed_host_leaves_nothing_and_counts_no_death(tmp_path: Path) -> None:
    async with running(tmp_path, [model_at(written(tmp_path))]) as host:
        backend = host.backend(0)
        await backend.run(rows(1.0))
        await backend.close()
        assert children() == []
        assert "closed" in await failure(asyncio.ensure_future(backend.run(rows(1.0))))
    assert total(tmp_path, "sluice_host_deaths_total") == 0
    assert total(tmp_path, "sluice_host_down") == 0


async def test_a_host_is_confined(tmp_path: Path) -> None:
    settings = replace(SETTINGS, nice=7, cpus=(0,))
    async with running(tmp_path, [model_at(written(tmp_path))], settings) as host:
        await answers(host)
        (pid,) = children()
        assert os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, 0) in (7, 19)
        assert os.sched_getaffinity(pid) == {0}
        assert resource.prlimit(pid, resource.RLIMIT_CORE)[0] <= 1
        assert resource.prlimit(pid, resource.RLIMIT_DATA)[0] < 4 << 30
        assert int(read(pid, "oom_score_adj")) >= 700
        # The thread that loaded the model ends when nobody else wants the processor; no other is ever started.
        await comes(lambda: "\nThreads:\t1\n" in read(pid, "status"))
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGINT)
        await answers(host)
        assert children() == [pid]


async def test_a_host_inherits_only_its_own_descriptors(tmp_path: Path) -> None:
    with (tmp_path / "secret").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        async with running(tmp_path, [model_at(written(tmp_path))]):
            (pid,) = children()
            opened = descriptors(pid)
            assert str(tmp_path / "secret") not in opened
            # Beside the first three: the memory twice, because a mapping holds its own, and the doorbell.
            assert len(opened) == 6, opened


async def test_many_restarts_leak_nothing(tmp_path: Path) -> None:
    """Descriptors are counted exactly; memory that leaks would show as a mapping for each host."""
    settings = replace(SETTINGS, first_pause=0.001, longest_pause=0.001)
    command = ("false",)

    def held() -> tuple[int, int]:
        gc.collect()
        return len(descriptors(os.getpid())), read(os.getpid(), "maps").count("memfd:sluice-lane")

    before = held()
    async with running(tmp_path, [model_at(tmp_path / "none.onnx")], settings, command):
        await comes(lambda: total(tmp_path, "sluice_host_deaths_total") >= 100)
    assert children() == []
    assert held() == before

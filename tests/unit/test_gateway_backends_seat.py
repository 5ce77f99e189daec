"""Where a bundle runs, and what a worker does while its hosts are on their way."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gateway.backends.host import HostedBackend
from gateway.backends.onnx import OnnxBackend
from gateway.backends.seat import ROWS, Place, Seats, run_seconds
from gateway.backends.settings import HostSettings, SeatSettings
from gateway.backends.threaded import ThreadedBackend
from gateway.bundle import Bundle, load_bundle
from gateway.tensor import to_array, zeros
from gateway.tensor_request import TensorRequest, in_array
from gateway.tensors.bundle import load_any_bundle
from gateway.testing.bundles import write_bundle
from gateway.testing.manual_clock import ManualClock
from gateway.testing.tensor_bundles import ADD_SUB, write_tensor_bundle
from gateway.triton.settings import TritonSettings
from models.manifest import BundleError
from monitoring.series import SeriesFile
from routing.table import CANARY, CHAMPION, FALLBACK, SHADOW

ARMS = (CHAMPION, FALLBACK, CANARY, SHADOW)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(write_bundle(tmp_path), "fraud")


def seats(directory: Path, settings: SeatSettings) -> Seats:
    return Seats(settings, SeriesFile(directory / "metrics", 0))


def test_only_arms_that_are_trusted_stay(tmp_path: Path) -> None:
    on, off = seats(tmp_path, SeatSettings()), seats(tmp_path, SeatSettings(lane_hosts=False))
    assert [on.place(arm) for arm in ARMS] == [Place.WORKER, Place.WORKER, Place.HOST, Place.HOST]
    assert {off.place(arm) for arm in ARMS} == {Place.WORKER}


def test_on_triton_all_but_the_fallback_run_there(tmp_path: Path) -> None:
    places = [seats(tmp_path, SeatSettings()).place(arm, "triton") for arm in ARMS]
    assert places == [Place.TRITON, Place.WORKER, Place.TRITON, Place.TRITON]


async def test_who_runs_on_triton_has_to_say_where(tmp_path: Path, bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="fraud runs on Triton: say where with --triton"):
        await seats(tmp_path, SeatSettings()).seat(bundle, Place.TRITON)


async def test_who_runs_on_triton_has_to_have_its_client(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.backends.seat.find_spec", lambda name: None)
    settings = SeatSettings(triton=TritonSettings(addresses=("127.0.0.1:1",)))
    with pytest.raises(BundleError, match="install its client"):
        await seats(tmp_path, settings).seat(bundle, Place.TRITON)


@pytest.mark.parametrize(("loop_run", "kind", "blocking"), [(60.0, OnnxBackend, True), (0.0, ThreadedBackend, False)])
async def test_a_long_run_leaves_the_event_loops_thread(
    tmp_path: Path, bundle: Bundle, loop_run: float, kind: type, blocking: bool
) -> None:
    seat = await seats(tmp_path, SeatSettings(loop_run=loop_run)).seat(bundle, Place.WORKER)
    assert isinstance(seat.backend, kind)
    assert seat.blocking is blocking
    assert (await seat.backend.run(bundle.golden.rows)).tolist() == bundle.golden.scores.tolist()
    await seat.backend.close()


async def test_a_bundle_in_process_is_proved(tmp_path: Path, bundle: Bundle) -> None:
    wrong = replace(bundle, golden=replace(bundle.golden, scores=bundle.golden.scores + 1.0))
    with pytest.raises(BundleError, match="golden rows are off by 1"):
        await seats(tmp_path, SeatSettings()).seat(wrong, Place.WORKER)


async def test_nobody_waits_for_a_host_longer_than_is_set(tmp_path: Path, bundle: Bundle) -> None:
    several = seats(tmp_path, SeatSettings())
    seat = await several.seat(bundle, Place.HOST)
    assert isinstance(seat.backend, HostedBackend)
    assert not seat.blocking
    async with asyncio.timeout(10.0):
        assert "fraud 1" in await several.settle(0.0)
        assert await several.settle(0.0) == "", "once"
        await seat.backend.close()


@pytest.mark.parametrize(("starting", "wait", "begun"), [(True, 0.0, 0), (True, 5.0, 1), (False, 0.0, 1)])
async def test_a_worker_that_does_not_wait_for_its_hosts_starts_before_them(
    tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, starting: bool, wait: float, begun: int
) -> None:
    spawned = []

    def spawn(models: object, *_: object) -> None:
        spawned.append(models)
        raise OSError("not in this test")

    monkeypatch.setattr("gateway.backends.lane_host.spawn", spawn)
    several = seats(tmp_path, SeatSettings(wait=wait))
    several.begin(starting)
    seat = await several.seat(bundle, Place.HOST)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(spawned) == begun
    await seat.backend.close()


@pytest.mark.parametrize("damaged", [False, True])
async def test_what_is_wrong_with_a_host_is_told(tmp_path: Path, bundle: Bundle, damaged: bool) -> None:
    several = seats(tmp_path, SeatSettings())
    if damaged:
        bundle.model.write_bytes(b"damaged")
    seat = await several.seat(bundle, Place.HOST)
    complaint = await several.settle(None)
    assert ("sha256" in complaint) is damaged
    assert bool(complaint) is damaged
    await seat.backend.close()


@pytest.mark.parametrize("damaged", [False, True])
async def test_a_model_of_tensors_is_its_hosts_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: bool
) -> None:
    monkeypatch.setattr("gateway.backends.seat.open_tensors", None)
    write_tensor_bundle(tmp_path, "sums", "1")
    write_tensor_bundle(tmp_path, "sums", "2", wrong=True)
    if damaged:
        (tmp_path / "2" / "model.onnx").write_bytes(b"damaged")
    champion, candidate = (load_any_bundle(tmp_path / version, "sums", hosted=True) for version in ("1", "2"))
    several = seats(tmp_path, SeatSettings())
    seat = await several.seat(candidate, Place.HOST, champion)
    complaint = await several.settle(None)
    assert ("sha256" in complaint) is damaged
    if not damaged:
        assert seat.copy is not None
        runs = [await backend.run(ones()) for backend in (seat.backend, seat.copy)]
        assert [to_array(run[0].outputs[1]).max() for run in runs] == [2, 0], "each its own"
    await seat.backend.close()


def ones() -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    """Return a request for sums and differences of ones."""
    inputs = [zeros(one.name, one.datatype, (1, 16))._replace(raw=b"\x01\x00\x00\x00" * 16) for one in ADD_SUB[0]]
    return in_array([TensorRequest(inputs)])


async def test_more_requests_than_a_host_has_slots_wait_for_their_turn(tmp_path: Path) -> None:
    write_tensor_bundle(tmp_path, "sums", "1")
    several = seats(tmp_path, SeatSettings())
    seat = await several.seat(load_any_bundle(tmp_path / "1", "sums", hosted=True), Place.HOST)
    assert await several.settle(None) == ""

    async def ask() -> None:
        async with seat.turn:
            await seat.backend.run(ones())

    async with asyncio.timeout(30.0):
        await asyncio.gather(*(ask() for _ in range(4 * HostSettings().slots)))
    await seat.backend.close()


async def test_a_bundle_of_another_kind_is_not_put_beside(tmp_path: Path, bundle: Bundle) -> None:
    write_tensor_bundle(tmp_path / "tensors", "fraud", "1")
    seat = await seats(tmp_path, SeatSettings()).seat(
        load_any_bundle(tmp_path / "tensors" / "1", "fraud", hosted=True), Place.HOST, bundle
    )
    assert seat.copy is None
    await seat.backend.close()


def test_of_several_runs_the_fastest_counts() -> None:
    clock, seen, lengths = ManualClock(0.0), [], iter([5.0, 2.0, 0.5, 3.0, 4.0])

    def score(rows: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        seen.append(rows.shape)
        clock.advance(next(lengths))
        return np.zeros(len(rows))

    assert run_seconds(score, np.ones((3, 7), dtype=np.float32), clock) == 0.5
    assert seen == [(ROWS, 7)] * 5

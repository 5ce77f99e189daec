"""Pairs through a real lane host: equal bundles look equal, one twice as slow does not, and a death has its owner."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import sqrt
from pathlib import Path

import pytest

from gateway.backends.backend import Away
from gateway.backends.seat import Place, Seat, Seats
from gateway.backends.settings import HOSTS_POSSIBLE, HostSettings, SeatSettings
from gateway.bundle import Bundle, load_bundle
from gateway.call import Call, Priority
from gateway.intake import Row
from gateway.lane import Decided, Lane
from gateway.meters import Meters, ShadowMeters
from gateway.pairs import Contender, Pairs
from gateway.policy import Policy, Thresholds
from gateway.sample import Sample
from gateway.served import Part
from gateway.shelf import Shelf
from gateway.signs import Signs
from gateway.stored import StoredReader
from gateway.testing.bundles import write_bundle, write_manifest
from gateway.testing.fixed_features import FixedFeatures
from gateway.testing.hostile_models import write_laborious_model
from gateway.testing.plans import small_document
from gateway.witness import Witness
from monitoring.series import SeriesFile
from routing.declared import Measure
from routing.table import CHAMPION, SHADOW
from routing.window import Pair
from tests.live.hosted import LONG, children
from tests.live.waiting import comes

pytestmark = pytest.mark.skipif(not HOSTS_POSSIBLE, reason="lane hosts need Linux")

SETTINGS = SeatSettings(host=HostSettings(patience=LONG, first_pause=0.01, longest_pause=0.02))
MEASURES = [Measure("slower", 0.1), Measure("tail", 0.25), Measure("flaky"), Measure("flips")]
SLOWER, TAIL, FLAKY, FLIPS = (1 << at for at in range(4))
POLICY = Policy("p1", 0.0, 100.0, Thresholds((10.0,), ("approve", "decline")))
PAIRS = 2_500
SIGMAS = 5.0


def bundle_of(directory: Path, version: str, rounds: int) -> Bundle:
    """Write a bundle whose model takes so many rounds for a run."""
    features = small_document()["features"]
    written = write_bundle(directory, version)
    write_laborious_model(written / "model.onnx", len(features), rounds)
    write_manifest(written, version, features)
    return load_bundle(written, "fraud")


@asynccontextmanager
async def seated(directory: Path, candidate: Bundle, champion: Bundle) -> AsyncIterator[Seat]:
    """Yield the candidate's seat, with a copy of the champion in its host."""
    seats = Seats(SETTINGS, SeriesFile(directory / "metrics", 0))
    seat = await seats.seat(candidate, Place.HOST, champion)
    try:
        assert await seats.settle(None) == ""
        yield seat
    finally:
        await seat.backend.close()


async def pairs_of(directory: Path, seat: Seat, candidate: Bundle, champion: Bundle, rows: int) -> list[Pair]:
    """Return the signs of so many pairs."""
    assert seat.copy is not None
    series, witness = SeriesFile(directory / "metrics", 1), Witness(Signs(MEASURES), Part("r", 0, 0, 0))
    plan = champion.plan
    stored = StoredReader(FixedFeatures(), plan, Meters(series, "fraud", (), ()), lambda: 0.0, lambda: 0.0)
    source = random.Random(7)
    lanes = [
        Contender(Lane(arm, "1", "d", plan, bundle.builder, backend, POLICY), backend, seat.turn)
        for arm, bundle, backend in ((SHADOW, candidate, seat.backend), (CHAMPION, champion, seat.copy))
    ]
    pairs = Pairs(*lanes, stored, ShadowMeters(series, "fraud", "2"), witness, source.random, at_once)
    matrix = champion.golden.rows
    call = Call("fraud", {"card_id": 1, "store_id": 9}, {}, "", 0.0, 1.0, "", Priority.DEFAULT, "", lambda _: None)
    row = Row(call, "1", plan.row_keys(call.entities), [], None)
    decided = Decided("approve", {"score": 0.0})
    await pairs.watch([Sample(row, plan, matrix[at % len(matrix)], decided) for at in range(rows)])
    return list(witness.pairs.take_pairs())


async def at_once(seconds: float) -> None:
    """Nobody is served beside it."""
    await asyncio.sleep(0)


def seen(pairs: list[Pair], sign: int) -> tuple[int, int]:
    """Return in how many pairs the candidate alone showed a sign, and in how many the champion alone."""
    ours = sum(bool(pair.canary & ~pair.champion & sign) for pair in pairs)
    return ours, sum(bool(pair.champion & ~pair.canary & sign) for pair in pairs)


async def test_of_two_equal_bundles_neither_is_slower(tmp_path: Path) -> None:
    """Each discordant pair is a toss of a fair coin: 5 standard deviations off happen once in two million runs."""
    bundle = bundle_of(tmp_path, "1", 50)
    async with seated(tmp_path, bundle, bundle) as seat:
        pairs = await pairs_of(tmp_path, seat, bundle, bundle, PAIRS)
    assert len(pairs) > 0.99 * PAIRS
    for sign in (SLOWER, TAIL):
        ours, theirs = seen(pairs, sign)
        print(f"sign {sign}: {ours} of the candidate, {theirs} of the champion, of {len(pairs)} pairs")
        assert abs(ours - theirs) <= SIGMAS * sqrt(ours + theirs)
    assert seen(pairs, FLAKY | FLIPS) == (0, 0)


async def test_one_that_is_twice_as_slow_is_slower_in_nearly_every_pair(tmp_path: Path) -> None:
    champion, candidate = bundle_of(tmp_path, "1", 100), bundle_of(tmp_path, "2", 200)
    async with seated(tmp_path, candidate, champion) as seat:
        pairs = await pairs_of(tmp_path, seat, candidate, champion, 600)
    ours, theirs = seen(pairs, SLOWER)
    print(f"{ours} of the candidate, {theirs} of the champion, of {len(pairs)} pairs")
    assert ours > 0.9 * len(pairs)


async def test_a_host_with_a_copy_of_the_champion_answers_for_both(tmp_path: Path) -> None:
    champion, candidate = bundle_of(tmp_path, "1", 1), bundle_of(tmp_path, "2", 2)
    async with seated(tmp_path, candidate, champion) as seat:
        assert seat.copy is not None
        for backend in (seat.backend, seat.copy):
            assert (await backend.run(champion.golden.rows)).tolist() == champion.golden.scores.tolist()
        assert len(children()) == 1


async def test_a_copy_whose_golden_rows_are_off_is_not_served(tmp_path: Path) -> None:
    champion, candidate = bundle_of(tmp_path, "1", 1), bundle_of(tmp_path, "2", 2)
    champion.golden.scores[0] += 1.0
    seats = Seats(SETTINGS, SeriesFile(tmp_path / "metrics", 0))
    seat = await seats.seat(candidate, Place.HOST, champion)
    assert "golden rows are off" in await seats.settle(None)
    assert seat.toll().golden_wrong >= 1
    await seat.backend.close()


@pytest.mark.parametrize(("of_copy", "deaths"), [(False, 1), (True, 0)])
async def test_a_death_is_charged_to_the_bundle_whose_run_it_was(tmp_path: Path, of_copy: bool, deaths: int) -> None:
    champion, candidate = bundle_of(tmp_path, "1", 1), bundle_of(tmp_path, "2", 2)
    async with seated(tmp_path, candidate, champion) as seat:
        assert seat.copy is not None
        backend = seat.copy if of_copy else seat.backend
        (pid,) = children()
        os.kill(pid, signal.SIGSTOP)
        run = asyncio.ensure_future(backend.run(champion.golden.rows))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Away, match="SIGKILL"):
            await run
        await comes(lambda: bool(children()) and children() != [pid])
        assert seat.toll().deaths == deaths


async def test_a_host_that_somebody_kills_while_it_is_idle_is_no_bundles_death(tmp_path: Path) -> None:
    champion, candidate = bundle_of(tmp_path, "1", 1), bundle_of(tmp_path, "2", 2)
    async with seated(tmp_path, candidate, champion) as seat:
        (pid,) = children()
        os.kill(pid, signal.SIGKILL)
        await comes(lambda: bool(children()) and children() != [pid])
        assert seat.toll().deaths == 0


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this kernel does not count it")
async def test_a_host_says_how_long_it_has_waited_for_a_processor(tmp_path: Path) -> None:
    """Beside others on one processor it waits; that it runs less than it would is what `schedstat` is for."""
    bundle = bundle_of(tmp_path, "1", 200)
    async with seated(tmp_path, bundle, bundle) as seat:
        before = seat.toll().waited
        neighbours = [await asyncio.create_subprocess_exec("sh", "-c", "while :; do :; done") for _ in range(8)]
        try:
            for _ in range(40):
                await seat.backend.run(bundle.golden.rows)
        finally:
            for neighbour in neighbours:
                neighbour.kill()
                await neighbour.wait()
        assert seat.toll().waited > before


async def test_another_champion_makes_another_host(tmp_path: Path) -> None:
    bundles = tmp_path / "fraud"
    made = {version: bundle_of(bundles, version, int(version)) for version in ("1", "2", "3")}
    digests = {version: bundle.manifest.digest() for version, bundle in made.items()}
    shelf = Shelf(bundles, "fraud", Seats(SETTINGS, SeriesFile(tmp_path / "metrics", 0)))
    try:
        shelf.begin(starting=False)
        champions = [await shelf.take(version, digests[version], Place.WORKER) for version in ("1", "3")]
        first, second = [await shelf.take("2", digests["2"], Place.HOST, champion) for champion in champions]
        assert await shelf.take("2", digests["2"], Place.HOST, champions[0]) is first
        assert second is not first
        assert (await shelf.take("2", digests["2"], Place.HOST)).seat.copy is None
        assert champions[0].seat.copy is None
        assert await shelf.settle(None) == ""
        await shelf.keep([*champions, second])
        await comes(hosts_left(1))
    finally:
        await shelf.keep(())


def hosts_left(count: int) -> Callable[[], bool]:
    return lambda: len(children()) == count

"""A bundle on Triton through all that may befall it there, by the scripted Triton: quick, and as often as told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from gateway.backends.backend import Away, BackendError
from gateway.bundle import Bundle, load_bundle
from gateway.testing.bundles import write_bundle
from gateway.testing.scripted_triton import ScriptedModel, ScriptedTriton
from gateway.triton.remote_bundle import RemoteBundle
from gateway.triton.settings import TritonSettings
from monitoring.series import SeriesFile
from tests.live.waiting import PATIENCE, comes

NOWHERE = "127.0.0.1:1"
QUICK = TritonSettings(look_every=0.05, first_pause=0.01, look_patience=PATIENCE)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(write_bundle(tmp_path), "fraud")


def model_of(bundle: Bundle) -> ScriptedModel:
    return ScriptedModel(len(bundle.manifest.inputs.features))


@pytest.fixture
async def triton(bundle: Bundle) -> AsyncIterator[ScriptedTriton]:
    triton = ScriptedTriton({bundle.manifest.served_name: model_of(bundle)})
    await triton.start()
    yield triton
    await triton.stop()


@asynccontextmanager
async def remote(bundle: Bundle, *addresses: str, settings: TritonSettings = QUICK) -> AsyncIterator[RemoteBundle]:
    """Yield a bundle that is on its way to its servers; close it in the end."""
    series = SeriesFile(bundle.model.parent / "metrics", 0)
    remote = RemoteBundle(bundle, replace(settings, addresses=addresses), series)
    await remote.start()
    try:
        yield remote
    finally:
        await remote.backend.close()


async def scores_again(remote: RemoteBundle, bundle: Bundle) -> None:
    """Return when the golden rows come out right, however often they do not before."""
    await comes(lambda: not remote.trouble(), complaint="it does not come back")
    assert (await remote.backend.run(bundle.golden.rows, PATIENCE)).tolist() == bundle.golden.scores.tolist()


async def test_it_is_loaded_proved_and_unloaded(bundle: Bundle, triton: ScriptedTriton, tmp_path: Path) -> None:
    name, settings = bundle.manifest.served_name, replace(QUICK, holds=tmp_path / "holds")
    async with remote(bundle, triton.address, settings=settings) as first:
        assert await first.decided() == ""
        assert triton.executed[name] == 2 * len(bundle.golden.rows), "together, and each by itself"
        async with remote(bundle, triton.address, settings=settings) as second:
            assert await second.decided() == ""
        assert triton.loads[name] == 1
        assert triton.loaded == {name}, "somebody uses it still"
    assert triton.loaded == set()


async def test_who_shares_triton_with_others_leaves_what_is_loaded(bundle: Bundle, triton: ScriptedTriton) -> None:
    async with remote(bundle, triton.address, settings=replace(QUICK, unload=False)) as one:
        assert await one.decided() == ""
    assert triton.loaded == {bundle.manifest.served_name}


async def test_what_it_says_of_the_time_that_is_left(bundle: Bundle, triton: ScriptedTriton) -> None:
    async with remote(bundle, triton.address) as one:
        assert await one.decided() == ""
        await one.backend.run(bundle.golden.rows, 5.0)
    assert triton.timeouts == [5_000_000]


async def test_a_server_that_was_started_anew_is_told_again_what_to_load(
    bundle: Bundle, triton: ScriptedTriton
) -> None:
    async with remote(bundle, triton.address) as one:
        assert await one.decided() == ""
        await triton.stop()
        with pytest.raises(Away):
            await one.backend.run(bundle.golden.rows, PATIENCE)
        assert triton.address in one.trouble()
        with pytest.raises(Away):
            await one.backend.run(bundle.golden.rows, PATIENCE)
        await triton.start()
        await scores_again(one, bundle)
        assert triton.loads[bundle.manifest.served_name] == 2


async def test_what_somebody_else_has_had_unloaded_is_loaded_again(bundle: Bundle, triton: ScriptedTriton) -> None:
    async with remote(bundle, triton.address) as one:
        assert await one.decided() == ""
        triton.loaded.clear()
        await comes(lambda: triton.loaded, complaint="nobody has looked")
        await scores_again(one, bundle)
        triton.loaded.clear()
        with pytest.raises(Away, match="no available versions"):
            await one.backend.run(bundle.golden.rows, PATIENCE)
        await scores_again(one, bundle)


async def test_of_two_servers_one_is_enough(bundle: Bundle, triton: ScriptedTriton) -> None:
    async with remote(bundle, NOWHERE, triton.address) as one:
        assert await one.decided() == ""
        assert one.trouble() == ""
        await scores_again(one, bundle)


async def test_a_model_that_scores_wrongly_is_never_asked(bundle: Bundle, triton: ScriptedTriton) -> None:
    model = triton.models[bundle.manifest.served_name]
    model.script = lambda rows: rows[:, 0] + 1.0
    async with remote(bundle, triton.address) as one:
        assert "golden rows are off by 1" in await one.decided()
        assert "golden rows are off by 1" in one.trouble()
        model.script = lambda rows: rows[:, 0].astype(np.float64)
        await scores_again(one, bundle)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda model: setattr(model, "columns", 2), r"takes features FP32 \[-1, 2\], its manifest says"),
        (lambda model: setattr(model, "output", "price"), "gives price FP32"),
        (lambda model: setattr(model, "output_shape", (-1, 2)), r"gives score FP32 \[-1, 2\]"),
        (lambda model: setattr(model, "datatype", "FP64"), "takes features FP64"),
        (lambda model: setattr(model, "most_rows", 8), "takes 8 rows at once, .* set its max_batch_size to 256"),
    ],
)
async def test_a_model_that_is_not_the_bundles_is_refused_with_what_to_do(
    bundle: Bundle, triton: ScriptedTriton, spoil: Callable[[ScriptedModel], None], said: str
) -> None:
    spoil(triton.models[bundle.manifest.served_name])
    async with remote(bundle, triton.address) as one:
        with pytest.raises(AssertionError, match=said):
            raise AssertionError(await one.decided())


async def test_who_is_not_in_the_repository_and_who_is_not_there_at_all(bundle: Bundle, triton: ScriptedTriton) -> None:
    triton.models.clear()
    async with remote(bundle, triton.address, NOWHERE) as one:
        complaint = await one.decided()
    assert "write it there with `sluice triton-repository`" in complaint
    assert NOWHERE in complaint


@pytest.mark.parametrize("there", [True, False])
async def test_a_server_that_manages_its_own_models(bundle: Bundle, there: bool) -> None:
    triton = ScriptedTriton({bundle.manifest.served_name: model_of(bundle)}, explicit=False)
    if not there:
        triton.loaded.clear()
    await triton.start()
    async with remote(bundle, triton.address) as one:
        complaint = await one.decided()
    assert complaint == "" if there else "--model-control-mode=explicit" in complaint
    await triton.stop()


async def test_a_server_that_says_nothing_leaves_and_comes_back(bundle: Bundle, triton: ScriptedTriton) -> None:
    async with remote(bundle, triton.address) as one:
        assert await one.decided() == ""
        triton.hearing.clear()
        runs = [one.backend.run(bundle.golden.rows, 0.05) for _ in range(5)]
        assert all(isinstance(end, BackendError) for end in await asyncio.gather(*runs, return_exceptions=True))
        await comes(one.trouble, complaint="it is still asked")
        triton.hearing.set()
        await scores_again(one, bundle)


async def test_rows_that_a_model_cannot_score_are_no_reason_to_leave(bundle: Bundle, triton: ScriptedTriton) -> None:
    model = triton.models[bundle.manifest.served_name]
    async with remote(bundle, triton.address) as one:
        assert await one.decided() == ""
        model.failure = (grpc.StatusCode.INTERNAL, "onnxruntime failed: bad row")
        for _ in range(10):
            with pytest.raises(BackendError, match="bad row") as caught:
                await one.backend.run(bundle.golden.rows, PATIENCE)
            assert not isinstance(caught.value, Away)
        assert one.trouble() == ""

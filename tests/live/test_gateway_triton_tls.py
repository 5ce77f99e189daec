"""TLS between gateway and Triton: a real Triton that lets nobody in without a certificate of its authority."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gateway.bundle import Bundle, load_bundle
from gateway.testing.bundles import write_bundle
from gateway.triton.remote_bundle import RemoteBundle
from gateway.triton.settings import TritonSettings, TritonTls
from loadtests.certificate import Pair, make_pair
from models.adopt import main as adopt
from models.manifest import BundleError
from models.tensor_manifest import load_any_manifest
from monitoring.series import SeriesFile
from tests.conformance.open_inference.passed_models import MODELS, write_triton
from tests.live.waiting import PATIENCE
from tests.real_triton import RealTriton, triton_on

PASSED = MODELS[0]


@dataclass(frozen=True)
class House:
    """A Triton with one bundle and one model of others; `ours` is what it lets in, `authority` signs both sides."""

    triton: RealTriton
    bundle: Bundle
    authority: Pair
    ours: Pair

    @property
    def tls(self) -> TritonTls:
        return TritonTls(self.authority.certificate, self.ours.certificate, self.ours.key)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    root = tmp_path_factory.mktemp("triton-tls")
    authority = make_pair(root, "ca-")
    server, ours = (make_pair(root, prefix, authority) for prefix in ("server-", "ours-"))
    flags = [
        "--grpc-use-ssl-mutual=true",
        f"--grpc-server-cert={server.certificate}",
        f"--grpc-server-key={server.key}",
        f"--grpc-root-cert={authority.certificate}",
    ]
    write_triton(PASSED, root / "repository")
    with triton_on(root / "repository", root / "log", *flags) as triton:
        folder = write_bundle(root)
        triton.keep(folder)
        triton.server.load(PASSED.name)
        yield House(triton, load_bundle(folder, "fraud"), authority, ours)


async def complaint(house: House, tls: TritonTls | None, tmp_path: Path, and_runs: bool = False) -> str:
    """Return why the bundle cannot be run there, "" where it can; run it then."""
    settings = TritonSettings(addresses=(house.triton.address,), tls=tls, look_patience=PATIENCE)
    remote = RemoteBundle(house.bundle, settings, SeriesFile(tmp_path / "metrics", 0))
    await remote.start()
    try:
        async with asyncio.timeout(PATIENCE):
            why = await remote.decided()
        if and_runs and not why:
            golden = house.bundle.golden
            assert (await remote.backend.run(golden.rows, PATIENCE)).tolist() == golden.scores.tolist()
        return why
    finally:
        await remote.close()


async def test_who_trusts_it_and_is_trusted_has_bundles_run(house: House, tmp_path: Path) -> None:
    assert await complaint(house, house.tls, tmp_path, and_runs=True) == ""


async def test_who_shows_nothing_is_not_let_in(house: House, tmp_path: Path) -> None:
    assert house.triton.address in await complaint(house, TritonTls(house.authority.certificate), tmp_path)


async def test_a_server_of_another_authority_is_not_believed(house: House, tmp_path: Path) -> None:
    stranger = make_pair(tmp_path, "stranger-")
    said = await complaint(house, replace(house.tls, ca=stranger.certificate), tmp_path)
    assert "CERTIFICATE_VERIFY_FAILED" in said


async def test_clear_text_comes_to_nothing(house: House, tmp_path: Path) -> None:
    assert house.triton.address in await complaint(house, None, tmp_path)


async def test_files_that_are_gone_when_a_bundle_is_loaded_are_named(house: House, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"by TLS: cannot read .*/gone\.pem"):
        await complaint(house, TritonTls(tmp_path / "gone.pem"), tmp_path)


def test_adopt_asks_it_too(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--bundles", str(tmp_path / "bundles"), "--models", str(tmp_path / "models")]
    words = [PASSED.name, "1", "--triton", house.triton.address, *places]
    ca = ["--triton-tls-ca", str(house.authority.certificate)]
    pair = ["--triton-tls-cert", str(house.ours.certificate), "--triton-tls-key", str(house.ours.key)]
    assert adopt([*words, *ca]) == 1
    assert adopt([*words, *pair]) == 1
    assert "give --triton-tls-ca" in capsys.readouterr().err
    assert adopt([*words, *ca, *pair[:2]]) == 1
    assert "belong together" in capsys.readouterr().err
    assert adopt([*words, *ca, *pair]) == 0
    assert load_any_manifest(tmp_path / "bundles" / PASSED.name / "1").deployment == PASSED.name

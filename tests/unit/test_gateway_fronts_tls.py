"""Files of TLS that cannot work are found at start, by name, in one line."""

import datetime
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config import ServeConfig
from gateway.fronts.tls import ServerTls
from gateway.messages import Start, decode_order, encode
from gateway.pem import TlsError
from loadtests.certificate import Pair, Validity, make_pair

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Pair:
    return make_pair(folder, "ca-")


@pytest.fixture(scope="module")
def server(folder: Path, authority: Pair) -> Pair:
    return make_pair(folder, "server-", authority)


@pytest.fixture(scope="module")
def rubbish(folder: Path) -> Path:
    path = folder / "rubbish.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nrubbish\n")
    return path


def refusal(certificate: Path, key: Path, client_ca: Path | None = None) -> str:
    with pytest.raises(TlsError) as caught:
        ServerTls(certificate, key, client_ca).check()
    return str(caught.value)


def test_what_belongs_together_is_taken(server: Pair, authority: Pair) -> None:
    ServerTls(server.certificate, server.key, authority.certificate).check()
    ServerTls(authority.certificate, authority.key).check()  # signed by itself


def test_a_missing_file_is_named(server: Pair, folder: Path) -> None:
    missing = folder / "missing.pem"
    line = f"cannot read {missing}: No such file or directory"
    assert refusal(missing, server.key) == line
    assert refusal(server.certificate, missing) == line
    assert refusal(server.certificate, server.key, missing) == line


def test_a_key_of_another_certificate(server: Pair, authority: Pair) -> None:
    assert refusal(server.certificate, authority.key) == (
        f"{authority.key} is not the key of {server.certificate}: give the pair"
    )


def test_files_that_hold_something_else(server: Pair, rubbish: Path) -> None:
    assert refusal(rubbish, server.key) == f"{rubbish} holds no certificate in PEM"
    assert refusal(server.key, server.certificate) == f"{server.key} holds no certificate in PEM"
    assert f"TLS cannot be spoken with {server.certificate} and {rubbish}" in refusal(server.certificate, rubbish)
    assert refusal(server.certificate, server.key, rubbish) == f"{rubbish} holds no certificate in PEM"


def test_a_key_with_a_passphrase_is_refused_without_asking(server: Pair, folder: Path) -> None:
    encrypted = folder / "encrypted.pem"
    encrypted.write_bytes(encrypt(server.key))
    assert refusal(server.certificate, encrypted).startswith(f"{encrypted} is encrypted: give a key without")


def encrypt(key: Path) -> bytes:
    from cryptography.hazmat.primitives import serialization as pem

    read = pem.load_pem_private_key(key.read_bytes(), None)
    return read.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.BestAvailableEncryption(b"secret"))


@pytest.mark.parametrize(
    ("start", "why"),
    [(NOW - 3 * DAY, "certificate has expired"), (NOW + DAY, "certificate is not yet valid")],
)
def test_a_certificate_that_does_not_hold_now(
    start: datetime.datetime, why: str, folder: Path, authority: Pair
) -> None:
    pair = make_pair(folder, "untimely-", authority, Validity(start, days=1))
    assert refusal(pair.certificate, pair.key) == f"{pair.certificate}: {why}: clients would refuse it"


def test_an_authority_must_be_one_and_hold_now(server: Pair, authority: Pair, folder: Path) -> None:
    old = make_pair(folder, "old-", validity=Validity(NOW - 3 * DAY, days=1))
    both = folder / "both.pem"
    both.write_bytes(old.certificate.read_bytes() + authority.certificate.read_bytes())
    assert "no certificate of an authority" in refusal(server.certificate, server.key, server.certificate)
    assert "every authority in it has expired" in refusal(server.certificate, server.key, old.certificate)
    ServerTls(server.certificate, server.key, both).check()


def test_it_survives_the_way_to_a_worker_as_paths(server: Pair, authority: Pair, tmp_path: Path) -> None:
    for client_ca in (None, authority.certificate):
        tls = ServerTls(server.certificate, server.key, client_ca)
        config = ServeConfig(tmp_path, tmp_path, tmp_path, tls=tls)
        told = encode(Start(0, config, []))
        assert decode_order(told) == Start(0, config, [])
        assert b"BEGIN" not in told


def test_half_a_pair_is_one_line_and_status_2(server: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    for flags in (["--tls-cert", str(server.certificate)], ["--tls-client-ca", str(server.certificate)]):
        assert main(["serve", *flags]) == 2
        assert capsys.readouterr().err == (
            "sluice: TLS needs a certificate and its key: give --tls-cert and --tls-key\n"
        )


def test_a_pair_that_cannot_be_is_one_line_and_status_2(server: Pair, authority: Pair, folder: Path) -> None:
    words = ["serve", "--tls-cert", str(server.certificate)]
    result = subprocess.run(
        [sys.executable, "-m", "gateway", *words],
        env={"SLUICE_TLS_KEY": str(authority.key), "SLUICE_STATE": str(folder / "state")},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr == f"sluice: {authority.key} is not the key of {server.certificate}: give the pair\n"

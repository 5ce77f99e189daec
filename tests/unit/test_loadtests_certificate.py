"""A pair for a bench: good for a gateway and for whoever asks it, its key for nobody else's eyes."""

import shlex
from pathlib import Path

import pytest

from gateway.cli import parse
from gateway.fronts.tls import ServerTls
from loadtests.certificate import Pair, main, make_pair


def test_a_pair_works_and_its_key_is_private(tmp_path: Path) -> None:
    pair = make_pair(tmp_path / "deep" / "folder")
    assert pair == Pair(tmp_path / "deep/folder/cert.pem", tmp_path / "deep/folder/key.pem")
    ServerTls(pair.certificate, pair.key).check()
    assert pair.key.stat().st_mode & 0o777 == 0o600


def test_a_second_pair_replaces_the_first(tmp_path: Path) -> None:
    first = make_pair(tmp_path).certificate.read_bytes()
    pair = make_pair(tmp_path)
    assert pair.certificate.read_bytes() != first
    ServerTls(pair.certificate, pair.key).check()


def test_it_says_how_the_pair_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--days", "1"]) == 0
    gateway, asker = (line.partition(":")[2] for line in capsys.readouterr().out.splitlines())
    served = parse(["serve", *shlex.split(gateway)])
    ServerTls(Path(served.tls_cert), Path(served.tls_key)).check()
    assert parse(["predict", "fraud", *shlex.split(asker)]).tls_ca == served.tls_cert

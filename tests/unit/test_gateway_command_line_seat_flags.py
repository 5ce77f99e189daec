"""Flags that say where bundles run."""

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.backends.settings import HostSettings, SeatSettings
from gateway.cli import parse
from gateway.command_line.seat_flags import read_seats
from gateway.config import ConfigError
from gateway.pem import TlsError
from gateway.triton.settings import TritonSettings, TritonTls
from loadtests.certificate import Pair, make_pair

STATE = ["--state", "/var/lib/sluice"]
TRITON = TritonSettings(holds=Path("/var/lib/sluice/triton"))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(tmp_path_factory.mktemp("tls"))


def test_defaults_are_the_settings_own() -> None:
    assert read_seats(parse(["serve", *STATE])) == SeatSettings(triton=TRITON)


def test_where_triton_is() -> None:
    words = "--triton a:8001,[::1]:8002 --triton-loading 5 --triton-unload off"
    triton = replace(TRITON, addresses=("a:8001", "[::1]:8002"), loading=5.0, unload=False)
    assert read_seats(parse(["serve", *STATE, *words.split()])).triton == triton


def test_triton_is_spoken_to_by_tls_where_somebody_is_to_be_trusted(pair: Pair) -> None:
    words = ["--triton-tls-ca", pair.certificate, "--triton-tls-cert", pair.certificate, "--triton-tls-key", pair.key]
    assert read_seats(parse(["serve", *STATE, *map(str, words)])).triton == replace(
        TRITON, tls=TritonTls(pair.certificate, pair.certificate, pair.key)
    )


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ("--triton-tls-cert CERT --triton-tls-key KEY", ConfigError, "give --triton-tls-ca"),
        ("--triton-tls-ca CERT --triton-tls-key KEY", ConfigError, "give both, or neither"),
        ("--triton-tls-ca KEY", TlsError, "holds no certificate in PEM"),
        ("--triton-tls-ca /nowhere.pem", TlsError, "cannot read /nowhere.pem"),
        ("--triton-tls-ca CERT --triton-tls-cert CERT --triton-tls-key OTHER", TlsError, "is not the key of"),
    ],
)
def test_files_for_triton_that_cannot_be(
    pair: Pair, tmp_path: Path, words: str, error: type[Exception], message: str
) -> None:
    files = {"CERT": pair.certificate, "KEY": pair.key, "OTHER": make_pair(tmp_path, "other-").key}
    with pytest.raises(error, match=message):
        read_seats(parse(["serve", *(str(files.get(word, word)) for word in words.split())]))


def test_every_flag_arrives() -> None:
    words = "--lane-hosts off --host-memory-mb 64 --host-nice 0 --host-cpus 0 --host-patience-ms 250 --host-wait 0"
    more = "--host-tensor-mb 2 --loop-run-ms 5"
    seats = read_seats(parse(["up", *STATE, *words.split(), *more.split()]))
    host = HostSettings(memory_mb=64, tensor_mb=2, nice=0, cpus=(0,), patience=0.25)
    assert seats == SeatSettings(lane_hosts=False, host=host, wait=0.0, loop_run=0.005, triton=TRITON)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--lane-hosts yes", "on or off"),
        ("--host-nice 20", "niceness"),
        ("--host-tensor-mb 0", "slot for tensors"),
        ("--host-cpus one", "lane hosts: .*one"),
        ("--host-wait -1", "not below zero"),
        ("--triton triton", "not HOST:PORT"),
        ("--triton a:1,a:1", "repeat"),
        ("--triton-loading 0", "above zero"),
        ("--triton-unload no", "on or off"),
    ],
)
def test_flags_that_cannot_be(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_seats(parse(["serve", *words.split()]))

"""Flags that say where bundles run."""

import pytest

from gateway.backends.settings import HostSettings, SeatSettings
from gateway.cli import parse
from gateway.command_line.seat_flags import read_seats
from gateway.config import ConfigError


def test_defaults_are_the_settings_own() -> None:
    assert read_seats(parse(["serve"])) == SeatSettings()


def test_every_flag_arrives() -> None:
    words = "--lane-hosts off --host-memory-mb 64 --host-nice 0 --host-cpus 0 --host-patience-ms 250 --host-wait 0"
    seats = read_seats(parse(["up", *words.split(), "--loop-run-ms", "5"]))
    host = HostSettings(memory_mb=64, nice=0, cpus=(0,), patience=0.25)
    assert seats == SeatSettings(lane_hosts=False, host=host, wait=0.0, loop_run=0.005)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--lane-hosts yes", "on or off"),
        ("--host-nice 20", "niceness"),
        ("--host-cpus one", "lane hosts: .*one"),
        ("--host-wait -1", "not below zero"),
    ],
)
def test_flags_that_cannot_be(words: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_seats(parse(["serve", *words.split()]))

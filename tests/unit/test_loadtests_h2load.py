"""h2load's command and the reading of what it prints."""

from pathlib import Path

import pytest

from loadtests.generator import Load
from loadtests.h2load import H2loadError, command, read

PRINTED = """\
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 4.00s, 17319.00 req/s, 1.47MB/s
requests: 51957 total, 51957 started, 51957 done, 51950 succeeded, 7 failed, 0 errored, 0 timeout
status codes: 51957 2xx, 0 3xx, 0 4xx, 0 5xx
"""


def test_the_figure_is_read() -> None:
    figure = read(PRINTED)
    assert (figure.calls_per_second, figure.done, figure.succeeded) == (17319.0, 51957, 51950)


def test_no_figure_is_an_error() -> None:
    with pytest.raises(H2loadError, match="no figure: starting"):
        read("starting benchmark...")


def test_a_run_without_answers_is_no_figure() -> None:
    with pytest.raises(H2loadError, match="no answer"):
        read(PRINTED.replace("51950 succeeded", "0 succeeded").replace("17319.00", "0.00"))


def test_the_command_asks_for_the_same_load() -> None:
    words = command(Load(connections=8, streams=2, seconds=4.0), ("127.0.0.1", 5), 100, Path("body.bin"))
    assert words[:3] == ["h2load", "--clients=8", "--max-concurrent-streams=2"]
    assert "--duration=4" in words
    assert words[-1] == "http://127.0.0.1:5/sluice.v1.Predictions/Predict"

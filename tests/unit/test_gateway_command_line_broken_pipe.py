"""Whoever read the output of `sluice reload` and `sluice status` has seen enough: nobody complains of it."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.command_line import commands
from gateway.supervisor.command_messages import Answer, Said


class Closed(io.StringIO):
    """A pipe that nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_reader_who_has_left_is_no_failure_of_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*asked: object) -> Iterator[Answer]:
        yield Said("reading")

    monkeypatch.setattr(commands, "ask", said)
    monkeypatch.setattr(sys, "stdout", Closed())
    with pytest.raises(BrokenPipeError):  # which `sluice` ends quietly for
        commands.run_reload(tmp_path, [], 1.0, as_json=False)
    assert capsys.readouterr().err == ""

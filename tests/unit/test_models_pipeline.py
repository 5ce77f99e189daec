"""The commands: they teach, they refuse what nobody declared, and --help does not wait for Feast."""

import subprocess
import sys
from dataclasses import replace

import pytest

from models.deployment import declared
from models.pipeline import COMMANDS, main
from models.provenance import input_digest


def test_help_teaches_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert all(f"models.pipeline {command}" in text for command in COMMANDS)


def test_an_unknown_deployment_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "loans"]) == 1
    assert capsys.readouterr().err == "build: no deployment is called 'loans': there are fraud, quotes, credit\n"


def test_a_redis_that_does_not_answer_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["materialise", "--redis", "redis://me:secret@127.0.0.1:1"]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("materialise: no Redis answers at 127.0.0.1:1")
    assert "secret" not in complaint


def test_what_needs_no_feast_does_not_load_it() -> None:
    code = (
        "import sys, models.pipeline; print([name for name in ('feast', 'lightgbm', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_digest_of_inputs_holds_still_and_sees_a_change() -> None:
    fraud = declared("fraud")
    assert input_digest(fraud) == input_digest(declared("fraud"))
    fewer = replace(fraud, training=replace(fraud.training, data=()))
    assert input_digest(fewer) != input_digest(fraud)
    assert input_digest(declared("credit")) != input_digest(fraud)

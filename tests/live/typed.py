"""`sluice` as it is typed, run in this process: one of its own takes half a second to begin."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from gateway.cli import main


@dataclass(frozen=True)
class Typed:
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def typed(*words: str) -> Typed:
    """Run one command. One at a time: what it prints is taken from the whole process."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        returncode = main(words)
    return Typed(returncode, out.getvalue(), err.getvalue())

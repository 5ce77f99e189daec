"""A process that is kept: it runs while the block does, is started anew when it dies, and is gone afterwards."""

import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from gateway.command_line import kept_process
from gateway.command_line.kept_process import KeptProcess

SAYS_ITS_PID = "import os, signal; print(os.getpid(), flush=True); signal.pause()"
STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


def pids(log: Path, count: int) -> list[int]:
    """Wait until so many lives have said who they are."""
    for _ in range(2_000):
        words = log.read_text().split() if log.exists() else []
        if len(words) >= count:
            return [int(word) for word in words]
        threading.Event().wait(0.01)
    raise AssertionError(f"only {words} have lived")


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_it_runs_while_the_block_does_and_comes_back_when_it_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kept_process, "FIRST_PAUSE", 0.01)
    log = tmp_path / "deep" / "control.log"
    with KeptProcess([sys.executable, "-c", SAYS_ITS_PID, "control"], log):
        (first,) = pids(log, 1)
        os.kill(first, signal.SIGKILL)
        _, second = pids(log, 2)
        assert lives(second)
    assert not lives(second)
    assert "control ended with -9, starting it anew" in capsys.readouterr().out


def test_who_does_not_end_when_asked_to_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_process, "END_SECONDS", 0.05)
    log = tmp_path / "log"
    with KeptProcess([sys.executable, "-c", STUBBORN, "control"], log):
        (pid,) = pids(log, 1)
    assert not lives(pid)

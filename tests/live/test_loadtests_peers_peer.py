"""Peers as processes: started, ready, at rest, ended; and those that never become ready."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtests.peers.peer import Peer, PeerError, Place, Running, serve
from loadtests.peers.plain_json import litserve
from loadtests.peers.ports import accepts
from loadtests.peers.stillness import at_rest, at_work

FAMILY = "import subprocess, sys; subprocess.run([sys.executable, '-m', 'http.server', sys.argv[1], '-b', '127.0.0.1'])"


def peer_that_runs(program: str) -> Peer:
    def prepare(place: Place) -> Running:
        return Running([place.python, "-c", program, str(place.ports.asked)], {})

    return Peer("test-peer", "A test's", False, None, prepare, litserve, "/")


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def stopped(pids: list[int]) -> int:
    return sum(state(pid) == "T" for pid in pids)


def soon(holds: Callable[[], bool]) -> bool:
    """A signal is taken when its receiver next runs: ask until then."""
    end = time.monotonic() + 5.0
    while not holds() and time.monotonic() < end:
        os.sched_yield()
    return holds()


def is_over(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists() or state(pid) == "Z"


def test_a_peer_runs_with_its_children_on_its_core_and_all_of_them_end(tmp_path: Path) -> None:
    core = max(os.sched_getaffinity(0))
    with serve(peer_that_runs(FAMILY), core, tmp_path / "log") as processes:
        assert len(processes.pids) == 2
        assert all(os.sched_getaffinity(pid) == {core} for pid in processes.pids)
    assert not accepts(processes.address[1])
    assert all(is_over(pid) for pid in processes.pids)


def test_a_peer_at_rest_stands_still_until_it_is_asked(tmp_path: Path) -> None:
    with serve(peer_that_runs(FAMILY), None, tmp_path / "log") as processes:
        with at_rest(processes.pids):
            assert soon(lambda: stopped(processes.pids) == len(processes.pids))
            with at_work(processes.pids):
                assert soon(lambda: stopped(processes.pids) == 0)
            assert soon(lambda: stopped(processes.pids) == len(processes.pids))
        assert soon(lambda: stopped(processes.pids) == 0)


def test_a_peer_that_ends_too_soon_is_quoted(tmp_path: Path) -> None:
    broken = peer_that_runs("raise SystemExit('its own last words')")
    with (
        pytest.raises(PeerError, match="test-peer ended with 1 before it was ready: its own last words"),
        serve(broken, None, tmp_path / "log"),
    ):
        pytest.fail("it was never ready")


def test_a_port_that_was_taken_meanwhile_is_tried_again(tmp_path: Path) -> None:
    once = tmp_path / "once"
    program = f"""
import pathlib, sys
mark = pathlib.Path({str(once)!r})
if not mark.exists():
    mark.touch()
    sys.exit("Address already in use")
"""
    with serve(peer_that_runs(program + FAMILY), None, tmp_path / "log") as processes:
        assert processes.pids
    assert once.exists()

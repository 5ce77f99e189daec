"""What an exit status tells of a host's death."""

import signal

import pytest

from gateway.backends.host_death import Reason, of_status


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (0, Reason.EXIT, "status 0"),
        (3, Reason.EXIT, "status 3"),
        (-signal.SIGSEGV, Reason.SIGNAL, "SIGSEGV"),
        (-signal.SIGABRT, Reason.SIGNAL, "SIGABRT"),
        (-signal.SIGKILL, Reason.SIGNAL, "out of memory"),
        (-63, Reason.SIGNAL, "signal 63"),
    ],
)
def test_a_status_in_words(status: int, reason: Reason, words: str) -> None:
    death = of_status(status)
    assert death.reason is reason
    assert words in death.text

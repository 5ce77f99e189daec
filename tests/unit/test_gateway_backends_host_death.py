"""What an exit status tells of a host's death."""

import signal

import pytest

from gateway.backends.host_death import Reason, of_status
from gateway.backends.host_toll import Toll


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
    assert not death.outside


@pytest.mark.parametrize(
    ("status", "outside"),
    [(-signal.SIGKILL, True), (-signal.SIGTERM, True), (-signal.SIGSEGV, False), (-signal.SIGABRT, False), (1, False)],
)
def test_an_idle_host_that_is_sent_a_signal_was_ended_by_somebody_else(status: int, outside: bool) -> None:
    death = of_status(status, idle=True)
    assert death.outside is outside
    assert Toll().after(death).deaths == (not outside)
    assert Toll().after(of_status(status)).deaths == 1, "with a run in hand it is the bundle's"

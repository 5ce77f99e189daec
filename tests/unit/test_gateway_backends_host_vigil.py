"""When a host is stuck, and how long to wait before the next one."""

from gateway.backends.host_vigil import Vigil, next_pause
from gateway.backends.settings import HostSettings

SETTINGS = HostSettings(first_pause=1.0, longest_pause=5.0, settled=60.0)


def test_silence_is_counted_from_the_last_sign_of_life() -> None:
    vigil = Vigil(patience=1.0)
    vigil.woke(10.0)
    assert vigil.left(10.4) > 0.5
    vigil.woke(10.9)
    assert vigil.left(11.5) > 0, "a queue that moves is no stuck host"
    assert vigil.left(11.9) <= 1e-9


def test_pauses_double_until_a_host_stays() -> None:
    pause, pauses = 0.0, []
    for ready_for in (0.0, 0.0, 3.0, 59.0, 61.0, 0.0):
        pause = next_pause(SETTINGS, pause, ready_for)
        pauses.append(pause)
    assert pauses == [1.0, 2.0, 4.0, 5.0, 1.0, 2.0]

"""Windows of workers whose clock is off go out on the clock that is shared, in their order."""

import pytest

from gateway.supervisor.alignment import Alignment
from routing.order import Settled
from routing.window import Window


def window(at: float, worker: str = "w") -> Window:
    return Window(worker, 1, at, at - 0.1, 0, (Settled(at - 0.2, 7, True, 0, 500, 1),))


@pytest.mark.parametrize("off", [6.0, -6.0])
def test_a_worker_whose_clock_is_off_is_shifted_by_as_much_for_good(off: float) -> None:
    now = 1_000.0
    alignment = Alignment(lambda: now)
    first = alignment.aligned(window(now - off))
    assert (first.at, first.settled_until) == pytest.approx((1_000.0, 999.9))
    assert first.calls[0].admitted == pytest.approx(999.8)
    now = 1_003.9
    second = alignment.aligned(window(1_000.5 - off))
    assert second.at == pytest.approx(1_000.5), "what was a while on its way is not shifted otherwise"
    assert alignment.aligned(window(now - off)).at == pytest.approx(now)
    for _ in range(2):
        stepped = alignment.aligned(window(now - off + 20.0))
    assert stepped.at == pytest.approx(now), "two that are as odd have had their clock set"
    alignment.forget("w")
    assert alignment.aligned(window(now)).at == now


def test_what_is_nearly_right_is_let_be() -> None:
    late = window(1_000.0)
    assert Alignment(lambda: 1_001.5).aligned(late) is late


def test_one_that_was_long_on_its_way_moves_nothing() -> None:
    now = 1_000.0
    alignment = Alignment(lambda: now)
    for at, read in ((1_000.0, 1_000.0), (1_000.5, 1_003.5), (1_003.6, 1_003.6)):
        now = read
        assert alignment.aligned(window(at)).at == at

"""One clock for all machines: a machine's own unless it is far from the control Redis's."""

import pytest

from routing.control.shared_clock import SharedClock


class Machine:
    """Two clocks, and how long an answer takes."""

    own = 1_000.0
    behind = 0.0
    takes = 0.0

    async def now(self) -> float:
        self.own += self.takes / 2
        theirs = self.own + self.behind
        self.own += self.takes / 2
        return theirs


@pytest.mark.parametrize("behind", [6.0, -6.0, 3_600.0])
async def test_one_that_is_off_is_put_right_and_that_is_said_once(
    behind: float, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    clock = SharedClock(machine, lambda: machine.own)
    await clock.look()
    assert (clock.ahead, caplog.records) == (0.0, [])
    machine.behind, machine.takes = behind, 0.2
    await clock.look()
    await clock.look()
    assert clock() - machine.own == pytest.approx(behind)
    assert len(caplog.records) == 1
    machine.behind = 0.0
    await clock.look()
    assert clock() == pytest.approx(machine.own), "somebody has set it"


@pytest.mark.parametrize(("behind", "takes"), [(0.4, 0.0), (-0.4, 0.0), (1.3, 2.0)])
async def test_what_is_small_or_may_be_the_way_there_is_let_be(behind: float, takes: float) -> None:
    machine = Machine()
    clock = SharedClock(machine, lambda: machine.own)
    machine.behind, machine.takes = behind, takes
    await clock.look()
    assert clock.ahead == 0.0

"""Guards share one α, and say when they have found enough."""

import pytest

from routing.guard import ALPHA, Guard, Source, shared_out


def test_alpha_is_shared_out_between_those_that_act() -> None:
    guards = [
        Guard("faults", Source.UNITS),
        Guard("approve", Source.DECISIONS),
        Guard("new", Source.UNITS, dry_run=True),
    ]
    shared = shared_out(guards, others=2)
    assert [guard.alpha for guard in shared] == [ALPHA / 4, ALPHA / 4, 0.0]
    assert shared[0].enough == pytest.approx(400.0)
    assert shared[2].enough == float("inf")


@pytest.mark.parametrize("wrong", [{"tolerated": 0.9}, {"alpha": 1.0}, {"alpha": -0.1}])
def test_a_guard_that_cannot_be(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="guard faults"):
        Guard("faults", Source.UNITS, **wrong)


def test_a_name_stands_for_one_guard() -> None:
    with pytest.raises(ValueError, match="twice"):
        shared_out([Guard("faults", Source.UNITS), Guard("faults", Source.PAIRS)])

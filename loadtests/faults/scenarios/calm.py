"""No fault at all: what the machine itself does to the calls, so that a fault is not blamed for it."""

from loadtests.faults.ledger import GOOD
from loadtests.faults.observing import mostly, none_failed, observed
from loadtests.faults.scenario import Observed, Scenario
from loadtests.faults.stage import Stage


def calm(stage: Stage) -> Observed:
    """Only the calls."""
    with stage.both("calm") as (_, served):
        run = stage.steady(served, stage.plan.span(5.0, 30.0), grpcio=50.0)
    return observed(run, {}, [none_failed(run.calls), mostly(run.calls, 0.999, *GOOD)])


SCENARIOS = (
    Scenario("calm", "nothing", "answers, all inside the budget", calm, lambda plan: plan.span(5.0, 30.0) + 8),
)

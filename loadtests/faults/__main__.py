"""`python -m loadtests.faults`: plays the scenarios one after the other and writes what callers saw."""

import datetime
import os
import sys
import time
import traceback

from loadtests.cases import CasesError
from loadtests.faults.catalogue import SCENARIOS, selected
from loadtests.faults.ground import fill
from loadtests.faults.options import parser, plan_from
from loadtests.faults.plan import Plan
from loadtests.faults.readme_table import table_from
from loadtests.faults.report import Report
from loadtests.faults.result import Result
from loadtests.faults.scenario import Scenario
from loadtests.faults.stage import Stage
from loadtests.options import cases_for
from loadtests.processors import held
from loadtests.serving import ServingError

_GROUND_SECONDS = 15.0


def main(arguments: list[str] | None = None) -> int:
    """Run; return the exit status that `--help` explains."""
    options = parser().parse_args(arguments)
    try:
        if options.table is not None:
            print(table_from(options.table))
            return 0
        at = datetime.datetime.now(datetime.UTC)
        plan = plan_from(options, options.out / f"{at:%Y%m%dT%H%M%SZ}")
        scenarios = selected(plan.only)
        return _list(plan, scenarios) if options.list else _run(plan, scenarios, at)
    except (CasesError, ServingError, OSError, ValueError) as exc:
        print(f"no fault runs: {exc}", file=sys.stderr)
        return 2


def _list(plan: Plan, scenarios: list[Scenario]) -> int:
    for one in scenarios:
        print(f"{one.name:24} {one.does} (about {_minutes(one.seconds(plan))})\n{'':24} promise: {one.sees}")
    print(f"all of these: about {_minutes(_GROUND_SECONDS + sum(one.seconds(plan) for one in scenarios))}")
    return 0


def _run(plan: Plan, scenarios: list[Scenario], at: datetime.datetime) -> int:
    total = _GROUND_SECONDS + sum(one.seconds(plan) for one in scenarios)
    _say(f"{len(scenarios)} of {len(SCENARIOS)} scenarios, about {_minutes(total)}; {plan.seats.text()}")
    _say(f"into {plan.out}")
    cases = cases_for(None, "fraud", plan.fewest_requests, plan.seed)
    plan.out.mkdir(parents=True, exist_ok=True)
    fill(plan, _say)
    with held([os.getpid()], plan.seats.generator):
        stage = _measured(Stage(plan, cases, 0.0, _say))
        reports = _play(stage, scenarios)
    result = Result(at, plan, sys.argv, stage.capacity, reports)
    path = result.write(plan.out)
    print(f"\n{result.summary()}\n\nwritten to {path.parent}")
    return result.exit_status


def _measured(stage: Stage) -> Stage:
    """Return the stage with the capacity of a worker, from which all rates follow."""
    with stage.both("capacity") as (_, served):
        capacity = stage.capacity_of(served, 64)
    stage.say(f"one worker answers {capacity:,.0f} calls/s, closed loop; faults are played at {stage.plan.load:.0%}")
    return Stage(stage.plan, stage.cases, capacity, stage.say)


def _play(stage: Stage, scenarios: list[Scenario]) -> list[Report]:
    reports: list[Report] = []
    for number, one in enumerate(scenarios):
        left = sum(other.seconds(stage.plan) for other in scenarios[number:])
        _say(f"[{number + 1}/{len(scenarios)}] {one.name}: {one.does}; about {_minutes(left)} left")
        try:
            reports.append(_attempt(stage, one))
        except KeyboardInterrupt:
            _say(f"interrupted in {one.name}: writing what was found before")
            return [*reports, *(Report(other, None, "interrupted") for other in scenarios[number:])]
        _say(reports[-1].text())
    return reports


def _attempt(stage: Stage, one: Scenario) -> Report:
    """Play one scenario; whatever breaks it off costs its own result, never those before."""
    try:
        return Report(one, one.play(stage))
    except Exception as exc:
        log = stage.plan.out / "logs" / f"{one.name}-broke-off.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(exc)))
        return Report(one, None, f"broke off: {' '.join(str(exc).split())[:300]}; where: logs/{log.name}")


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


if __name__ == "__main__":
    sys.exit(main())

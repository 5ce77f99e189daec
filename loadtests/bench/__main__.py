"""`python -m loadtests.bench`: runs the measures one after the other and writes what they found."""

import datetime
import os
import sys
import time

from loadtests.bench.attempt import attempt, no_value
from loadtests.bench.catalogue import MEASURES, selected
from loadtests.bench.finding import Finding
from loadtests.bench.gateways import Gateways
from loadtests.bench.ground import ground
from loadtests.bench.measure import Bench, Measure
from loadtests.bench.options import parser, plan_from
from loadtests.bench.page import goal_table
from loadtests.bench.plan import Plan
from loadtests.bench.publish import NothingToPublish, publish
from loadtests.bench.result import Result
from loadtests.cases import CasesError
from loadtests.options import cases_for
from loadtests.processors import held
from loadtests.serving import ServingError

_GROUND_SECONDS = 30.0  # that `sluice up` takes when everything is trained and filled already


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; 1 when a measure has no value, 2 when the bench could not be run. Short of a goal is no error."""
    options = parser().parse_args(arguments)
    try:
        if options.publish:
            print("\n".join(map(str, publish(options.out))))
            return 0
        at = datetime.datetime.now(datetime.UTC)
        plan = plan_from(options, options.out / f"{at:%Y%m%dT%H%M%SZ}")
        measures = selected(plan.only)
        return _list(plan, measures) if options.list else _run(plan, measures, at)
    except (CasesError, NothingToPublish, ServingError, OSError, ValueError) as exc:
        print(f"no bench: {exc}", file=sys.stderr)
        return 2


def _list(plan: Plan, measures: list[Measure]) -> int:
    for measure in measures:
        parts = f"\n{'':14}parts: {', '.join(measure.parts)}" if measure.parts else ""
        print(f"{measure.name:13} {measure.does} (about {_minutes(measure.seconds(plan))}){parts}")
    return 0


def _run(plan: Plan, measures: list[Measure], at: datetime.datetime) -> int:
    total = _GROUND_SECONDS * (plan.redis is None) + sum(measure.seconds(plan) for measure in measures)
    _say(f"{len(measures)} of {len(MEASURES)} measures, about {_minutes(total)}; {plan.seats.text()}; into {plan.out}")
    _say("the first time takes longer: models are trained, peers are installed")
    cases = cases_for(plan.requests, plan.deployment, plan.fewest_requests, plan.seed)
    plan.out.mkdir(parents=True, exist_ok=True)
    with held([os.getpid()], plan.seats.generator), ground(plan) as there:
        gateways = Gateways(plan, there.redis, there.redis_pids)
        findings = _measure(Bench(plan, there, gateways, cases, _say), measures)
        # Before the ground is left: should that fail, what was measured is not lost.
        result = Result(at, plan, sys.argv, gateways.commands, findings)
        path = result.write(plan.out)
        print(f"\n{result.text()}\n\nwritten to {path.parent}")
    return 0 if result.whole else 1


def _measure(bench: Bench, measures: list[Measure]) -> list[Finding]:
    findings: list[Finding] = []
    for number, measure in enumerate(measures):
        left = sum(one.seconds(bench.plan) for one in measures[number:])
        _say(f"[{number + 1}/{len(measures)}] {measure.name}: {measure.does}; about {_minutes(left)} left")
        try:
            found = attempt(measure, bench)
        except KeyboardInterrupt:
            _say(f"interrupted in {measure.name}: writing what was found before")
            skipped = measures[number:]
            return [*findings, *(row for one in skipped for row in no_value(one, bench.plan, "interrupted"))]
        _say(goal_table(found))
        findings += found
    return findings


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} minutes"


if __name__ == "__main__":
    sys.exit(main())

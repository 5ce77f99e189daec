"""Runs one measure so that whatever breaks it costs its own rows, never those that were found before."""

import subprocess
import traceback
from pathlib import Path

from loadtests.bench.finding import Finding
from loadtests.bench.goals import GOALS
from loadtests.bench.measure import Bench, Measure
from loadtests.bench.plan import Plan
from loadtests.serving import ServingError

_LONGEST = 300


def attempt(measure: Measure, bench: Bench) -> list[Finding]:
    """Return what it finds; rows without a value, and a traceback among the logs, where it breaks off."""
    try:
        return measure.run(bench)
    except Exception as exc:
        log = _write(exc, bench.plan.out / "logs" / f"{measure.name}-broke-off.log")
        trouble = f"broke off: {_words(exc)}"
        bench.say(f"{measure.name} {trouble}; where: {log}")
        return no_value(measure, bench.plan, f"{trouble}; where: logs/{log.name}")


def no_value(measure: Measure, plan: Plan, trouble: str) -> list[Finding]:
    """Return a row without a value for each finding that was asked for and is demanded, or else was named."""
    names = (measure.name, *measure.parts)
    demanded = [name for name in names if name in GOALS and plan.wants(measure.name, name)]
    rows = demanded or [name for name in names if name in plan.only] or [measure.name]
    return [Finding(name, f"{name}: {measure.does}", "", trouble=trouble) for name in rows]


def _write(exc: Exception, log: Path) -> Path:
    log.parent.mkdir(parents=True, exist_ok=True)
    said = exc.stderr if isinstance(exc, subprocess.CalledProcessError) else None
    log.write_text("".join(traceback.format_exception(exc)) + (f"\nits own words:\n{said}" if said else ""))
    return log


def _words(exc: Exception) -> str:
    expected = isinstance(exc, ServingError | OSError | ValueError)
    words = " ".join(str(exc).split())[:_LONGEST]
    return words if expected and words else f"{type(exc).__name__}: {words}"

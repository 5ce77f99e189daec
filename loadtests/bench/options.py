"""The bench's command line, and the plan that it makes."""

import os
import shlex
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from dataclasses import fields
from pathlib import Path

from loadtests.answer import Contract
from loadtests.bench.plan import QUICK, Plan
from loadtests.options import FEWEST_CASES
from loadtests.seats import Seats, seats_for, unseated

OUT = Path(".sluice/bench")
_SLUICE = shlex.quote(str(Path(sys.executable).parent / "sluice"))
_PORTS = "--grpc-port {grpc_port} --http-port {http_port} --metrics-port {metrics_port}"
_UP = f"{_SLUICE} up --workers 1 {_PORTS} --redis-port {{redis_port}}"
_SERVE = f"{_SLUICE} serve --replay-now --workers 1 --front {{front}} {_PORTS} --state {{state}}"

_DESCRIPTION = """\
Measure one worker on one core, the generator on another, and hold every figure against what it must be.

Without more words: bring Redis, bundles and features up as `sluice up` does, run every measure, and write a page, a
JSON and pictures into a folder of .sluice/bench named for the time."""
_EPILOG = """\
examples:
  python -m loadtests.bench --list                    what is measured, and how long it takes
  python -m loadtests.bench --only calls tls          two measures
  python -m loadtests.bench --only grpc-16 grpc-aio   parts of one
  python -m loadtests.bench --quick                   see that everything runs; no figure to believe
  python -m loadtests.bench --only memory --soak 600  ten minutes at full load
  python -m loadtests.bench --publish                 copy the newest bench to loadtests/results"""


def parser() -> ArgumentParser:
    """Return the parser."""
    made = ArgumentParser(
        prog="python -m loadtests.bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    made.add_argument("--list", action="store_true", help="say what is measured, and run nothing")
    made.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these measures, or parts of them")
    made.add_argument("--quick", action="store_true", help="short rounds and few: enough to see that it runs")
    made.add_argument(
        "--publish",
        action="store_true",
        help="copy the newest bench, if it is whole, to loadtests/results, run nothing",
    )
    _add_time(made)
    _add_calls(made)
    _add_places(made)
    return made


def plan_from(options: Namespace, out: Path) -> Plan:
    """Return the plan; raises ValueError when the machine cannot seat everybody."""
    names = {field.name for field in fields(Plan)}
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    settings = (QUICK if options.quick else {}) | given
    return Plan(
        **settings
        | {
            "out": out,
            "only": frozenset(options.only),
            "seats": _seats(options),
            "serve": _words(options.serve, options.models),
            "up": _words(_UP, options.models),
            "contract": Contract(),
            "cross_check": not options.no_cross_check,
        }
    )


def _words(command: str, models: Path) -> list[str]:
    words = shlex.split(command)
    return words if models == Path("models") else [*words, "--models", str(models)]


def _seats(options: Namespace) -> Seats:
    if options.unpinned:
        return unseated()
    seats = seats_for(os.cpu_count() or 1, options.redis_core, options.proxy_core)
    worker = seats.worker if options.worker_core is None else options.worker_core
    generator = seats.generator if options.client_core is None else options.client_core
    return Seats(worker, generator, seats.redis, seats.proxy)


def _add_time(made: ArgumentParser) -> None:
    # No defaults here: they stand in Plan, and --quick has others.
    for name, kind, text in (
        ("rounds", int, "rounds of the fronts and the peers"),
        ("seconds", float, "measured in each of those"),
        ("warm-up", float, "seconds before that, not measured"),
        ("pair-rounds", int, "pairs where two are measured in turn"),
        ("pair-seconds", float, "measured of each of a pair"),
        ("open-seconds", float, "of Poisson arrivals at each rate"),
        ("soak", float, "seconds at full load while memory is watched"),
        ("starts", int, "workers that are killed to time the next one"),
        ("bar-seconds", float, "sampled for each bar of the picture"),
        ("delay-us", float, "that Redis's replies are held in the open loop"),
    ):
        made.add_argument(f"--{name}", type=kind, metavar="N", help=f"{text} [{_default(name)}]")


def _default(name: str) -> object:
    return next(field.default for field in fields(Plan) if field.name == name.replace("-", "_"))


def _add_calls(made: ArgumentParser) -> None:
    made.add_argument("--requests", type=Path, help="JSON lines of entities, features and unit (default: fraud's)")
    made.add_argument("--fewest-requests", type=int, default=FEWEST_CASES, help="distinct entity sets [%(default)s]")
    made.add_argument("--timeout-ms", type=int, help="the deadline that every call brings [100]")
    made.add_argument("--seed", type=int, help="order and arrivals of the calls [7]")
    made.add_argument("--no-cross-check", action="store_true", help="do not hold our rate against h2load's")


def _add_places(made: ArgumentParser) -> None:
    made.add_argument("--out", type=Path, default=OUT, help="where a folder for this bench is made [%(default)s]")
    made.add_argument("--redis", metavar="URL", help="a Redis that is filled already: none is brought up")
    made.add_argument("--redis-pid", type=int, help="with --redis: whose processor time is Redis's")
    made.add_argument(
        "--models", type=Path, default=Path("models"), help="where <name>/deployment.yaml lie [%(default)s]"
    )
    made.add_argument("--serve", default=_SERVE, help="the command that starts a gateway [sluice serve ...]")
    made.add_argument("--base-port", type=int, help="the first of some seventy ports that are used [21000]")
    made.add_argument("--patience", type=float, help="seconds that a gateway may take to become ready [900]")
    for name, whose in (
        ("worker", "the gateway's"),
        ("client", "the generator's"),
        ("redis", "Redis's"),
        ("proxy", "its proxy's"),
    ):
        made.add_argument(f"--{name}-core", type=int, help=f"{whose} core")
    made.add_argument("--unpinned", action="store_true", help="hold nobody on a core")

"""The command line of the fault runs, and the plan that it makes."""

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from pathlib import Path

from loadtests.faults.plan import Plan
from loadtests.options import FEWEST_CASES
from loadtests.seats import seats_for, unseated

OUT = Path(".sluice/stress")

_DESCRIPTION = """\
Break something of a gateway's, or drown it, while callers go on calling, and hold what they see against the promise.

Every run prints the callers' ledger: sent = answered + degraded + rescued + refused + failed. Each scenario brings up
a Redis and a gateway of its own, on free ports of the loopback, and ends them."""
_EPILOG = """\
examples:
  python -m loadtests.faults --list                     every scenario, what it does and how long it takes
  python -m loadtests.faults --only redis-frozen        one of them; a beginning (redis) names several
  python -m loadtests.faults --quick                    everything in its short form
  python -m loadtests.faults --table FOLDER             print the README's table from a run's stress.json

Exit status: 0 when every promise was kept (scenarios that await a part of the gateway neither pass nor fail),
1 when one was broken, a ledger did not add up or a scenario broke off, 2 when nothing could be run, 3 when none was
broken and of some nothing can be told (a rate that the generator could not offer)."""


def parser() -> ArgumentParser:
    """Return the parser."""
    made = ArgumentParser(
        prog="python -m loadtests.faults",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    made.add_argument("--list", action="store_true", help="say what there is, and run nothing")
    made.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these scenarios, or those that begin so")
    made.add_argument("--quick", action="store_true", help="seconds instead of minutes: the same faults, for less long")
    made.add_argument("--table", type=Path, metavar="FOLDER", help="print the README's table from FOLDER/stress.json")
    made.add_argument("--out", type=Path, default=OUT, help="where a folder for this run is made [%(default)s]")
    made.add_argument("--load", type=float, default=Plan.__dataclass_fields__["load"].default, help=_LOAD)
    made.add_argument("--timeout-ms", type=int, default=100, help="the deadline that every call brings [%(default)s]")
    made.add_argument("--fewest-requests", type=int, default=FEWEST_CASES, help="distinct entity sets [%(default)s]")
    made.add_argument("--seed", type=int, default=7, help="order and arrivals of the calls [%(default)s]")
    made.add_argument("--unpinned", action="store_true", help="hold nobody on a core")
    return made


_LOAD = "the share of its capacity at which a gateway is busy while something breaks [%(default)s]"


def plan_from(options: Namespace, out: Path) -> Plan:
    """Return the plan; raises ValueError when the machine cannot seat everybody."""
    return Plan(
        out=out,
        seats=unseated() if options.unpinned else seats_for(os.cpu_count() or 1),
        quick=options.quick,
        only=frozenset(options.only),
        filled=options.out / "filled.rdb",
        load=options.load,
        deadline_ms=options.timeout_ms,
        fewest_requests=options.fewest_requests,
        seed=options.seed,
    )

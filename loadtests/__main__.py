"""One run against a gateway that is already there: `python -m loadtests grpc 127.0.0.1:50051`.

Every few seconds a line on standard error says how it goes; the figures come at the end.
"""

import os
import sys
from argparse import ArgumentParser, Namespace

import msgspec

from loadtests.cases import CasesError, of_new_cards
from loadtests.dialect import DIALECTS, dialect, requests
from loadtests.generator import generate
from loadtests.options import add_load_options, address, cases_from, load_from, target_from
from loadtests.processors import ProcessorMeter, family, held
from loadtests.progress import tell
from loadtests.table import figures
from loadtests.tally import Report
from loadtests.tls import over_tls


def main(arguments: list[str] | None = None) -> int:
    """Run once, print the figures; 1 when the run may not show a rate, 2 when it could not be made."""
    options = _parser().parse_args(arguments)
    try:
        report = _run(options)
    except (CasesError, OSError) as exc:
        print(f"no run: {exc}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # who has seen enough; a part of a run is no figure
        return 130
    print(msgspec.json.format(msgspec.json.encode(report.as_json())).decode() if options.json else figures(report))
    return 0 if report.sound else 1


def _run(options: Namespace) -> Report:
    target = target_from(options, options.address)
    spoken = dialect(options.dialect, target)
    if options.tls_ca is not None:
        spoken = over_tls(spoken, target.host, options.tls_ca)
    cases = cases_from(options)
    calls = requests(spoken, of_new_cards(cases, options.cards) if options.cards else cases)
    watched = {"worker": options.worker_pid, "redis": options.redis_pid}
    meters = {name: ProcessorMeter(family(pid)) for name, pid in watched.items() if pid is not None}
    with held([os.getpid()], options.core):
        return generate(load_from(options), spoken, options.address, calls, meters, options.seed, tell)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m loadtests", description=__doc__)
    parser.add_argument("dialect", choices=DIALECTS)
    parser.add_argument("address", type=address, metavar="HOST:PORT")
    add_load_options(parser)
    parser.add_argument(
        "--cards",
        type=int,
        default=0,
        help="spread fraud's calls over so many cards that nobody knows [those of the data]",
    )
    parser.add_argument("--core", type=int, help="hold the generator on this core")
    parser.add_argument("--worker-pid", type=int, help="count this process's time and its children's as the worker's")
    parser.add_argument("--redis-pid", type=int, help="count this process's time as Redis's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""`python -m loadtests.bench`: one worker on one core, the generator on the other, over every front in turn.

Starts the gateway anew for every front and round with the command given, or measures one that runs (`--running`).
"""

import datetime
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from functools import partial
from os import cpu_count
from pathlib import Path

from loadtests import h2load
from loadtests.cases import CasesError
from loadtests.cross_check import CrossCheck
from loadtests.dialect import dialect, requests
from loadtests.generator import Load
from loadtests.options import add_load_options, address, cases_from, load_from, target_from
from loadtests.result import Result
from loadtests.rounds import Front, Question, Rounds, Seats
from loadtests.serving import ServingError, Start, running, started

SERVERS = {
    "h2corn": {"grpc": "h2corn", "http": "h2corn"},
    "conservative": {"grpc": "grpc.aio", "http": "uvicorn"},
}
"""By the name of a front: the server that answers each dialect."""

_SERVE = (
    f"{shlex.quote(str(Path(sys.executable).parent / 'sluice'))} up --front {{front}} --workers 1"
    " --grpc-port {grpc_port} --http-port {http_port}"
)


def main(arguments: list[str] | None = None) -> int:
    """Run the bench and print its table; 1 when a row has no rate, 2 when it could not be run."""
    options = _parser().parse_args(arguments)
    try:
        result = bench(options)
    except (CasesError, ServingError, OSError) as exc:
        print(f"no bench: {exc}", file=sys.stderr)
        return 2
    path = result.write(options.out)
    print(f"\n{result.text()}\n\nwritten to {path}")
    return 0 if all(row.sound for row in result.rows) else 1


def bench(options: Namespace) -> Result:
    """Run every round and return what came of it."""
    at = datetime.datetime.now(datetime.UTC)
    if not options.unpinned and (cpu_count() or 1) < 2:
        raise ServingError("one core cannot hold both the worker and the generator; --unpinned measures anyway")
    questions = _questions(options)
    check = _cross_check(options)
    options.out.mkdir(parents=True, exist_ok=True)
    rounds = Rounds(load_from(options), _seats(options), lambda line: print(line, flush=True))
    rows = rounds.play(_fronts(options, questions, check), questions, options.rounds)
    commands = {front: _command(options, front) for front in options.fronts} if options.running is None else {}
    return Result(at, {"bench": sys.argv, **commands}, load_from(options), rounds.cores, rows, check)


def _questions(options: Namespace) -> list[Question]:
    cases = cases_from(options)
    addresses = {"grpc": options.grpc, "http": options.http}
    spoken = [dialect(name, target_from(options, addresses[name])) for name in options.dialects]
    return [Question(one, addresses[one.name], requests(one, cases)) for one in spoken]


def _fronts(options: Namespace, questions: Sequence[Question], check: CrossCheck | None) -> list[Front]:
    asked = next((question for question in questions if question.spoken.name == "grpc"), None)
    checked = partial(check.run, asked.spoken, asked.calls[0]) if check and asked else lambda: None
    if options.running is not None:
        processes = partial(running, options.worker_pid, options.redis_pid)
        return [Front(processes, dict.fromkeys(options.dialects, options.running), checked)]
    return [
        Front(partial(started, _start(options, name)), SERVERS[name], checked if name == "h2corn" else lambda: None)
        for name in options.fronts
    ]


def _start(options: Namespace, front: str) -> Start:
    core = None if options.unpinned else options.worker_core
    return Start(_command(options, front), options.http, core, options.out / f"gateway-{front}.log", options.patience)


def _command(options: Namespace, front: str) -> list[str]:
    values = {"front": front, "grpc_port": options.grpc[1], "http_port": options.http[1]}
    return [word.format(**values) for word in shlex.split(options.serve)]


def _seats(options: Namespace) -> Seats:
    if options.unpinned:
        return Seats(None, None)
    return Seats(options.client_core, options.client_core if options.redis_core is None else options.redis_core)


def _cross_check(options: Namespace) -> CrossCheck | None:
    if options.no_cross_check or not h2load.available():
        return None
    load = Load(options.connections, options.streams, options.warm_up, options.cross_check_seconds)
    return CrossCheck(load, options.grpc, options.timeout_ms, options.out)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m loadtests.bench", description=__doc__)
    add_load_options(parser)
    parser.add_argument("--grpc", type=address, default=("127.0.0.1", 50051), metavar="HOST:PORT")
    parser.add_argument("--http", type=address, default=("127.0.0.1", 8080), metavar="HOST:PORT")
    parser.add_argument("--dialects", nargs="+", choices=("grpc", "http"), default=["grpc", "http"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(".sluice/bench"), help="where results and logs are written")
    parser.add_argument("--serve", default=_SERVE, help="the command that starts a gateway")
    parser.add_argument("--fronts", nargs="+", choices=tuple(SERVERS), default=list(SERVERS))
    parser.add_argument("--patience", type=float, default=900.0, help="seconds a gateway may take to become ready")
    parser.add_argument("--running", metavar="NAME", help="start nothing: measure what runs, under this name")
    parser.add_argument("--worker-pid", type=int, help="with --running: whose processor time is the worker's")
    parser.add_argument("--redis-pid", type=int, help="with --running: whose processor time is Redis's")
    parser.add_argument("--worker-core", type=int, default=0)
    parser.add_argument("--client-core", type=int, default=1)
    parser.add_argument("--redis-core", type=int, help="default: the client's")
    parser.add_argument("--unpinned", action="store_true", help="hold nobody on a core")
    parser.add_argument("--no-cross-check", action="store_true", help="do not run h2load")
    parser.add_argument("--cross-check-seconds", type=float, default=4.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())

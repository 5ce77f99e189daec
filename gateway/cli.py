"""The command `sluice`: reads flags and environment once, makes one config, and starts what was asked for."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.command_line.client_flags import add_client_flags, read_reach
from gateway.command_line.control_command import add_control, add_control_ports
from gateway.command_line.dead_letters_command import add_dead_letters
from gateway.command_line.environment import ROOT, env
from gateway.command_line.offline import OFFLINE, add_offline, run_offline
from gateway.command_line.place_command import add_place
from gateway.command_line.records_command import add_records
from gateway.command_line.rollout.parser import add_rollout
from gateway.command_line.score_all_command import add_score_all
from gateway.command_line.serve_flags import add_serve_flags, read_config
from gateway.config import ConfigError
from gateway.pem import TlsError

Command = Callable[[argparse.Namespace], int]

EPILOG = """\
examples:
  sluice up                                   everything on this machine, ready to call
  sluice serve --workers 4                    the gateway alone, beside a Redis that is filled already
  sluice predict fraud card_id=32261 store_id=8516 amount=24900 customer_present=true
  sluice describe fraud                       what a deployment wants, and who answers it
  sluice reload                               have the running gateway serve what deployment.yaml says now
  sluice status                               which worker serves which table, with which bundles
  sluice control                              judge rollouts, beside the Redis that they are kept in
  sluice records --deployment fraud           what it has decided, where it keeps records
  sluice adopt embed 1 --onnx model.onnx      a bundle of any tensors, out of a model that others made
  sluice triton-repository --out /models      bundles as models of NVIDIA Triton
  sluice score-all credit                     compute every client's score ahead, for backend: precomputed
  sluice place fraud                          where its model should run: CPU, GPU or Triton, or computed ahead
  sluice dead-letters list                    queued calls that were given up, and why
  sluice rollout --help                       a new bundle on its way to champion, watched by its judge

Every flag of up, serve and control has an environment variable: --grpc-port is SLUICE_GRPC_PORT, and so on.
A flag wins.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status. What can go wrong ends in one line on standard error."""
    arguments = parse(argv)
    command: Command = arguments.run
    try:
        status = command(arguments)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; name=value words may stand before and after flags, which argparse alone does not allow."""
    words = sys.argv[1:] if argv is None else argv
    parser = build_parser()
    if words and words[0] in OFFLINE:
        return argparse.Namespace(run=lambda _: run_offline(words[0], words[1:]))
    arguments, rest = parser.parse_known_args(words)
    if rest and (arguments.command != "predict" or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        arguments.values = [*arguments.values, *rest]
    return arguments


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; environment variables are read here, once, as the flags' defaults."""
    parser = argparse.ArgumentParser(
        prog="sluice",
        description="A real-time inference gateway: features, champion, canary and shadow, inside 100 ms.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_up(commands)
    _add_serve(commands)
    _add_predict(commands)
    _add_describe(commands)
    _add_reload(commands)
    _add_status(commands)
    add_control(commands)
    state = Path(str(env("state", ROOT / ".sluice")))
    add_records(commands, Path(str(env("records", "") or state / "records")))
    add_rollout(commands)
    add_offline(commands)
    add_score_all(commands)
    add_place(commands)
    add_dead_letters(commands)
    return parser


def _add_up(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "up",
        help="everything on one machine: Redis, bundles, features, gateway",
        description="Start an embedded Redis (unless a Redis URL is given), train what has changed, materialise the "
        "features, and serve. Ctrl-C drains and stops.",
    )
    add_serve_flags(parser)
    parser.add_argument(
        "--redis-port", type=int, default=env("redis_port", 6399), help="port of the embedded Redis [%(default)s]"
    )
    add_control_ports(parser)
    parser.set_defaults(run=_run_up)


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "serve",
        help="the gateway alone",
        description="Serve every deployment from its bundles, beside a Redis that Feast has filled.",
    )
    add_serve_flags(parser)
    parser.add_argument(
        "--replay-now",
        action="store_true",
        help="set replay clocks anew, so that the newest row of the data is now; otherwise as `sluice up` set them",
    )
    parser.set_defaults(run=_run_serve)


def _add_predict(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "predict",
        help="ask a running gateway for one prediction",
        description="Ask for one prediction. Names are sorted into entities and features by what the deployment says.",
        epilog="example: sluice predict fraud card_id=32261 store_id=8516 amount=24900 customer_present=true",
    )
    parser.add_argument("deployment")
    parser.add_argument("values", nargs="*", metavar="name=value", help="entity ids and request features")
    parser.add_argument("--unit", default="", help="the unit, where the deployment takes it from the request")
    add_client_flags(parser)
    parser.set_defaults(run=_run_predict)


def _add_describe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("describe", help="say what a deployment wants, and who answers it")
    parser.add_argument("deployment")
    add_client_flags(parser)
    parser.set_defaults(run=_run_describe)


def _add_reload(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "reload",
        help="have the running gateway serve what deployment.yaml says now",
        description="Have the running gateway read every deployment.yaml again. Each worker makes ready what is new "
        "beside what it serves; when all have, they turn together, and no call is lost. What is wrong or absent "
        "changes nothing: that deployment goes on with its last table. The exit status is 0 only when every worker "
        "serves what is declared. SIGHUP to `sluice serve` does the same.",
    )
    parser.add_argument(
        "--forget",
        action="append",
        default=[],
        metavar="DEPLOYMENT",
        help="serve it no longer; its deployment.yaml must be gone already",
    )
    parser.add_argument("--patience", type=float, default=120.0, help="seconds for loading one table [%(default)g]")
    _add_state_flags(parser)
    parser.set_defaults(run=_run_reload)


def _add_status(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "status",
        help="say which worker serves which table",
        description="Say what the running gateway serves: tables, workers, arms with their bundles' digests.",
    )
    _add_state_flags(parser)
    parser.set_defaults(run=_run_status)


def _add_state_flags(parser: argparse.ArgumentParser) -> None:
    state = env("state", ROOT / ".sluice")
    parser.add_argument("--state", type=Path, default=state, help="the running gateway's state directory [%(default)s]")
    parser.add_argument("--json", action="store_true", help="print the state as one line of JSON")


def _run_up(arguments: argparse.Namespace) -> int:
    from gateway.command_line.start import run_up
    from gateway.command_line.up import Ports

    redis = None if arguments.redis_url else arguments.redis_port
    ports = Ports(redis, arguments.control_grpc_port, arguments.control_http_port)
    return _say_errors(lambda: run_up(read_config(arguments), ports))


def _run_serve(arguments: argparse.Namespace) -> int:
    from gateway.command_line.start import run_serve

    return _say_errors(lambda: run_serve(read_config(arguments), arguments.replay_now))


def _run_predict(arguments: argparse.Namespace) -> int:
    from gateway.command_line.ask import predict

    return _say_errors(lambda: predict(read_reach(arguments), arguments.deployment, arguments.values, arguments.unit))


def _run_describe(arguments: argparse.Namespace) -> int:
    from gateway.command_line.ask import describe

    return _say_errors(lambda: describe(read_reach(arguments), arguments.deployment))


def _run_reload(arguments: argparse.Namespace) -> int:
    from gateway.command_line.commands import run_reload

    return run_reload(arguments.state.resolve(), arguments.forget, arguments.patience, arguments.json)


def _run_status(arguments: argparse.Namespace) -> int:
    from gateway.command_line.commands import run_status

    return run_status(arguments.state.resolve(), arguments.json)


def _say_errors(run: Callable[[], int]) -> int:
    try:
        return run()
    except (ConfigError, TlsError) as exc:
        print(f"sluice: {exc}", file=sys.stderr)
        return 2
